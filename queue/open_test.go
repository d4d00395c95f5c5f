package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLockedByAnother(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	opts := q.opts
	opts.LockTimeout = 50 * time.Millisecond
	_, err := Open(context.Background(), opts)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.HasSuffix(locked.Path, "lock") {
		t.Fatalf("Open: %v", err)
	}
	if _, procErr := os.Stat("/proc/self/cmdline"); procErr == nil && !strings.Contains(err.Error(), filepath.Base(os.Args[0])) {
		t.Errorf("who holds it is not named: %v", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	opts.LockTimeout = time.Hour
	if _, err := Open(cancelled, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	mustPut(t, q, frameOf("cam-1", 1)) // the holder noticed nothing
	q = reopen(t, q, true)
	if _, err := os.Stat(q.markerPath()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an open queue looks like a clean stop: %v", err)
	}
	must(t, q.Close())
	openTest(t, opts)
}

func TestProgramOfALocksHolder(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/shelf-agent\x00run\x00--config\x00/etc/x.toml\x00": "shelf-agent run",
		"shelf-agent\x00--config\x00x\x00":                           "shelf-agent",
		"odd\x1b[31m\xff\x00":                                        "odd[31m",
		strings.Repeat("long", 100) + "\x00":                         strings.Repeat("long", 15),
		"":                                                           "", // a zombie
	} {
		if got := programOf(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestClosed(t *testing.T) {
	ctx := context.Background()
	q := openTest(t, testOptions(t.TempDir()))
	id := mustPut(t, q, frameOf("cam-1", 1)).ID
	mustLease(t, q, 1)
	must(t, errors.Join(q.Close(), q.Close()))
	_, put := q.Put(ctx, frameOf("cam-1", 2))
	_, lease := q.Lease(ctx, 1)
	_, item := q.Item(id)
	_, _, items := q.Items(ctx, Filter{}, Page{})
	for _, err := range []error{put, lease, item, items, q.Ack(ctx, id, Receipt{Proof: ProofStored}), q.Release(id)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
	}
	q.Stats() // whoever still shows it must not fall
	q = openTest(t, q.opts)
	if !q.Healed().Clean {
		t.Error("the stop was not clean")
	}
	wantStats(t, q, 1, 0, 0, 0, 0)
}

func TestCloseWhileInUse(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	var wg sync.WaitGroup
	put := make([]int, 8)
	for worker := range put {
		wg.Go(func() {
			for n := 0; ; n++ {
				if _, err := q.Put(context.Background(), frameOf(fmt.Sprintf("cam-%d", worker), n)); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				put[worker]++
			}
		})
	}
	for q.Stats().Waiting < 50 {
		<-q.Ready()
	}
	must(t, q.Close())
	wg.Wait()
	q = openTest(t, q.opts)
	want := 0
	for _, n := range put {
		want += n
	}
	wantStats(t, q, int64(want), 0, 0, 0, 0)
}

func TestPutsShareCommits(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	before := q.Stats().Commits
	var wg sync.WaitGroup
	for n := range 256 {
		wg.Go(func() {
			if _, err := q.Put(context.Background(), frameOf("cam-1", n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if commits := q.Stats().Commits - before; commits > 128 {
		t.Errorf("256 Puts at once took %d commits", commits)
	} else {
		t.Logf("256 Puts at once took %d commits", commits)
	}
}

func TestReceiptsAreLimited(t *testing.T) {
	opts := testOptions(t.TempDir())
	opts.Receipts = 5
	q := openTest(t, opts)
	var ids []ID
	for n := range 12 {
		ids = append(ids, mustPut(t, q, frameOf("cam-1", n)).ID)
		mustLease(t, q, 1)
		must(t, q.Ack(context.Background(), ids[n], Receipt{Proof: ProofStored}))
	}
	q = reopen(t, q, true)
	got, err := q.Receipts(100)
	must(t, err)
	if len(got) != 5 || got[0].ID != ids[11] || got[4].ID != ids[7] {
		t.Errorf("receipts %+v", got)
	}
	if _, err := q.Receipt(ids[0]); !errors.Is(err, ErrNotFound) {
		t.Errorf("the oldest: %v", err)
	}
	wantStats(t, q, 0, 0, 0, 0, 12)
}

func TestItemsInPages(t *testing.T) {
	ctx := context.Background()
	q := openTest(t, testOptions(t.TempDir()))
	cameras := []string{"a", "a-b", "a.b", "ab", "b"}
	states := map[State]int{}
	for i := range 100 {
		it := mustPut(t, q, frameOf(cameras[i%len(cameras)], i))
		switch i % 4 {
		case 1:
			must(t, q.Bury(ctx, it.ID, "c", "m"))
			states[Parked]++
		case 2:
			must(t, q.Defer(ctx, it.ID, Deferral{Until: time.Now().Add(time.Hour)}))
			states[Deferred]++
		default:
			states[Waiting]++
		}
	}
	list := func(f Filter, size int) (ids []ID) {
		for page := (Page{Limit: size}); ; {
			items, next, err := q.Items(ctx, f, page)
			must(t, err)
			for _, it := range items {
				if f.State != 0 && it.State != f.State {
					t.Errorf("%v: %+v", f, it)
				}
				if len(ids) > 0 && it.ID <= ids[len(ids)-1] {
					t.Errorf("%s after %s", it.ID, ids[len(ids)-1])
				}
				ids = append(ids, it.ID)
			}
			if next.After == "" {
				return ids
			}
			page = next
		}
	}
	for _, size := range []int{1, 7, 25, 1000} {
		if got := len(list(Filter{}, size)); got != 100 {
			t.Errorf("pages of %d: %d items", size, got)
		}
	}
	for state, want := range states {
		if got := len(list(Filter{State: state}, 9)); got != want {
			t.Errorf("%v: %d items, want %d", state, got, want)
		}
	}
	if got := len(list(Filter{Camera: "a"}, 3)); got != 20 {
		t.Errorf("camera a: %d items", got)
	}
	window := Filter{Since: day.Add(10 * time.Second), Until: day.Add(20 * time.Second)}
	if got := len(list(window, 3)); got != 10 {
		t.Errorf("ten seconds: %d items", got)
	}
	for name, f := range map[string]Filter{
		"file name": {Source: "IMG_0042.jpg"},
		"digest":    {SHA256: fmt.Sprintf("%x", frameOf("a.b", 42).SHA256)[:12]},
		"path":      {Source: "a.b/IMG_0042.jpg", Camera: "a.b"},
	} {
		found, err := q.Find(ctx, f, 10)
		must(t, err)
		if len(found.Items) != 1 || found.Items[0].Source != "a.b/IMG_0042.jpg" || found.More {
			t.Errorf("%s: %+v", name, found)
		}
	}
	for _, it := range mustLease(t, q, 1000) {
		must(t, q.Ack(ctx, it.ID, Receipt{Proof: ProofStored}))
	}
	found, err := q.Find(ctx, Filter{Camera: "a.b", Source: "IMG_0012.jpg"}, 10)
	must(t, err)
	if len(found.Receipts) != 1 || len(found.Items) != 0 {
		t.Errorf("delivered: %+v", found)
	}
	if got := q.Stats(); !got.OldestCaptured.Equal(frameOf("a.b", 2).CapturedAt) {
		t.Errorf("oldest %v", got.OldestCaptured)
	}
}
