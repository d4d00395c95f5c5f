package uploader

import (
	"math"
	"testing"
	"time"
)

// drive reports transfers of one megabyte over a line that carries speed(slots) bytes a second, and returns the
// numbers of slots that were used.
func drive(p *Pace, transfers int, speed func(slots int) float64) (least, most int) {
	now, least := time.Unix(0, 0), math.MaxInt
	for range transfers {
		slots := p.Limit()
		least, most = min(least, slots), max(most, slots)
		now = now.Add(time.Duration(1e6 / speed(slots) * float64(time.Second)))
		p.Done(1e6, true, now)
	}
	return least, most
}

func TestPaceGrowsWhileItPays(t *testing.T) {
	p := NewPace(8)
	if p.Limit() != 2 {
		t.Fatalf("begins with %d", p.Limit())
	}
	_, most := drive(p, 200, func(slots int) float64 { return 1e6 * float64(slots) })
	if most != 8 || p.Limit() < 7 {
		t.Errorf("reached %d, is at %d", most, p.Limit())
	}
}

func TestPaceReachesTheTopSoon(t *testing.T) {
	p := NewPace(8)
	drive(p, 14, func(slots int) float64 { return 1e6 * float64(slots) })
	if p.Limit() != 8 {
		t.Errorf("%d after 14 transfers", p.Limit())
	}
}

func TestPaceStaysLowOnAThinLine(t *testing.T) {
	p := NewPace(8)
	drive(p, 100, func(int) float64 { return 8e3 })
	total, rounds := 0, 400
	for range rounds {
		drive(p, 1, func(int) float64 { return 8e3 })
		total += p.Limit()
	}
	if mean := float64(total) / float64(rounds); mean > 5 {
		t.Errorf("uses %.1f slots in the mean on a line that one can fill", mean)
	}
}

func TestPaceKeepsItsBounds(t *testing.T) {
	for most := range 12 {
		p := NewPace(most - 1)
		for i := range 2000 {
			now := time.Unix(int64(i), 0)
			switch i % 17 {
			case 3:
				p.Slow()
			case 11:
				p.Restart()
			default:
				p.Done(int64(i*7919%1000), i%5 != 0, now)
			}
			if p.Limit() < 1 || p.Limit() > max(most-1, 1) {
				t.Fatalf("%d slots of %d", p.Limit(), most-1)
			}
		}
	}
}

func TestPaceHalves(t *testing.T) {
	p := NewPace(16)
	drive(p, 60, func(slots int) float64 { return 1e6 * float64(slots) })
	before := p.Limit()
	p.Slow()
	if p.Limit() != before/2 {
		t.Errorf("%d after %d", p.Limit(), before)
	}
	for range 10 {
		p.Slow()
	}
	if p.Limit() != 1 {
		t.Errorf("%d after many", p.Limit())
	}
	drive(p, 40, func(slots int) float64 { return 1e6 * float64(slots) })
	if p.Limit() < 4 {
		t.Errorf("climbs to %d only", p.Limit())
	}
	p.Restart()
	if p.Limit() != 2 {
		t.Errorf("restarts with %d", p.Limit())
	}
	p.Slow()
	p.Restart()
	if p.Limit() != 1 {
		t.Errorf("an outage has doubled the pace to %d", p.Limit())
	}
}

func TestPaceLearnsNothingFromIdleness(t *testing.T) {
	p := NewPace(8)
	for i := range 1000 {
		p.Done(1e6, false, time.Unix(int64(i), 0))
	}
	if p.Limit() != 2 {
		t.Errorf("%d", p.Limit())
	}
	p.Done(1, true, time.Unix(1, 0)) // a clock that stands still
	for range 100 {
		p.Done(1, true, time.Unix(1, 0))
	}
	if p.Limit() != 2 {
		t.Errorf("%d while no time has passed", p.Limit())
	}
}

func TestSpeed(t *testing.T) {
	u := &Uploader{tally: tally{outcomes: map[Cause]uint64{}}}
	now := time.Now()
	if u.tally.speedNow(now) != 0 {
		t.Error("a speed before the first delivery")
	}
	u.count(CauseLink, 1000, false)
	if u.tally.bytes != 0 || u.tally.outcomes[CauseLink] != 1 {
		t.Errorf("%+v", u.tally)
	}
	u.count(CauseDelivered, 60e6, true)
	if got := u.tally.speedNow(u.tally.speedAt); got != 1e6 {
		t.Errorf("60 MB in the last minute are %v bytes a second", got)
	}
	if got := u.tally.speedNow(u.tally.speedAt.Add(time.Minute)); math.Abs(got-1e6/math.E) > 1 {
		t.Errorf("a minute later %v", got)
	}
	if got := u.tally.speedNow(u.tally.speedAt.Add(time.Hour)); got > 1e-3 {
		t.Errorf("an hour later %v", got)
	}
	if u.tally.bytes != 60e6 || u.tally.delivered.IsZero() {
		t.Errorf("%+v", u.tally)
	}
}
