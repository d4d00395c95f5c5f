package pulse

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhoIsLate: stories of one loop beside one that does well.
func TestWhoIsLate(t *testing.T) {
	for _, tc := range []struct {
		story string
		says  []time.Duration // each a second after the one before
		after time.Duration
		late  string
	}{
		{"it has not begun", nil, time.Hour, "[]"},
		{"it works, and its time is not over", []time.Duration{time.Minute}, 59 * time.Second, "[]"},
		{"it hangs", []time.Duration{time.Minute}, 61 * time.Second, "[the loop has not moved for 1m2s]"},
		{"it waits for others, however long", []time.Duration{time.Minute, 0}, 1000 * time.Hour, "[]"},
		{"it hangs in the second step", []time.Duration{0, time.Minute, 10 * time.Second}, 11 * time.Second, "[the loop has not moved for 12s]"},
		{"a shorter word counts from when it was said", []time.Duration{time.Hour, time.Second}, 2 * time.Second, "[the loop has not moved for 3s]"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &Pulse{}
			turn, other := p.Loop("the loop"), p.Loop("another")
			other(10000 * time.Hour)
			for _, within := range tc.says {
				turn(within)
				time.Sleep(time.Second) // the bubble's clock
			}
			time.Sleep(tc.after)
			if got := fmt.Sprint(p.Late(time.Now())); got != tc.late {
				t.Errorf("%s: %s, want %s", tc.story, got, tc.late)
			}
			turn(time.Minute)
			if got := p.Late(time.Now()); len(got) != 0 {
				t.Errorf("%s: it moves, and still %v", tc.story, got)
			}
		})
	}
}

// TestAClockThatIsSetMakesNobodyLate: only the monotonic reading counts.
func TestAClockThatIsSetMakesNobodyLate(t *testing.T) {
	p := &Pulse{}
	p.Loop("the loop")(time.Minute)
	if late := p.Late(time.Now()); len(late) != 0 {
		t.Errorf("%v", late)
	}
	for _, l := range p.loops {
		if l.due.String() == l.due.Round(0).String() { // Round strips the monotonic reading
			t.Error("there is no monotonic reading in what a loop has said")
		}
	}
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	p := &Pulse{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			turn := p.Loop("loop")
			for range 100 {
				turn(time.Minute)
				p.Late(time.Now())
			}
		})
	}
	group.Wait()
	if len(p.loops) != 8 {
		t.Errorf("%d loops", len(p.loops))
	}
}
