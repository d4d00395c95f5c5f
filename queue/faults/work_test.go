//go:build linux && (amd64 || arm64)

package faults

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"shelfagent/queue"
)

// workloads are what a process under test can do, by name.
var workloads = map[string]func(dir string){
	"cycle":     func(dir string) { cycle(dir, &worker{}) },
	"checked":   func(dir string) { cycle(dir, &worker{checked: true}) },
	"hasty":     func(dir string) { cycle(dir, &worker{hasty: true}) },
	"forgetful": func(dir string) { cycle(dir, &worker{forgetful: true}) },
	"open":      openOnly,
	"plain":     plain,
	"stuck":     stuck,
	"script":    script,
	"burst":     burst,
	"abandon":   abandon,
}

// envSize is how many cameras a cycle has; each has its own goroutine that puts, and one that settles.
const envSize = "SHELFAGENT_FAULTS_SIZE"

const framesPerCamera = 4

// worker lives the whole life of some frames, in several goroutines.
type worker struct {
	mouth
	checked   bool         // the database is checked in a child
	hasty     bool         // a lie for the oracle to catch: a Put is said to be durable before it is
	forgetful bool         // likewise: acknowledges, and says nothing of it beforehand
	left      atomic.Int64 // frames that are still to come to rest
	seen      sync.Map     // IDs that have been leased
}

func cycle(dir string, w *worker) {
	ctx := context.Background()
	opts := options(dir)
	if w.checked {
		opts.CheckCommand = []string{os.Args[0], "check"}
	}
	var q *queue.Queue
	err := w.promised("open", "", func() (err error) { q, err = queue.Open(ctx, opts); return err })
	if err != nil {
		return
	}
	cameras, _ := strconv.Atoi(os.Getenv(envSize))
	w.left.Store(int64(cameras * framesPerCamera))
	var wg sync.WaitGroup
	for c := range cameras {
		wg.Go(func() { w.put(ctx, q, "cam-"+strconv.Itoa(c)) })
		wg.Go(func() { w.settle(ctx, q) })
	}
	wg.Wait()
	_ = w.promised("close", "", q.Close)
}

// put queues the frames of a camera; the first one twice, as after a crash.
func (w *worker) put(ctx context.Context, q *queue.Queue, camera string) {
	for n := range framesPerCamera {
		for range 2 - min(n, 1) {
			if err := w.putOne(ctx, q, frame(camera, n)); err != nil {
				w.left.Store(0)
				return
			}
		}
	}
}

func (w *worker) putOne(ctx context.Context, q *queue.Queue, n queue.New) error {
	if w.hasty {
		_ = w.promised("put", idOf(n), func() error { return nil })
	}
	return w.promised("put", idOf(n), func() error { _, err := q.Put(ctx, n); return err })
}

// settle leases until every frame has come to rest.
func (w *worker) settle(ctx context.Context, q *queue.Queue) {
	for w.left.Load() > 0 {
		seq := w.seq.Add(1)
		items, err := q.Lease(ctx, 2)
		if err != nil {
			w.after(word{Seq: seq, Op: "lease"}, err)
			return
		}
		for _, it := range items {
			w.say(word{Say: "did", Seq: seq, Op: "lease", ID: it.ID, Attempts: it.Attempts})
			if err := w.settleOne(ctx, q, it); err != nil {
				w.left.Store(0)
				return
			}
		}
		if len(items) == 0 {
			// Not a wait for a condition: another goroutine's item may never come here.
			time.Sleep(time.Millisecond)
		}
	}
}

// settleOne walks one of the roads that an item can take: which one follows from its ID, so that all are walked.
// One that comes back is acknowledged.
func (w *worker) settleOne(ctx context.Context, q *queue.Queue, it queue.Item) error {
	switch op := w.road(it); op {
	case "soon":
		return w.promised(op, it.ID, func() error {
			return q.Defer(ctx, it.ID, queue.Deferral{Until: time.Now().Add(time.Millisecond), Reason: "the link is bad"})
		})
	case "release":
		return w.promised(op, it.ID, func() error { return q.Release(it.ID) })
	case "retry":
		err := w.promised("bury", it.ID, func() error { return q.Bury(ctx, it.ID, "refused", "the policy says no") })
		if err != nil {
			return err
		}
		return w.promised(op, it.ID, func() error { return q.Retry(ctx, it.ID) })
	default:
		defer w.left.Add(-1)
		if w.forgetful {
			return rest(ctx, q, op, it.ID)
		}
		return w.promised(op, it.ID, func() error { return rest(ctx, q, op, it.ID) })
	}
}

var roads = []string{"ack", "drop", "far", "bury", "soon", "release", "retry"}

func (w *worker) road(it queue.Item) string {
	if _, back := w.seen.LoadOrStore(it.ID, true); back || w.forgetful {
		return "ack"
	}
	camera, n := placeOf(it.ID)
	c, _ := strconv.Atoi(strings.TrimPrefix(camera, "cam-"))
	op := roads[(c*framesPerCamera+n)%len(roads)]
	if op == "drop" && it.CapturedAt.Equal(day) {
		return "ack" // it is put twice, and one that was dropped would come back
	}
	return op
}

// rest takes an item where it stays.
func rest(ctx context.Context, q *queue.Queue, op string, id queue.ID) error {
	switch op {
	case "ack":
		return q.Ack(ctx, id, queue.Receipt{Proof: queue.ProofStored})
	case "drop":
		return q.Drop(ctx, id, "nobody wants it")
	case "far":
		return q.Defer(ctx, id, queue.Deferral{Until: time.Now().Add(time.Hour), Reason: "later"})
	case "bury":
		return q.Bury(ctx, id, "refused", "the policy says no")
	}
	return fmt.Errorf("no road %q", op)
}

// openOnly opens what is there, waits until it is healed, and closes it.
func openOnly(dir string) {
	m := &mouth{}
	ctx := context.Background()
	opts := options(dir)
	opts.CheckCommand = []string{os.Args[0], "check"}
	var q *queue.Queue
	err := m.promised("open", "", func() (err error) {
		if q, err = queue.Open(ctx, opts); err == nil {
			err = q.WaitHealed(ctx)
		}
		return err
	})
	if err == nil {
		_ = m.promised("close", "", q.Close)
	}
}
