package uploader

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"shelfagent/queue"
)

func (s *shop) change(c Changes) {
	s.t.Helper()
	apply, err := s.Change(c)
	must(s.t, err)
	apply()
}

// TestARateChangedByHandHoldsUnderWay: a transfer that would take an hour and a half ends at once, and is not begun again.
func TestARateChangedByHandHoldsUnderWay(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.Rate = 1 << 10 })
	item := s.put(1, 5_000_000)
	begun := make(chan struct{}, 9)
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		s.bucket.ServeHTTP(w, r)
	})
	s.step(t.Context())
	s.wait(begun, "the PUT to begin")
	s.change(Changes{})
	s.settled()
	s.wantDelivered(item, queue.ProofStored)
	if s.s3.requests.Load() != 1 || s.Status().Limit != nil {
		t.Errorf("%d PUTs, limit %+v", s.s3.requests.Load(), s.Status().Limit)
	}
}

// TestWindowsChangedByHand: a pause begins, and is taken back.
func TestWindowsChangedByHand(t *testing.T) {
	s := openShop(t, nil)
	s.change(Changes{Windows: []Window{spanning(Pause)}, Location: time.UTC})
	item := s.put(1, 1000)
	s.once()
	if got := s.Status().Limit; got == nil || !got.Paused || s.backend.requests.Load() != 0 {
		t.Errorf("%+v, %d requests", got, s.backend.requests.Load())
	}
	s.change(Changes{Rate: 1 << 30})
	s.once()
	s.wantDelivered(item, queue.ProofStored)
}

// TestChangesThatCannotStandChangeNothing.
func TestChangesThatCannotStandChangeNothing(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.Rate = 1 << 20 })
	apply, err := s.Change(Changes{Windows: []Window{{From: 0, To: 0}}, Concurrency: 1})
	var window *WindowError
	if !errors.As(err, &window) || apply != nil {
		t.Errorf("%v", err)
	}
	if got := s.Status().Limit; got == nil || got.BytesPerSecond != 1<<20 {
		t.Errorf("%+v", got)
	}
}

// TestConcurrencyChangedByHand: fewer at once, and more than there were at the start.
func TestConcurrencyChangedByHand(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.Concurrency = 2 })
	s.change(Changes{Concurrency: 1})
	if got := s.pace.Limit(); got != 1 {
		t.Errorf("%d slots", got)
	}
	s.change(Changes{Concurrency: 64})
	now := time.Now()
	for range 1000 {
		now = now.Add(time.Second / time.Duration(s.pace.Limit())) // each transfer more makes the whole faster
		s.pace.Done(1<<20, true, now)
	}
	if got := s.pace.Limit(); got <= 2 || got > 64 {
		t.Errorf("%d slots after a backlog", got)
	}
	s.change(Changes{Concurrency: 1000})
	if most := s.pace.most; most != cap(s.freed) {
		t.Errorf("%d transfers at most; a slot that becomes free could wait for ever", most)
	}
}
