package capture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// File system events: hints about where to look before the next scan does.

// notifier is the part of fsnotify.Watcher that is used. Closing it closes its channels.
type notifier interface {
	// Add watches a folder, not those below it. Adding it again does no harm, and renews a watch that was lost.
	Add(path string) error
	Events() <-chan fsnotify.Event
	Errors() <-chan error
	Close() error
}

type fsWatcher struct{ w *fsnotify.Watcher }

func newFsnotify() (notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return fsWatcher{w}, nil
}

func (f fsWatcher) Add(path string) error         { return f.w.Add(path) }
func (f fsWatcher) Events() <-chan fsnotify.Event { return f.w.Events }
func (f fsWatcher) Errors() <-chan error          { return f.w.Errors }
func (f fsWatcher) Close() error                  { return f.w.Close() }

// watchState is the watch as State shows it, and what cover needs. Guarded by Watcher.mu.
type watchState struct {
	Watch
	notify notifier // nil while dead
	failed bool     // a folder could not be watched since beginCover
	full   bool     // for want of watches: adding more is futile for now
}

var errWatchClosed = errors.New("capture: the event stream ended")

// connect makes a new watch, empty until a scan covers the folders.
func (w *Watcher) connect() (notifier, error) {
	n, err := w.newNotify()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch.notify = n
	return n, nil
}

// disconnect closes a watch that failed or is not needed any more.
func (w *Watcher) disconnect(n notifier) {
	w.mu.Lock()
	w.watch.notify = nil
	w.mu.Unlock()
	_ = n.Close() // nothing is lost with it
}

// watchLoop keeps a watch alive until ctx ends, with a growing pause after each failure in a row. It begins with the
// result of a first connect.
func (w *Watcher) watchLoop(ctx context.Context, n notifier, err error) error {
	for failures := 0; ; n, err = w.connect() {
		if err == nil {
			if failures > 0 {
				w.kick() // the scan adds the folders, and finds what came meanwhile
			}
			began := time.Now()
			err = w.pump(ctx, n)
			w.disconnect(n)
			if time.Since(began) > time.Minute {
				failures = 0
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		w.watchFailed(err)
		w.kick()
		failures++
		sleep(ctx, min(time.Second<<min(failures-1, 10), time.Minute), nil)
	}
}

// pump turns events into looks until the watch fails or ctx ends.
func (w *Watcher) pump(ctx context.Context, n notifier) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-n.Events():
			if !ok {
				return errWatchClosed
			}
			w.hint(event)
		case err, ok := <-n.Errors():
			switch {
			case !ok:
				return errWatchClosed
			case errors.Is(err, fsnotify.ErrEventOverflow):
				w.opts.Logger.Info("file events were lost; scanning instead")
				w.kick()
			default:
				return err
			}
		}
	}
}

func (w *Watcher) hint(event fsnotify.Event) {
	rel, ok := below(w.opts.Dir, event.Name)
	if !ok {
		return
	}
	if rel == "." {
		if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
			w.kick()
		}
		return
	}
	id := w.owner(rel)
	switch {
	case id == "" && !event.Has(fsnotify.Create):
	case event.Has(fsnotify.Remove), event.Has(fsnotify.Rename):
		// Something new may have taken the name already; lookAt forgets what is gone.
		w.lookAt(rel)
	case event.Op == fsnotify.Write && w.ledger.isBusy(id, rel, time.Now()):
		// A writer at work makes hundreds of these; the probes go on by themselves.
	default:
		w.lookAt(rel)
	}
}

// beginCover and endCover frame a scan, during which cover is called for every folder.
func (w *Watcher) beginCover() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch.Folders, w.watch.failed, w.watch.full = 0, false, false
}

func (w *Watcher) endCover() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.watch.notify == nil, w.watch.failed:
	case w.watch.Folders == 0:
		w.watchIs(WatchNoFolder, "the capture folder cannot be opened")
	default:
		w.watchIs(WatchLive, "")
	}
}

// cover makes sure that the folder at rel is watched.
func (w *Watcher) cover(rel string) {
	w.mu.Lock()
	n, full, folders := w.watch.notify, w.watch.full, w.watch.Folders
	w.mu.Unlock()
	if n == nil || full {
		return
	}
	var err error
	if folders >= maxFolders {
		err = fmt.Errorf("more than %d folders: %w", maxFolders, syscall.ENOSPC)
	} else {
		err = n.Add(w.path(rel))
	}
	switch {
	case err == nil:
		w.mu.Lock()
		w.watch.Folders++
		w.mu.Unlock()
	case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, fsnotify.ErrClosed):
		w.watchFailed(err)
	}
}

// watchFailed records why some or all folders are not watched.
func (w *Watcher) watchFailed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch.failed = true
	switch {
	case errors.Is(err, syscall.ENOSPC):
		w.watch.full = true
		w.watchIs(WatchLimit, err.Error())
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		w.watch.full = true
		w.watchIs(WatchDescriptors, err.Error())
	default:
		w.watchIs(WatchFailing, err.Error())
	}
}

// watchIs logs a change of state once, for those who look closer. The caller holds mu.
func (w *Watcher) watchIs(reason WatchReason, detail string) {
	w.watch.Detail = detail
	if w.watch.Reason == reason {
		return
	}
	if reason == WatchLive {
		w.opts.Logger.Debug("capture folder is watched for events", "folders", w.watch.Folders)
	} else {
		w.opts.Logger.Debug("capture folder is not watched for events; scans still find every file",
			"reason", string(reason), "error", detail)
	}
	w.watch.Reason, w.watch.Since = reason, time.Now()
}
