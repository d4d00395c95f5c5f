package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultLockTimeout = 2 * time.Second
	defaultReceipts    = 10_000
	defaultReserve     = 16 << 20
	defaultMinFree     = 512 << 20

	// MaxDeferral is how far ahead an item can be deferred: more than anybody waits, and so little that a clock which was
	// wrong meanwhile holds nothing up for hours.
	MaxDeferral = 30 * time.Minute

	// healWait is until when, from its beginning, Open waits for payloads and records to be compared; see the package
	// comment.
	healWait = time.Second
)

// Errors that a caller decides on. See also ErrInvalid, ErrFull, ErrBroken, ErrNewerSchema and LockedError.
var (
	ErrClosed   = errors.New("queue: closed")
	ErrNotFound = errors.New("queue: no such item")
	ErrDigest   = errors.New("queue: payload does not have the digest that it is said to have")
	ErrProof    = errors.New("queue: not a proof of delivery")
)

// Order says which items Lease prefers.
type Order uint8

// The orders. In both, cameras take turns.
const (
	FreshFirst  Order = iota // the newest, and in one of four slots the oldest
	OldestFirst              // the oldest
)

// Options of Open. The zero value of each field but Dir is its default.
type Options struct {
	Dir         string        // created if it is not there
	Order       Order         // default FreshFirst
	MaxBytes    int64         // payloads may use this much; 0: 80 % of the disk's size
	MinFree     int64         // the disk keeps this much free; 0: 5 % of its size, but at least 512 MiB
	LockTimeout time.Duration // how long to wait for another process; 0: 2 s
	Receipts    int           // kept, newest; 0: 10,000
	Reserve     int64         // bytes of ballast for a full disk; 0: 16 MiB, negative: none

	// CheckCommand is the argv of a program that calls CheckFile with the path that is appended to it and exits with
	// CheckExitCode of the result. After an unclean stop the database is checked in it, because a damaged one can
	// take the process with it, or hang. Nil: the check runs in this process.
	CheckCommand []string

	// Progress is told when a commit begins, within what time it must have ended, and when it has ended, 0: the committer
	// waits. Nil: nobody asks.
	Progress func(within time.Duration) `json:"-"` // the options go to a process of the queue's owner as JSON

	Logger *slog.Logger // nil: none
}

