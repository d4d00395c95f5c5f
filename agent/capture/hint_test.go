package capture

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

func TestFolderThatAppears(t *testing.T) {
	r := open(t).run()
	r.write("cam-7/2026/11/22/a.jpg")
	f := r.next()
	equal(t, "camera", f.Camera, "cam-7")
	must(t, f.Remove())
	r.write("cam-7/2026/11/22/b.jpg") // and its folders are watched by now
	must(t, r.next().Remove())
	if r.camera("cam-7").LastSeen.IsZero() {
		t.Error("LastSeen is zero")
	}
	r.until("the folder shows", func(State) bool { return r.camera("cam-7").Present })
	must(t, os.Mkdir(filepath.Join(r.dir, "Cam 8"), 0o755))
	r.until("the folder without a camera shows", func(s State) bool { return len(s.Unnamed) == 1 })
	must(t, os.RemoveAll(filepath.Join(r.dir, "cam-7")))
	r.step()
	equal(t, "present", r.camera("cam-7").Present, false)
	r.write("cam-7/a.jpg")
	must(t, r.next().Remove())
}

// A folder moved in whole brings files that make no events of their own.
func TestFolderMovedIn(t *testing.T) {
	r := open(t).run()
	r.write(".staging/x/a.jpg")
	must(t, os.Rename(filepath.Join(r.dir, ".staging"), filepath.Join(r.dir, "cam-1")))
	equal(t, "camera", r.next().Camera, "cam-1")
}

// The capture folder itself goes and comes; neither ends Run.
func TestCaptureFolderMadeAnew(t *testing.T) {
	r := open(t, func(o *Options) { o.Rescan = 20 * time.Millisecond }).run()
	r.write("cam-1/a.jpg")
	must(t, r.next().Remove())
	must(t, os.RemoveAll(r.dir))
	r.until("the folder is missed", func(s State) bool {
		return s.Disk == DiskFolderMissing && s.Watch.Reason == WatchNoFolder
	})
	r.write("cam-1/b.jpg")
	must(t, r.next().Remove())
	r.until("the watch is back", func(s State) bool {
		return s.Disk == DiskMarkerMissing && s.Watch.Reason == WatchLive
	})
	equal(t, "a marker was made", exists(filepath.Join(r.dir, MarkerName)), false)
}

// fakeNotify stands for fsnotify where its failures cannot be had for the asking.
type fakeNotify struct {
	events chan fsnotify.Event
	errors chan error
	add    func(path string) error
	mu     sync.Mutex
	closed bool
}

func newFake() *fakeNotify {
	return &fakeNotify{
		events: make(chan fsnotify.Event),
		errors: make(chan error),
		add:    func(string) error { return nil },
	}
}

func (f *fakeNotify) Add(path string) error         { return f.add(path) }
func (f *fakeNotify) Events() <-chan fsnotify.Event { return f.events }
func (f *fakeNotify) Errors() <-chan error          { return f.errors }

func (f *fakeNotify) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

// Promise 3: lost events mean a scan now, not at the next Rescan.
func TestOverflow(t *testing.T) {
	r := open(t)
	fake := newFake()
	r.newNotify = func() (notifier, error) { return fake, nil }
	r.run()
	r.none(150 * time.Millisecond) // the first scan is over
	r.write("cam-1/a.jpg")
	r.none(50 * time.Millisecond)
	fake.errors <- fsnotify.ErrEventOverflow
	must(t, r.next().Remove())
	equal(t, "watch", r.State().Watch.Reason, WatchLive)
}

// A watch that fails is visible, is made anew with growing pauses, and is visible again when it lives.
func TestWatchDiesAndReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t)
		first, second := newFake(), newFake()
		var attempts []time.Time
		r.newNotify = func() (notifier, error) {
			attempts = append(attempts, time.Now())
			switch len(attempts) {
			case 1:
				return first, nil
			case 5:
				return second, nil
			}
			return nil, fmt.Errorf("inotify_init1: %w", syscall.EMFILE)
		}
		r.run()
		died := time.Now()
		first.errors <- errors.New("read: bad file descriptor")
		synctest.Wait()
		equal(t, "watch", r.State().Watch.Reason, WatchFailing)
		equal(t, "closed", first.closed, true)
		time.Sleep(2 * time.Second) // of the bubble's clock
		equal(t, "watch", r.State().Watch.Reason, WatchDescriptors)

		// Found by the scans meanwhile.
		r.write("cam-1/a.jpg")
		must(t, r.nextIn(2*time.Hour).Remove())
		time.Sleep(15 * time.Second) // of the bubble's clock
		synctest.Wait()
		equal(t, "watch", r.State().Watch.Reason, WatchLive)
		var after []time.Duration
		for _, at := range attempts[1:] {
			after = append(after, at.Sub(died).Round(time.Second))
		}
		equal(t, "attempts", fmt.Sprint(after), "[1s 3s 7s 15s]")
	})
}

// The system's limit of watches has a name of its own, and costs nothing but time.
func TestWatchLimit(t *testing.T) {
	r := open(t)
	fake := newFake()
	left := 2
	fake.add = func(path string) error {
		if left == 0 {
			return fmt.Errorf("inotify_add_watch %s: %w", path, syscall.ENOSPC)
		}
		left--
		return nil
	}
	r.newNotify = func() (notifier, error) { return fake, nil }
	ctx := t.Context()
	n, err := r.connect()
	must(t, err)
	defer r.disconnect(n)
	for i := range 4 {
		r.write(fmt.Sprintf("cam-%d/a.jpg", i))
	}
	must(t, r.scan(ctx))
	s := r.State()
	equal(t, "watch", s.Watch.Reason, WatchLimit)
	equal(t, "folders", s.Watch.Folders, 2)
	for range 4 {
		must(t, r.next().Remove())
	}
	left = 100
	must(t, r.scan(ctx))
	equal(t, "watch", r.State().Watch.Reason, WatchLive)
	equal(t, "folders", r.State().Watch.Folders, 5)
}

func TestHintsAreOnlyHints(t *testing.T) {
	r := open(t)
	r.write("cam-1/a.jpg")
	for _, name := range []string{
		r.dir, filepath.Dir(r.dir), "/etc/passwd", r.dir + "/../x", r.dir + "/cam-1/gone.jpg", r.dir + "/cam-1/a.jpg/x",
		r.dir + "/.hidden", r.dir + "/No Name/a.jpg", r.dir + "/" + MarkerName, "",
	} {
		for op := range fsnotify.Chmod << 1 {
			r.hint(fsnotify.Event{Name: name, Op: op})
		}
	}
	r.none(20 * time.Millisecond)
	r.hint(fsnotify.Event{Name: r.dir + "/cam-1/a.jpg", Op: fsnotify.Chmod})
	must(t, r.next().Remove())
}
