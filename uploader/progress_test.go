package uploader

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/queue"
)

// promise is when a loop must be heard from again.
type promise struct {
	mu  sync.Mutex
	due time.Time // zero: it waits for others
}

func (w *promise) say(within time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due = time.Now().Add(within); within == 0 {
		w.due = time.Time{}
	}
}

func (w *promise) kept() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.due.IsZero() || !time.Now().After(w.due)
}

// hanging is a queue whose Lease returns when it is let.
type hanging struct {
	empty
	mu   sync.Mutex
	gate chan struct{} // nil: at once
}

func (h *hanging) hang(gate chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate = gate
}

func (h *hanging) Lease(context.Context, int) ([]queue.Item, error) {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return nil, nil
}

// TestALoopThatHangsAtOnceBreaksItsWord: its first step is a promise too.
func TestALoopThatHangsAtOnceBreaksItsWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, w := make(chan struct{}), &promise{}
		u := loopOver(t, &hanging{gate: gate}, w)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- u.Run(ctx) }()
		time.Sleep(stepPatience + time.Second) // the bubble's clock
		if w.kept() {
			t.Error("the loop hangs, and nobody is told")
		}
		stop()
		close(gate)
		must(t, <-ended)
	})
}

// loopOver is an Uploader that is no more than its loop.
func loopOver(t *testing.T, q Queue, w *promise) *Uploader {
	return &Uploader{
		opts: Options{Progress: w.say}, queue: q, breaker: &Breaker{}, pace: NewPace(8), hours: always(t), freed: make(chan struct{}, 8),
	}
}

// TestALoopThatHangsBreaksItsWord: two idle hours are no reason to worry; a Lease that does not return is.
func TestALoopThatHangsBreaksItsWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &hanging{}
		w := &promise{}
		u := loopOver(t, q, w)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- u.Run(ctx) }()
		for range 240 {
			time.Sleep(30 * time.Second) // the bubble's clock
			if !w.kept() {
				t.Fatal("an idle loop is late")
			}
		}
		gate := make(chan struct{})
		q.hang(gate)
		time.Sleep(stepPatience + 2*time.Minute)
		if w.kept() {
			t.Error("the loop hangs, and nobody is told")
		}
		close(gate)
		synctest.Wait()
		if !w.kept() {
			t.Error("it moves again, and is late still")
		}
		stop()
		must(t, <-ended)
	})
}