func (o Options) withDefaults() Options {
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLockTimeout
	}
	if o.Receipts == 0 {
		o.Receipts = defaultReceipts
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.Progress == nil {
		o.Progress = func(time.Duration) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Queue is an open queue. Its methods may be called from many goroutines. One process has it open at a time.
type Queue struct {
	disk    *disk
	lock    *os.File // held until Close
	store   *store
	space   *space
	reserve *reserve
	keys    keyLocks // an ID's payload is put and unlinked by one goroutine at a time

	ops       chan *op      // to the committer; closed by Close
	committed chan struct{} // closed when the committer has ended
	ready     chan struct{} // capacity one; see Ready
	dues      chan struct{} // capacity one; wakes the keeper: the earliest deferral may have changed
	unlinks   chan struct{} // capacity one; wakes the keeper: many payloads have been unlinked
	healed    chan struct{} // closed when healing has ended
	stop      context.CancelFunc
	kept      chan struct{} // closed when the keeper has ended
	commits   atomic.Int64
	tidied    time.Time // when it was last asked whether to compact; owned by the keeper

	mu        sync.Mutex       // guards what follows
	tallies   map[string]tally // by camera; published by the committer
	total     tally            // sum of tallies
	leased    map[ID]struct{}
	turn      turns
	receipts  int  // kept
	unlinked  []ID // payloads removed, but noted in the unlink bucket
	report    Healed
	broken    error // ErrBroken, once and for good
	strays    bool  // a payload without a record is left, which only healing finds
	closed    bool
	calls     sync.WaitGroup // calls under way; added to under mu while not closed
	closeOnce sync.Once
	closeErr  error

	opts Options
	log  *slog.Logger
}

// Open opens the queue in a directory, makes it if there is none, and heals it; see the package comment. Its
// errors are *LockedError, ErrNewerSchema, those of a disk that cannot be written to, and those of a system that is
// short of descriptors or memory.
func Open(ctx context.Context, opts Options) (*Queue, error) {
	return open(ctx, opts, nil)
}

// open is Open with a fault to be injected.
func open(ctx context.Context, opts Options, fault func(step, string) error) (*Queue, error) {
	begun := time.Now()
	opts = opts.withDefaults()
	dir, err := filepath.Abs(opts.Dir)
	if err != nil || opts.Dir == "" {
		return nil, errors.Join(fmt.Errorf("%w directory %q", ErrInvalid, opts.Dir), err)
	}
	opts.Dir = dir
	q := &Queue{opts: opts, log: opts.Logger, disk: &disk{tmp: filepath.Join(dir, "tmp"), fault: fault},
		ops: make(chan *op, maxBatch), committed: make(chan struct{}), ready: make(chan struct{}, 1),
		dues: make(chan struct{}, 1), unlinks: make(chan struct{}, 1), healed: make(chan struct{}),
		kept: make(chan struct{}), tallies: map[string]tally{}, leased: map[ID]struct{}{}}
	q.reserve = &reserve{disk: q.disk, path: filepath.Join(dir, "reserve"), size: opts.Reserve}
	if err := q.prepare(ctx); err != nil {
		return nil, fmt.Errorf("opening queue %s: %w", dir, errors.Join(err, q.release()))
	}
	q.start(ctx, begun)
	return q, nil
}

// prepare takes the lock and makes everything true that the goroutines rely on.
func (q *Queue) prepare(ctx context.Context) error {
	if err := q.disk.mkdir(q.opts.Dir); err != nil {
		return err
	}
	var err error
	if q.lock, err = lockFile(ctx, filepath.Join(q.opts.Dir, "lock"), q.opts.LockTimeout); err != nil {
		return err
	}
	for _, name := range []string{"payload", "tmp", "damaged"} {
		if err := q.disk.mkdir(filepath.Join(q.opts.Dir, name)); err != nil {
			return err
		}
	}
	if err := q.emptyTmp(); err != nil {
		return err
	}
	if q.space, err = newSpace(q.opts); err != nil {
		return err
	}
	clean, err := q.takeMarker()
	if err != nil {
		return err
	}
	q.report.Clean = clean
	if err := q.openDatabase(ctx); err != nil {
		return err
	}
	if err := q.load(); err != nil {
		return err
	}
	return q.finishUnlinks()
}

// start begins the two goroutines that Close ends: the committer, and the keeper, which heals first. Open, which began at
// begun, is to wait for that no longer than healWait in all.
func (q *Queue) start(ctx context.Context, begun time.Time) {
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	if q.total.Ready > 0 || q.total.Deferred > 0 {
		signal(q.ready)
	}
	go q.commitLoop()
	go q.keepLoop(keep)
	wait := time.NewTimer(healWait - time.Since(begun))
	defer wait.Stop()
	select {
	case <-q.healed:
	case <-wait.C:
		q.log.Info("queue is in use while its payloads are still compared with its records")
	case <-ctx.Done():
	}
}

// Close waits for calls under way, records that the stop is clean, and gives the directory back. It may be called
// more than once; leased items are waiting again at the next Open. That there is no room on the disk for the record
// is no error: the next Open takes longer.
func (q *Queue) Close() error {
	q.closeOnce.Do(func() { q.closeErr = q.close() })
	return q.closeErr
}

func (q *Queue) close() error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.calls.Wait()
	q.stop()
	<-q.kept
	err := q.forgetUnlinked()
	close(q.ops)
	<-q.committed
	whole := q.healDone() && q.Err() == nil && !q.hasStrays() && err == nil
	err = errors.Join(err, q.store.close())
	if whole && err == nil {
		err = q.leaveMarker()
		if isFull(err) {
			q.log.Warn("the disk is full: this stop cannot be marked as clean, and the next start checks everything", "error", err)
			err = nil
		}
	}
	return errors.Join(err, q.release())
}

func (q *Queue) hasStrays() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.strays
}

// release gives back what prepare took and nothing else holds.
func (q *Queue) release() error {
	if q.lock == nil {
		return nil
	}
	return q.lock.Close()
}

// enter begins a call; the caller must call q.calls.Done.
func (q *Queue) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrClosed
	case q.broken != nil:
		return q.broken
	}
	q.calls.Add(1)
	return nil
}

func (q *Queue) isLeased(id ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.leased[id]
	return ok
}

func (q *Queue) payloadPath(id ID) string {
	return filepath.Join(q.opts.Dir, "payload", filepath.FromSlash(string(id)))
}

func (q *Queue) payloadDir(camera string) string { return filepath.Join(q.opts.Dir, "payload", camera) }
