package uploader

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// throttle holds all transfers to the rate of the hour.
type throttle struct {
	limiter *rate.Limiter // bytes; what transfers wait for

	mu       sync.Mutex // guards what follows
	schedule *Schedule
	speed    int64 // what limiter is set to, bytes per second, 0 for no limit
	limit    Limit
}

func newThrottle(schedule *Schedule) *throttle {
	t := &throttle{schedule: schedule, limiter: rate.NewLimiter(rate.Inf, burst(0))}
	t.turn(time.Now())
	return t
}

// turn puts the rate in force that holds at a moment, for the transfers under way too.
func (t *throttle) turn(now time.Time) Limit {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := t.schedule.At(now)
	if !limit.Paused && limit.BytesPerSecond != t.speed {
		t.speed = limit.BytesPerSecond
		t.limiter.SetBurst(burst(t.speed))
		t.limiter.SetLimit(perSecond(t.speed))
	}
	t.limit = limit
	return limit
}

// follow puts another schedule in force.
func (t *throttle) follow(schedule *Schedule, now time.Time) {
	t.mu.Lock()
	t.schedule = schedule
	t.mu.Unlock()
	t.turn(now)
}

func perSecond(bytes int64) rate.Limit {
	if bytes <= 0 {
		return rate.Inf
	}
	return rate.Limit(bytes)
}

// now is the limit in force; nil where the configuration limits nothing.
func (t *throttle) now() *Limit {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.schedule.base == 0 && len(t.schedule.windows) == 0 {
		return nil
	}
	limit := t.limit
	return &limit
}

// burst is an eighth of a second, so that transfers take turns; but not so little that each packet carries nothing.
func burst(bytesPerSecond int64) int {
	const least, most = 1 << 10, 64 << 10
	if bytesPerSecond <= 0 {
		return most
	}
	return int(min(max(bytesPerSecond/8, least), most))
}
