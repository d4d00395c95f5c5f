package uploader

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestCeiling(t *testing.T) {
	for n, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 6: 32 * time.Second,
		7: time.Minute, 8: time.Minute, 1_000_000: time.Minute,
	} {
		if got := ceiling(time.Second, time.Minute, n); got != want {
			t.Errorf("after %d failures %v, want %v", n, got, want)
		}
	}
}

// TestJitter: full jitter reaches both ends of what it is drawn from.
func TestJitter(t *testing.T) {
	least, most := time.Hour, time.Duration(0)
	for range 10_000 {
		d := jitter(time.Minute)
		least, most = min(least, d), max(most, d)
	}
	if least < 50*time.Millisecond || least > time.Second || most > time.Minute+50*time.Millisecond || most < 59*time.Second {
		t.Errorf("drawn between %v and %v", least, most)
	}
}

func TestBreakerOpensOnceForMany(t *testing.T) {
	b, now := &Breaker{}, time.Now()
	if slots, probe, _ := b.Allow(8, now); slots != 8 || probe != 0 {
		t.Fatalf("closed: %d slots, probe %d", slots, probe)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	opened, news := 0, 0
	for range 8 {
		wg.Go(func() {
			tripped := b.Trip(Failure{Cause: CauseLink}, now)
			mu.Lock()
			defer mu.Unlock()
			if tripped.Opened {
				opened++
			}
			if tripped.News {
				news++
			}
		})
	}
	wg.Wait()
	if opened != 1 || news != 1 || b.failures != 1 {
		t.Errorf("opened %d times, said %d times, %d failures", opened, news, b.failures)
	}
	if !b.until.After(now) || b.until.After(now.Add(linkDelayFirst+50*time.Millisecond)) {
		t.Errorf("the next probe after %v", b.until.Sub(now))
	}
}

// TestBreakerProbes goes through an outage of an hour, P9: probes one at a time, ever rarer, each with another
// frame, and at most a minute apart.
func TestBreakerProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, began := &Breaker{}, time.Now()
		b.Trip(Failure{Cause: CauseLink, Reason: "cut"}, began)
		probes := 0
		for time.Since(began) < time.Hour {
			slots, probe, next := b.Allow(8, time.Now())
			if slots == 0 {
				if !next.After(time.Now()) {
					t.Fatalf("waiting for %v", next)
				}
				<-time.After(time.Until(next))
				continue
			}
			probes++
			if slots != 1 || probe == 0 {
				t.Fatalf("%d slots, probe %d", slots, probe)
			}
			for range 3 {
				if slots, _, next := b.Allow(8, time.Now()); slots != 0 || !next.IsZero() {
					t.Fatalf("a second probe at once: %d slots, next %v", slots, next)
				}
			}
			// A transfer from before the outage ends, one way or the other.
			b.Trip(Failure{Cause: CauseLink, Reason: "cut"}, time.Now())
			b.Idle(0)
			if slots, _, _ := b.Allow(8, time.Now()); slots != 0 {
				t.Fatal("a straggler has let a second probe out")
			}
			tripped := b.Trip(Failure{Cause: CauseLink, Reason: "cut", Probe: probe}, time.Now())
			if tripped.Opened || !tripped.Counted || tripped.News {
				t.Fatalf("%+v", tripped)
			}
			delay := time.Until(b.until)
			if delay <= 0 || delay > linkDelayMost+50*time.Millisecond {
				t.Fatalf("the next probe in %v", delay)
			}
			if tripped.Wait <= delay {
				t.Fatalf("the frame comes back after %v, before the probe after %v", tripped.Wait, delay)
			}
		}
		if probes < 60 || probes > 400 {
			t.Errorf("%d probes in an hour", probes)
		}
		outage := b.Pass()
		if outage == nil || outage.Cause != CauseLink || outage.Reason != "cut" || !outage.Since.Equal(began) {
			t.Errorf("the outage was %+v", outage)
		}
		if slots, probe, _ := b.Allow(8, time.Now()); slots != 8 || probe != 0 || b.Outage() != nil || b.Pass() != nil {
			t.Error("not closed again")
		}
	})
}

func TestBreakerIsNeverStuck(t *testing.T) {
	b, now := &Breaker{}, time.Now()
	b.Trip(Failure{Cause: CauseLink}, now)
	later := now.Add(time.Hour)
	for range 3 { // nothing to lease, three times
		slots, probe, _ := b.Allow(1, later)
		if slots != 1 {
			t.Fatal("no probe")
		}
		b.Idle(probe)
	}
	_, old, _ := b.Allow(1, later)
	b.Pass() // a transfer from before the outage came through
	b.Trip(Failure{Cause: CauseLink}, later)
	evenLater := later.Add(time.Hour)
	_, current, _ := b.Allow(1, evenLater)
	b.Idle(old)
	if tripped := b.Trip(Failure{Cause: CauseLink, Probe: old}, evenLater); tripped.Counted {
		t.Error("a probe of an earlier outage counts in this one")
	}
	if slots, _, _ := b.Allow(1, evenLater); slots != 0 {
		t.Error("a probe of an earlier outage has ended the present one")
	}
	b.Idle(current)
	if slots, _, _ := b.Allow(1, evenLater); slots != 1 {
		t.Error("stuck")
	}
}

// TestBreakerWithoutSlots: an open breaker must not grant a slot that there is not.
func TestBreakerWithoutSlots(t *testing.T) {
	b, now := &Breaker{}, time.Now()
	for range 2 {
		for _, n := range []int{0, -1, -7} {
			if slots, probe, next := b.Allow(n, now.Add(time.Hour)); slots != 0 || probe != 0 || !next.IsZero() {
				t.Errorf("%d free: %d slots, probe %d, next %v", n, slots, probe, next)
			}
		}
		b.Trip(Failure{Cause: CauseLink}, now)
	}
}

func TestBreakerHonoursRetryAfter(t *testing.T) {
	for range 100 {
		b, now := &Breaker{}, time.Now()
		b.Trip(Failure{Cause: CauseTooFast, Least: 30 * time.Second}, now)
		first := b.until.Sub(now)
		if first < 30*time.Second || first > 60*time.Second+50*time.Millisecond {
			t.Fatalf("the next probe after %v", first)
		}
		b.Trip(Failure{Cause: CauseTooFast, Least: time.Minute}, now) // another transfer was told more
		if wait := b.until.Sub(now); wait < time.Minute || wait > 2*time.Minute+50*time.Millisecond {
			t.Fatalf("the next probe after %v", wait)
		}
		// A straggler long after: its frame waits, and not into the past.
		if wait := b.Trip(Failure{Cause: CauseLink}, now.Add(time.Hour)).Wait; wait <= 0 {
			t.Fatalf("the frame waits %v", wait)
		}
	}
}

func TestBreakerSaysAnotherCause(t *testing.T) {
	b, now := &Breaker{}, time.Now()
	for _, step := range []struct {
		cause Cause
		news  bool
	}{{CauseLink, true}, {CauseLink, false}, {CauseBackendDenied, true}, {CauseBackendDenied, false}} {
		if got := b.Trip(Failure{Cause: step.cause}, now); got.News != step.news {
			t.Errorf("%s: %+v", step.cause, got)
		}
	}
}
