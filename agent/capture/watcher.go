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

	scanning chan struct{} // held by whoever looks at the whole folder: Open, and then one scan at a time; capacity 1
	asked    asked         // what the disk has not answered yet

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
// to is no error but a state: its disk may come, or be mended, later, and the rest of the agent has work meanwhile. So is one
// that does not answer within openPatience.
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
		scanning:  make(chan struct{}, 1),
		lease:     takeLease,
		newNotify: newFsnotify,
	}
	w.ledger = newLedger(maxCandidates, w.kick)
	w.watch.Reason = WatchStarting
	w.watch.Since = time.Now()
	if err := w.checkSetup(); err != nil {
		return nil, err
	}
	return w, nil
}

// endPatience is how long Run waits, when ctx has ended, for a disk that does not answer.
const endPatience = 3 * time.Second

// Run scans, and listens for events, until ctx ends; then it returns nil. Trouble with the folder or its watch is in
// State, is retried, and never ends Run. A look that hangs does not keep it from returning: it ends with the process.
func (w *Watcher) Run(ctx context.Context) error {
	// The watch comes before the first scan, which fills it.
	n, err := w.connect()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.watchLoop(ctx, n, err) })
	group.Go(func() error { return w.scanLoop(ctx) })
	ended := make(chan error, 1)
	go func() { ended <- group.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		w.opts.Logger.Warn("the capture folder does not answer; nobody waits for it any more", "dir", w.opts.Dir)
		return nil
	}
}

// How often the loop does other things than a scan every Rescan.
const (
	missingRescan = 2 * time.Second        // while the folder is missing; a look costs nothing
	minScanGap    = 100 * time.Millisecond // after a scan, plus three times what it took
	pruneEvery    = time.Hour
)

// scanLoop scans every Rescan and when kicked, and prunes the rejected folder now and then.
func (w *Watcher) scanLoop(ctx context.Context) error {
	var pruned time.Time
	for {
		began := time.Now()
		if pruned.IsZero() || began.Sub(pruned) >= pruneEvery {
			w.rejected.prune(began)
			pruned = began
		}
		pause := w.opts.Rescan
		if err := w.scan(ctx); err != nil {
			pause = min(pause, missingRescan)
		}
		w.rejected.lookHeld()
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
