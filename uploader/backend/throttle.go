package backend

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often an address may try to enrol, and everybody together. A code has 80 bits and some minutes: this keeps
// guesses from costing anything, not from succeeding. A site that enrols several rigs at once shares an address.
const (
	triesBurst       = 10
	triesEvery       = 6 * time.Second
	allTriesBurst    = 100
	allTriesEvery    = 100 * time.Millisecond
	renewalsBurst    = 5
	renewalsEvery    = time.Hour
	maxThrottledKeys = 10_000
)

// throttle limits each of many, and all of them together. What it remembers is bounded: when there are too many, those
// that have rested long enough to be forgotten are, and if there are none, all share what is left for all.
type throttle struct {
	each  rate.Limit
	burst int

	mu     sync.Mutex
	shared *rate.Limiter            // guarded by mu
	single map[string]*rate.Limiter // guarded by mu
}

func newThrottle(every time.Duration, burst int, allEvery time.Duration, allBurst int) *throttle {
	return &throttle{
		each: rate.Every(every), burst: burst,
		shared: rate.NewLimiter(rate.Every(allEvery), allBurst),
		single: map[string]*rate.Limiter{},
	}
}

// wait is 0 when the key may go on, and otherwise how long it has to wait. Who has to wait is not booked with the rest.
func (t *throttle) wait(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own := t.limiter(key, now); own != nil {
		if wait := take(own, now); wait > 0 {
			return wait
		}
	}
	return take(t.shared, now)
}

// limiter is the key's own, or nil when there is no room for it.
func (t *throttle) limiter(key string, now time.Time) *rate.Limiter {
	if own := t.single[key]; own != nil {
		return own
	}
	if len(t.single) >= maxThrottledKeys {
		for other, limiter := range t.single {
			if limiter.TokensAt(now) >= float64(t.burst) {
				delete(t.single, other)
			}
		}
	}
	if len(t.single) >= maxThrottledKeys {
		return nil
	}
	own := rate.NewLimiter(t.each, t.burst)
	t.single[key] = own
	return own
}

func take(l *rate.Limiter, now time.Time) time.Duration {
	reservation := l.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait > 0 {
		reservation.CancelAt(now)
	}
	return wait
}

// clientAddress is who connected: an address, or the /64 that one customer has of IPv6.
func clientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if address = address.Unmap(); address.Is6() {
		if network, err := address.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
