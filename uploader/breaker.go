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
	return 50*time.Millisecond + rand.N(ceiling)
}

// Breaker stops all traffic but one probe at a time while the cause of failures is not a frame.
type Breaker struct {
	mu       sync.Mutex
	failures int       // in a row; 0 means closed
	until    time.Time // no probe before
	probing  bool      // one is under way
	cause    Cause
	reason   string
	since    time.Time
}

// Allow says how many of n free slots may be used now, and when to ask again if that is fewer than n;
// a zero time means after the next outcome.
func (b *Breaker) Allow(n int, now time.Time) (int, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures == 0 || n == 0:
		return n, time.Time{}
	case b.probing:
		return 0, time.Time{}
	case now.Before(b.until):
		return 0, b.until
	default:
		return 1, time.Time{}
	}
}

// Probe marks that the one slot which Allow granted is in use.
func (b *Breaker) Probe() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = b.failures > 0
}

// Trip notes a failure that is not a frame's. It returns how long the frame that saw it should wait: longer
// than the next probe, which then goes out with another frame. opened is true when the breaker was closed.
func (b *Breaker) Trip(cause Cause, reason string, least time.Duration, now time.Time) (wait time.Duration, opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if opened = b.failures == 0; opened {
		b.since = now
	}
	// Many transfers die together when a line is cut: that is one failure, not many.
	if opened || b.probing || !now.Before(b.until) {
		b.failures++
		b.until = now.Add(max(least, jitter(ceiling(linkDelayFirst, linkDelayMost, b.failures))))
	}
	b.probing = false
	b.cause, b.reason = cause, reason
	return b.until.Sub(now) + jitter(ceiling(linkDelayFirst, linkDelayMost, b.failures)), opened
}

// Pass notes that the link works. closed is true when the breaker was open, for how long.
func (b *Breaker) Pass(now time.Time) (outage time.Duration, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if b.failures == 0 {
		return 0, false
	}
	outage = now.Sub(b.since)
	b.failures, b.until, b.cause, b.reason, b.since = 0, time.Time{}, "", "", time.Time{}
	return outage, true
}

// Idle ends a probe that came to nothing: there was no frame to try, or it was aborted.
func (b *Breaker) Idle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// Outage describes an open breaker.
type Outage struct {
	Cause  Cause     `json:"cause"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	Next   time.Time `json:"next_try"`
}

// Outage returns nil while the breaker is closed.
func (b *Breaker) Outage() *Outage {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return nil
	}
	return &Outage{Cause: b.cause, Reason: b.reason, Since: b.since, Next: b.until}
}
