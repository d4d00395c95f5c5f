package queue

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The directories of a batch are synced side by side, each once, and one that fails takes down those operations only
// that need it.
func TestP1_DirectoriesOfABatch(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	met := make(chan struct{})
	go func() { both.Wait(); close(met) }()
	var mu sync.Mutex
	var synced []string
	q := openFault(t, testOptions(t.TempDir()), func(s step, path string) error {
		camera := filepath.Base(path)
		if s != stepSyncDir || camera != "cam-1" && camera != "cam-2" {
			return nil
		}
		mu.Lock()
		synced = append(synced, camera)
		mu.Unlock()
		both.Done() // a third sync panics
		select {
		case <-met:
		case <-time.After(10 * time.Second):
			t.Errorf("%s waits for the other, which has not begun", camera)
		}
		if camera == "cam-2" {
			return syscall.EIO
		}
		return nil
	})
	one, two := q.payloadDir("cam-1"), q.payloadDir("cam-2")
	must(t, errors.Join(os.Mkdir(one, 0o700), os.Mkdir(two, 0o700)))
	batch := []*op{{dirs: []string{one}}, {dirs: []string{two}}, {}, {dirs: []string{one, two}}, {dirs: []string{one}}}
	live := q.syncDirs(batch)
	if want := []*op{batch[0], batch[2], batch[4]}; !slices.Equal(live, want) {
		t.Errorf("%d operations go on", len(live))
	}
	for i, o := range batch {
		if failed := i == 1 || i == 3; failed != errors.Is(o.err, syscall.EIO) {
			t.Errorf("operation %d: %v", i, o.err)
		}
	}
	slices.Sort(synced)
	if want := []string{"cam-1", "cam-2"}; !slices.Equal(synced, want) {
		t.Errorf("%q", synced)
	}
}
