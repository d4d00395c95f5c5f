package uploader

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/queue"
)

// fleetFrames wait in each rig.
const fleetFrames = 4

// fleetSize is a tenth under the race detector, which makes the same point ten times as slowly.
func fleetSize() int {
	if raceEnabled {
		return 1000
	}
	return 10_000
}

// TestFleetIsSpread: 10,000 rigs that have the same trouble in the same second do not come back in one. Each is the real
// Uploader in its own loop, with a queue in memory and no network between it and a cloud that counts. They share nothing
// but the cloud, which never tires, so each lives alone in a bubble of virtual time, and all bubbles begin at the same
// moment.
//
// The recovery period begins with the second in which the cloud is there for those that want it, and ends with the one in
// which 99 of 100 rigs have delivered a frame; but it lasts a minute at least, or a fleet that is back in one second would
// have a fine mean. The mean request rate is the number of requests for tickets in the period over its length. No second,
// in the period or after, may have more than three times as many.
func TestFleetIsSpread(t *testing.T) {
	down := Seen{Asked: true, Err: syscall.ECONNREFUSED}
	for _, tc := range []struct {
		story string
		since time.Duration                 // how long the cloud was away before the rig's time begins
		away  time.Duration                 // how long it goes on
		while func(left time.Duration) Seen // what a rig sees then
	}{
		{"an outage of an hour", 57 * time.Minute, 3 * time.Minute, func(time.Duration) Seen { return down }},
		{"maintenance that says when it ends", 0, 2 * maxRetryAfter, func(left time.Duration) Seen {
			return Seen{Asked: true, Status: http.StatusServiceUnavailable, RetryAfter: (left + time.Second).Truncate(time.Second)}
		}},
		{"all are started in one second", 0, 0, nil},
	} {
		t.Run(tc.story, func(t *testing.T) {
			var requests, back []int // by second after the return
			for range fleetSize() {
				synctest.Test(t, func(t *testing.T) {
					r := newFleetRig(t, tc.away, tc.while)
					suffer(r.breaker, tc.since)
					r.live(t)
					requests, back = bySecond(requests, r.asked...), bySecond(back, r.first)
				})
			}
			judgeFleet(t, requests, back)
		})
	}
}

// suffer is what an outage did to a breaker until now.
func suffer(b *Breaker, since time.Duration) {
	now := time.Now()
	for at := now.Add(-since); at.Before(now); {
		_, probe, next := b.Allow(1, at)
		if !next.IsZero() {
			at = next
			continue
		}
		b.Trip(Failure{Cause: CauseLink, Probe: probe}, at)
	}
}

// bySecond counts moments by their second.
func bySecond(seconds []int, moments ...time.Duration) []int {
	for _, m := range moments {
		for len(seconds) <= int(m/time.Second) {
			seconds = append(seconds, 0)
		}
		seconds[int(m/time.Second)]++
	}
	return seconds
}

func judgeFleet(t *testing.T, requests, back []int) {
	t.Helper()
	period := whenBack(back, fleetSize()*99/100)
	total, length := 0, max(period, 60)
	for _, n := range requests[:min(length, len(requests))] {
		total += n
	}
	mean, most := float64(total)/float64(length), slices.Max(requests)
	t.Logf("half of the rigs are back after %d s, 99 of 100 after %d s, the last after %d s; %.0f requests a second in the mean, %d at most: %.2f ×",
		whenBack(back, fleetSize()/2), period, len(back), mean, most, float64(most)/mean)
	if float64(most) > 3*mean {
		t.Errorf("too many in one second: %v", requests)
	}
	if period > 3*60 {
		t.Error("a rig is back too late")
	}
}

// whenBack is after how many seconds so many rigs were back.
func whenBack(back []int, rigs int) int {
	for i, n := range back {
		if rigs -= n; rigs <= 0 {
			return i + 1
		}
	}
	return math.MaxInt
}

