//go:build linux && (amd64 || arm64)

package powercut

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"shelfagent/queue"
)

// The ways in which a working process ends.
const (
	endClose = "close" // the queue is closed
	endExit  = "exit"  // calls return, but the queue is not closed
	endKill  = "kill"  // it works until it is killed
)

// shift is what a working process is to do.
type shift struct {
	Dir        string
	Notes      string // the recorder's file
	Seed       uint64
	Generation int // unique in a record
	Cameras    int
	Putters    int      // goroutines; half as many settle
	Puts       int      // frames, beside those of Again
	Again      []recipe // frames whose Put the process before did not see return
	End        string
	KillBy     int // of endKill: operations of the disk, at most
}

// options of the queues of this package: as by default, but for a small ballast and no limits.
func options(dir string) queue.Options {
	return queue.Options{Dir: dir, MaxBytes: 1 << 40, MinFree: 1, Reserve: 16 << 10, LockTimeout: 10 * time.Second}
}

// worker is a process that works.
type worker struct {
	shift
	q     *queue.Queue
	pad   *notepad
	calls atomic.Uint64
	put   atomic.Int64 // frames begun

	mu   sync.Mutex // guards made
	made map[queue.ID]recipe
}

// work does a shift.
func work(s shift) error {
	f, err := os.OpenFile(s.Notes, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := &worker{shift: s, pad: &notepad{f}, made: map[queue.ID]recipe{}}
	if w.q, err = queue.Open(context.Background(), options(s.Dir)); err != nil {
		return err
	}
	if err := w.work(); err != nil {
		return err
	}
	if s.End == endClose {
		return w.q.Close()
	}
	return nil
}

func (w *worker) work() error {
	settlers := max(w.Putters/2, 1)
	var putting, settling sync.WaitGroup
	errs := make(chan error, w.Putters+settlers)
	done := make(chan struct{})
	for i := range w.Putters {
		putting.Go(func() { errs <- w.putSome(i, rand.New(rand.NewPCG(w.Seed, uint64(i)))) }) //nolint:gosec // repeatable
	}
	for i := range settlers {
		settling.Go(func() { errs <- w.settleSome(done, rand.New(rand.NewPCG(w.Seed, 100+uint64(i)))) }) //nolint:gosec // repeatable
	}
	putting.Wait()
	close(done)
	settling.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// call makes a call and notes its beginning and its end.
func (w *worker) call(n note, call func(*note) error) error {
	n.Call = uint64(w.Generation)<<32 | w.calls.Add(1)
	if err := w.pad.write(n); err != nil {
		return err
	}
	if err := call(&n); err != nil {
		return fmt.Errorf("%s %s: %w", n.Did, n.ID, err)
	}
	n.Done, n.Make = true, nil
	return w.pad.write(n)
}

// putSome puts a share of the frames. All begin with the same camera, whose directory has to be made.
func (w *worker) putSome(putter int, random *rand.Rand) error {
	for i, r := range w.Again {
		if i%w.Putters == putter {
			if err := w.putFrame(didPut, r); err != nil {
				return err
			}
		}
	}
	for camera := 0; ; camera = random.IntN(w.Cameras) {
		n := int(w.put.Add(1))
		if n > w.Puts {
			return nil
		}
		r := recipe{Camera: fmt.Sprintf("cam-%d", camera), Number: w.Generation*100_000 + n, Bytes: frameBytes(random)}
		if err := w.putFrame(didPut, r); err != nil {
			return err
		}
		if again, ok := w.anyMade(random); ok && random.IntN(8) == 0 {
			if err := w.putFrame(didAgain, again); err != nil {
				return err
			}
		}
	}
}

// frameBytes prefers the sizes around which things change. Most are small, for each state is written and read.
func frameBytes(random *rand.Rand) int {
	switch random.IntN(16) {
	case 0, 1:
		return 1 + random.IntN(20)
	case 2, 3:
		return 511 + random.IntN(3)
	case 4, 5:
		return 4095 + random.IntN(3)
	case 6:
		return 1 + random.IntN(80_000)
	}
	return 1 + random.IntN(6_000)
}

func (w *worker) putFrame(did string, r recipe) error {
	f := r.frame()
	return w.call(note{Did: did, ID: r.id(), Make: &r}, func(n *note) error {
		it, err := w.q.Put(context.Background(), f)
		if err != nil {
			return err
		}
		n.Was = it.State.String()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.made[it.ID] = r
		return nil
	})
}

// droppable frames are never put a second time while they could be dropped: either outcome would be right.
func (r recipe) droppable() bool { return r.Number%10 == 7 }

func (w *worker) anyMade(random *rand.Rand) (recipe, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]queue.ID, 0, len(w.made))
	for id, r := range w.made {
		if !r.droppable() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return recipe{}, false
	}
	slices.Sort(ids)
	return w.made[ids[random.IntN(len(ids))]], true
}

func (w *worker) settleSome(done <-chan struct{}, random *rand.Rand) error {
	for {
		var items []queue.Item
		err := w.call(note{Did: didLease}, func(n *note) (err error) {
			items, err = w.q.Lease(context.Background(), 1+random.IntN(4))
			for _, it := range items {
				n.Got = append(n.Got, handout{ID: it.ID, Attempts: it.Attempts, Rebuilt: it.Rebuilt})
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, it := range items {
			if err := w.settle(it, random); err != nil {
				return err
			}
		}
		select {
		case <-done:
			return nil
		default:
		}
		if len(items) > 0 {
			continue
		}
		select {
		case <-done:
			return nil
		case <-w.q.Ready():
		case <-time.After(5 * time.Millisecond): // another settler may have had the signal
		}
	}
}

// settle does one of the things that can be done with a leased item.
func (w *worker) settle(it queue.Item, random *rand.Rand) error {
	ctx := context.Background()
	do := func(did string, call func() error) error {
		return w.call(note{Did: did, ID: it.ID}, func(*note) error { return call() })
	}
	w.mu.Lock()
	made, ours := w.made[it.ID]
	w.mu.Unlock()
	switch n := random.IntN(100); {
	case ours && made.droppable():
		if err := do(didDrop, func() error { return w.q.Drop(ctx, it.ID, "power cut test") }); err != nil || n < 50 {
			return err
		}
		return w.putFrame(didPut, made)
	case n < 8:
		return do(didDefer, func() error {
			return w.q.Defer(ctx, it.ID, queue.Deferral{Until: time.Now().Add(20 * time.Hour), Reason: "test"})
		})
	case n < 18:
		return do(didNap, func() error {
			return w.q.Defer(ctx, it.ID, queue.Deferral{Until: time.Now().Add(time.Millisecond), Reason: "test"})
		})
	case n < 28:
		err := do(didBury, func() error { return w.q.Bury(ctx, it.ID, "test", "power cut test") })
		if err != nil || n < 22 {
			return err
		}
		return do(didRetry, func() error { return w.q.Retry(ctx, it.ID) })
	case n < 38:
		return do(didRelease, func() error { return w.q.Release(it.ID) })
	}
	return do(didAck, func() error { return w.q.Ack(ctx, it.ID, queue.Receipt{Proof: queue.ProofStored, Key: "raw/test"}) })
}
