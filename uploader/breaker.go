package uploader

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Delays between tries. Both are capped first and then drawn evenly from nothing to the cap ("full jitter"),
// so that a fleet which failed together does not come back together.
const (
	frameDelayFirst, frameDelayMost = 2 * time.Second, 15 * time.Minute
	linkDelayFirst, linkDelayMost   = time.Second, time.Minute
)

// ceiling is the longest delay after n failures in a row, n ≥ 1.
func ceiling(first, most time.Duration, n int) time.Duration {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first), backoff.WithMaxInterval(most), backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0))
	delay := first
	for range min(n, 32) {
		delay = b.NextBackOff()
	}
	return delay
}

// jitter draws a delay up to the ceiling; never quite nothing, so that no loop can spin on it.
func jitter(ceiling time.Duration) time.Duration {
	return 50*time.Millisecond + rand.N(ceiling) //nolint:gosec // chance, not secrecy
}

// Breaker stops all traffic but one probe at a time while the cause of failures is not a frame.
type Breaker struct {
	mu       sync.Mutex
	failures int       // of the first one and of every probe since; 0 means closed
	until    time.Time // no probe before
	probe    Probe     // the one under way, or 0
	probes   Probe     // handed out so far
	cause    Cause
	place    Place
	reason   string
	since    time.Time
}

// Probe names a probe, so that a transfer from before the outage does not pass for one. 0 is none.
type Probe uint64

// Failure is one that is not a frame's own.
type Failure struct {
	Cause  Cause
	Place  Place
	Reason string
	Least  time.Duration // before the next probe
	Probe  Probe         // the one that met it, 0 for none
}

// Tripped is what follows from a Failure.
type Tripped struct {
	// Wait is how long the frame that met it should wait: longer than the next probe, which then goes out with
	// another frame.
	Wait time.Duration
	// Opened is true when the breaker was closed.
	Opened bool
	// Counted is false for the many transfers that die together when a line is cut: they are one failure.
	Counted bool
	// News is true when the cause is another than before.
	News bool
}

// Allow says how many of n free slots may be used now, and when to ask again if that is none; a zero time means
// after the next outcome. A probe that it grants is one slot, and must be ended by Trip, Pass or Idle.
func (b *Breaker) Allow(n int, now time.Time) (slots int, probe Probe, next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case n <= 0:
		return 0, 0, time.Time{}
	case b.failures == 0:
		return n, 0, time.Time{}
	case b.probe != 0:
		return 0, 0, time.Time{}
	case now.Before(b.until):
		return 0, 0, b.until
	}
	b.probes++
	b.probe = b.probes
	return 1, b.probe, time.Time{}
}

// Trip notes a failure.
func (b *Breaker) Trip(f Failure, now time.Time) Tripped {
	b.mu.Lock()
	defer b.mu.Unlock()
	opened, probed := b.failures == 0, f.Probe != 0 && f.Probe == b.probe
	t := Tripped{Opened: opened, Counted: opened || probed, News: f.Cause != b.cause}
	if opened {
		b.since = now
	}
	if t.Counted {
		b.failures++
		b.until = now.Add(jitter(ceiling(linkDelayFirst, linkDelayMost, b.failures)))
		b.probe = 0
	}
	if f.Least > 0 {
		// The whole fleet may be told one moment. It comes back over as long as it was sent away for, at most a minute.
		if at := now.Add(f.Least + jitter(min(max(f.Least, linkDelayFirst), linkDelayMost))); at.After(b.until) {
			b.until = at
		}
	}
	b.cause, b.place, b.reason = f.Cause, f.Place, f.Reason
	t.Wait = max(b.until.Sub(now), 0) + jitter(ceiling(linkDelayFirst, linkDelayMost, b.failures))
	return t
}

// Pass notes that the link works, and returns the outage that this ends, or nil.
func (b *Breaker) Pass() *Outage {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended := b.outage()
	b.failures, b.until, b.probe, b.since = 0, time.Time{}, 0, time.Time{}
	b.cause, b.place, b.reason = "", "", ""
	return ended
}

// Idle ends a probe that came to nothing: there was no frame to try, it was aborted, or it says nothing of the
// link. Another may follow at once.
func (b *Breaker) Idle(probe Probe) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe == b.probe {
		b.probe = 0
	}
}

// Outage describes an open breaker.
type Outage struct {
	Cause  Cause     `json:"cause"`
	Place  Place     `json:"place,omitempty"` // of CauseLink
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	Next   time.Time `json:"next_try"`
}

// Outage returns nil while the breaker is closed.
func (b *Breaker) Outage() *Outage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.outage()
}

func (b *Breaker) outage() *Outage {
	if b.failures == 0 {
		return nil
	}
	return &Outage{Cause: b.cause, Place: b.place, Reason: b.reason, Since: b.since, Next: b.until}
}