// fleetRig is an Uploader whose frames meet the cloud without a network between.
type fleetRig struct {
	*Uploader
	cloud
}

func newFleetRig(t *testing.T, away time.Duration, while func(time.Duration) Seen) *fleetRig {
	schedule, err := NewSchedule(0, nil, time.UTC)
	must(t, err)
	r := &fleetRig{Uploader: &Uploader{
		opts:    Options{MaxAttempts: DefaultMaxAttempts, StartSpread: DefaultStartSpread},
		log:     slog.New(slog.DiscardHandler),
		breaker: &Breaker{}, pace: NewPace(DefaultConcurrency), hours: newThrottle(schedule),
		freed: make(chan struct{}, DefaultConcurrency),
		tally: tally{outcomes: map[Cause]uint64{}}, strays: map[queue.ID]bool{}, cutter: map[queue.ID]int{},
	}}
	if away > 0 {
		r.opts.StartSpread = 0 // it runs already
	}
	r.returns, r.while, r.carry = time.Now().Add(away), while, r.meet
	return r
}

// live runs the rig until it has delivered all, or ten minutes after the cloud's return.
func (r *fleetRig) live(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Until(r.returns)+10*time.Minute)
	defer stop()
	r.queue = newMemory(stop)
	must(t, r.Run(ctx))
	if r.first == 0 {
		t.Error("a rig is not back")
	}
}

// meet is batch without a network: one request for tickets, 50 ms, and then a second for each frame.
func (r *fleetRig) meet(_ context.Context, items []queue.Item, probe Probe) {
	seen := r.ask()
	<-time.After(50 * time.Millisecond)
	if seen.Status == http.StatusOK {
		<-time.After(time.Duration(len(items)) * time.Second)
		r.stored()
	}
	for _, item := range items {
		r.settle(item, seen, delivery{key: "raw/"}, probe)
		r.free()
	}
}

// cloud stands for backend and S3 as one rig sees them.
type cloud struct {
	returns time.Time
	while   func(left time.Duration) Seen

	mu    sync.Mutex
	asked []time.Duration // after the return; guarded by mu
	first time.Duration   // when the first frame was delivered, after the return; guarded by mu
}

func (c *cloud) ask() Seen {
	at := time.Since(c.returns)
	if at < 0 {
		return c.while(-at)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, at)
	return Seen{Status: http.StatusOK, Proof: true}
}

func (c *cloud) stored() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == 0 {
		c.first = time.Since(c.returns)
	}
}

// TestStartIsSpread: a rig says when it will begin, begins no sooner and no later, and stops at once while it waits.
func TestStartIsSpread(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			q := &opening{}
			u := &Uploader{
				opts: Options{StartSpread: time.Minute}, queue: q, breaker: &Breaker{}, pace: NewPace(8), hours: always(t), freed: make(chan struct{}, 8),
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- u.Run(ctx) }()
			synctest.Wait()
			u.mu.Lock()
			begins := u.begins
			u.mu.Unlock()
			if wait := time.Until(begins); wait <= 0 || wait > time.Minute+50*time.Millisecond {
				t.Errorf("begins in %v", wait)
			}
			stop()
			synctest.Wait()
			must(t, <-ended)
			if !q.opened.IsZero() || !u.begins.IsZero() {
				t.Error("a stop was not heard")
			}

			must(t, u.runFor(t, 2*time.Minute))
			if share := time.Since(q.opened); share < 2*time.Minute-time.Minute-50*time.Millisecond || share >= 2*time.Minute {
				t.Errorf("ran for %v of two minutes", share)
			}
		})
	}
}

// opening notes when it was first leased from.
type opening struct {
	empty
	opened time.Time
}

func (o *opening) Lease(ctx context.Context, n int) ([]queue.Item, error) {
	if o.opened.IsZero() {
		o.opened = time.Now()
	}
	return o.empty.Lease(ctx, n)
}
