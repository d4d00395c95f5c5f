package uploader

import (
	"sync"
	"time"
)

// Pace says how many transfers may run at once. It climbs as long as that makes the whole faster, and is
// halved when a server says "slow down" or a transfer hangs: on a thin uplink more connections only make
// each of them slower, on a fat one a few are needed to fill it.
type Pace struct {
	mu    sync.Mutex
	most  int
	limit int
	step  int  // +1 climbing, -1 descending
	ramp  bool // doubling, until that no longer pays

	began time.Time // of the present measure
	bytes int64
	count int
	best  float64 // bytes per second of the measure before
}

// NewPace starts at two transfers, or one where no more are allowed.
func NewPace(most int) *Pace {
	most = max(most, 1)
	return &Pace{most: most, limit: min(2, most), step: 1, ramp: true}
}

// SetMost changes how many transfers are allowed. Those beyond it end by themselves.
func (p *Pace) SetMost(most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = max(most, 1)
	p.limit = min(p.limit, p.most)
	p.restart(true)
}

// Limit is the number of slots.
func (p *Pace) Limit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit
}

// Done notes a finished transfer. busy says that more frames wait than there are slots: an idle rig teaches nothing.
func (p *Pace) Done(bytes int64, busy bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !busy {
		p.began = time.Time{}
		return
	}
	if p.began.IsZero() {
		p.began, p.bytes, p.count = now, 0, 0
		return
	}
	p.bytes += bytes
	p.count++
	elapsed := now.Sub(p.began).Seconds()
	if p.count < 2*p.limit || elapsed <= 0 {
		return
	}
	// Hill climbing: go on in this direction while it pays, turn when it does not.
	speed := float64(p.bytes) / elapsed
	if speed < p.best*1.02 {
		p.step, p.ramp = -p.step, false
	}
	p.best = speed
	next := p.limit + p.step
	if p.ramp {
		next = 2 * p.limit
	}
	p.limit = min(max(next, 1), p.most)
	if p.limit == 1 {
		p.step = 1
	}
	p.began, p.bytes, p.count = now, 0, 0
}

// Slow halves the number of slots.
func (p *Pace) Slow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = max(p.limit/2, 1)
	p.restart(false)
}

// Restart goes back to the first step, after an outage: what the link could carry before says little now.
func (p *Pace) Restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = min(2, p.limit)
	p.restart(true)
}

func (p *Pace) restart(ramp bool) {
	p.step, p.ramp, p.best, p.began = 1, ramp, 0, time.Time{}
}
