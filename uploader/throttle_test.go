package uploader

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"shelfagent/queue"
)

// spanning is a window that has begun an hour ago and ends in an hour.
func spanning(r Rate) Window {
	now := time.Now().UTC()
	at := now.Hour()*60 + now.Minute()
	return Window{From: (at + day - 60) % day, To: (at + 60) % day, Rate: r}
}

// inWindow gives a shop that window. Its backend's clock then moves the shop out of it and back.
func inWindow(t *testing.T, r Rate) *shop {
	return openShop(t, func(s *shop) { s.options.Windows, s.options.Location = []Window{spanning(r)}, time.UTC })
}

// TestRateChangesUnderWay: a transfer that would take an hour and a half is not begun again, and is over at once, when its
// window is.
func TestRateChangesUnderWay(t *testing.T) {
	s := inWindow(t, 1<<10)
	item := s.put(1, 5_000_000)
	begun := make(chan struct{}, 9)
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		s.bucket.ServeHTTP(w, r)
	})
	s.step(t.Context())
	s.wait(begun, "the PUT to begin")
	s.until("the first bytes come", func() bool { return s.s3.bytes.Load() > 0 })
	if got := s.Status().Limit; got == nil || got.BytesPerSecond != 1<<10 || time.Until(got.Until) > time.Hour || time.Until(got.Until) < 59*time.Minute-time.Second {
		t.Errorf("%+v", got)
	}
	s.noteClock(2 * time.Hour)
	s.step(t.Context())
	s.settled()
	s.wantDelivered(item, queue.ProofStored)
	if s.s3.requests.Load() != 1 || s.backend.requests.Load() != 1 {
		t.Errorf("%d tickets, %d PUTs", s.backend.requests.Load(), s.s3.requests.Load())
	}
	if got := s.Status().Limit; got == nil || got.BytesPerSecond != 0 || got.Until.IsZero() {
		t.Errorf("after the window %+v", got)
	}
}

// TestRateShrinksUnderWay: what was read at the greater rate is more than the lesser one lets go at once.
func TestRateShrinksUnderWay(t *testing.T) {
	s := inWindow(t, 64<<10)
	s.noteClock(2 * time.Hour)
	item := s.put(1, 4_000_000)
	begun, slow := make(chan struct{}, 9), make(chan struct{})
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-slow
		s.bucket.ServeHTTP(w, r)
	})
	s.step(t.Context())
	s.wait(begun, "the PUT to begin")
	s.noteClock(0)
	s.step(t.Context())
	if got := s.putter.rate.Limit(); got != 64<<10 {
		t.Fatalf("%v bytes a second", got)
	}
	close(slow)
	s.until("it moves", func() bool { return s.s3.bytes.Load() > 0 })
	was := s.s3.bytes.Load()
	<-time.After(time.Second)
	if moved := s.s3.bytes.Load() - was; moved == 0 || moved > 3<<20 {
		t.Errorf("%d bytes in a second", moved)
	}
	s.noteClock(2 * time.Hour)
	s.step(t.Context())
	s.settled()
	s.wantDelivered(item, queue.ProofStored)
}

// TestPause: nothing begins, not even a probe, what is under way ends, and then all goes on by itself.
func TestPause(t *testing.T) {
	s := inWindow(t, Pause)
	s.noteClock(2 * time.Hour)
	item := s.put(1, 1000)
	begun, answer := make(chan struct{}, 9), make(chan struct{})
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-answer
		s.bucket.ServeHTTP(w, r)
	})
	s.step(t.Context())
	s.wait(begun, "the PUT to begin")

	s.noteClock(0)
	late := s.put(2, 1000)
	if wake := s.step(t.Context()); time.Until(wake) > idle || time.Until(wake) <= 0 {
		t.Errorf("looks again in %v", time.Until(wake))
	}
	if got := s.Status().Limit; got == nil || !got.Paused || got.Until.IsZero() {
		t.Errorf("%+v", got)
	}
	close(answer)
	s.settled()
	if _, err := s.queue.Receipt(item.ID); err != nil {
		t.Errorf("what was under way: %v", err)
	}
	s.trip(Failure{Cause: CauseLink})
	s.probeNow()
	s.noteClock(0)
	s.once()
	if s.backend.requests.Load() != 1 || s.s3.requests.Load() != 1 {
		t.Errorf("%d tickets, %d PUTs: something was begun", s.backend.requests.Load(), s.s3.requests.Load())
	}

	s.noteClock(2 * time.Hour)
	s.once()
	if _, err := s.queue.Receipt(late.ID); err != nil {
		t.Errorf("after the pause: %v", err)
	}
	s.wantOutage("")
}

// TestRunKeepsTheHours: the loop wakes for the end of a pause, and goes by the backend's clock where the rig's has lost its
// time: here, as in a box without a battery, it begins in 2000.
func TestRunKeepsTheHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		schedule, err := NewSchedule(0, []Window{window(t, "08:00", "20:00", Pause)}, berlin(t))
		must(t, err)
		q := &empty{}
		u := &Uploader{queue: q, breaker: &Breaker{}, pace: NewPace(8), hours: newThrottle(schedule), freed: make(chan struct{}, 8)}
		u.hours.turn(time.Now())
		if limit := u.hours.now(); !limit.ClockDoubted || limit.Paused {
			t.Errorf("before the backend has spoken %+v", limit)
		}
		must(t, u.runFor(t, time.Minute))
		if q.leases == 0 {
			t.Error("silent by a clock that cannot be right")
		}
		u.noteClock(time.Until(time.Date(2026, 11, 20, 7, 59, 30, 0, berlin(t))))
		must(t, u.runFor(t, time.Minute))
		was := q.leases
		must(t, u.runFor(t, 11*time.Hour+59*time.Minute))
		if q.leases != was {
			t.Errorf("%d leases in the pause", q.leases-was)
		}
		must(t, u.runFor(t, 31*time.Second)) // it is 19:59:30
		if q.leases == was {
			t.Error("the end of the pause was slept through")
		}
	})
}

// runFor lets Run go for so long.
func (u *Uploader) runFor(t *testing.T, span time.Duration) error {
	ctx, stop := context.WithTimeout(t.Context(), span)
	defer stop()
	return u.Run(ctx)
}

// TestWaitInParts: 32 KiB that were read without a limit, and then one came.
func TestWaitInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		r := &paced{ctx: ctx, rate: rate.NewLimiter(8<<10, burst(8<<10))}
		began := time.Now()
		must(t, r.wait(32<<10))
		if took := time.Since(began); took < 3*time.Second || took > 5*time.Second {
			t.Errorf("32 KiB at 8 KiB a second took %v", took)
		}
		stop()
		if err := r.wait(1); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}
