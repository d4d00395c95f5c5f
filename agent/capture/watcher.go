package capture

import (
	"context"
	"hash/maphash"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Watcher finds complete files in the capture folder. Open it, keep Run running, and take files with Next.
type Watcher struct {
	opts     Options
	ledger   *ledger
	rejected *store
	seed     maphash.Seed
	asides   sync.Map      // paths below Dir that Remove or Reject is busy with; the scan leaves them alone
	kicks    chan struct{} // a scan is wanted now; capacity 1

	scanning sync.Mutex // held by a scan: one at a time

	mu    sync.Mutex // guards what follows
	disk  diskState
	watch watchState
	// untried makes each scan try whether the folder can be written to, until it can: Open could not. At any other
	// time a file that cannot be taken away tells.
	untried bool
	// rejectedRel is the rejected folder below Dir, slash-separated; "" if it is elsewhere.
	rejectedRel string

	// Knobs for tests.
	lease     func(*os.File) leaseAnswer
	newNotify func() (notifier, error)
}

// Open checks that the capture folder can be used, and makes the marker at first start. A *SetupError says what is wrong
// and what to do. Where a marker has been recorded before, a folder that is missing, cannot be read or cannot be written
// to is no error but a state: its disk may come, or be mended, later, and the rest of the agent has work meanwhile.
func Open(opts Options) (*Watcher, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		opts:      opts,
		rejected:  &store{dir: opts.Rejected, maxBytes: opts.RejectedMaxBytes, maxAge: opts.RejectedMaxAge, log: opts.Logger},
		seed:      maphash.MakeSeed(),
		kicks:     make(chan struct{}, 1),
		lease:     takeLease,
		newNotify: newFsnotify,
	}
	w.ledger = newLedger(maxCandidates, w.kick)
	w.watch.Reason = WatchStarting
	w.watch.Since = time.Now()
	w.findRejected()
	if err := w.checkSetup(); err != nil {
		return nil, err
	}
	return w, nil
}

// checkSetup tries what the agent will have to do: list the folder, and make, rename and delete a file in it.
func (w *Watcher) checkSetup() error {
	recorded, err := readSeen(w.opts.Seen)
	if err != nil {
		return err
	}
	disk, err := w.tryFolder()
	if err != nil && recorded == "" {
		return err
	}
	w.setUntried(err != nil)
	w.setDisk(disk)
	return nil
}

// tryFolder also returns the state that its error makes.
func (w *Watcher) tryFolder() (diskState, error) {
	d, err := openFolder(w.opts.Dir)
	if err != nil {
		return lost(w.opts.Dir, err), setupError(w.opts.Dir, err)
	}
	defer d.close()
	if err := d.each(func(string) bool { return false }); err != nil {
		return failing(w.opts.Dir, err), setupError(w.opts.Dir, err)
	}
	if err := tryWriting(d); err != nil {
		return failing(w.opts.Dir, err), setupError(w.opts.Dir, err)
	}
	disk, err := checkMarker(d, w.opts.Seen)
	if err != nil {
		return failing(w.opts.Dir, err), err
	}
	return disk, nil
}

// tryWritingAgain returns why the folder cannot be written to, if Open left that to be tried.
func (w *Watcher) tryWritingAgain(d *folder) error {
	w.mu.Lock()
	untried := w.untried
	w.mu.Unlock()
	if !untried {
		return nil
	}
	err := tryWriting(d)
	w.setUntried(err != nil)
	return err
}

func (w *Watcher) setUntried(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.untried = is
}

func tryWriting(d *folder) error {
	name := ".shelf-agent-try-" + randomHex(8)
	f, err := d.create(name)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return d.remove(name)
}

// Run scans, and listens for events, until ctx ends; then it returns nil. Trouble with the folder or its watch is in
// State, is retried, and never ends Run.
func (w *Watcher) Run(ctx context.Context) error {
	// The watch comes before the first scan, which fills it.
	n, err := w.connect()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.watchLoop(ctx, n, err) })
	group.Go(func() error { return w.scanLoop(ctx) })
	return group.Wait()
}

// How often the loop does other things than a scan every Rescan.
const (
	missingRescan = 2 * time.Second        // while the folder is missing; a look costs nothing
	minScanGap    = 100 * time.Millisecond // after a scan, plus three times what it took
	pruneEvery    = time.Hour
)

// scanLoop scans every Rescan and when kicked, and prunes the rejected folder now and then.
func (w *Watcher) scanLoop(ctx context.Context) error {
	defer w.opts.Progress(0)
	var pruned time.Time
	for {
		began := time.Now()
		w.opts.Progress(patience)
		if pruned.IsZero() || began.Sub(pruned) >= pruneEvery {
			w.rejected.prune(began)
			pruned = began
		}
		pause := w.opts.Rescan
		if err := w.scan(ctx); err != nil {
			pause = min(pause, missingRescan)
		}
		w.opts.Progress(patience)
		w.rejected.lookHeld()
		w.opts.Progress(pause + patience)
		// A kick must not turn scanning into a busy loop.
		gap := minScanGap + 3*time.Since(began)
		if !sleep(ctx, min(gap, pause), nil) || !sleep(ctx, max(pause-gap, 0), w.kicks) {
			return nil
		}
	}
}

// sleep waits for d or until sooner delivers; false means that ctx has ended.
func sleep(ctx context.Context, d time.Duration, sooner <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-sooner:
	}
	return true
}

// kick asks for a scan soon.
func (w *Watcher) kick() {
	select {
	case w.kicks <- struct{}{}:
	default:
	}
}

func (w *Watcher) path(rel string) string {
	return filepath.Join(w.opts.Dir, filepath.FromSlash(rel))
}
