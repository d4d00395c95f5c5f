package queue

import (
	"slices"
	"time"
)

// DelayBounds are the upper bounds of Delays' counts, in seconds. They are part of the format on disk: others, added behind
// too, would give the counts that are there another meaning, and need a schema of their own.
var DelayBounds = [...]float64{1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}

// Delays counts how long delivered frames took from their capture to their proof, both by the rig's clock.
type Delays struct {
	// Counts are of those that took at most so long as the bound at the same place, and longer than the bound before; the
	// last is of those that took longer than all bounds.
	Counts [len(DelayBounds) + 1]int64 `json:"n"`
	// Sum is of all of them.
	Sum time.Duration `json:"sum"`
}

// maxDelay is what is believed of a delay: a camera without a clock stamps its frames decades ago.
const maxDelay = 366 * 24 * time.Hour

// took counts a frame. One that was captured in the future, or before anybody would have waited for it, has a clock that
// is wrong, and is not counted.
func (d *Delays) took(delay time.Duration) {
	if delay < 0 || delay > maxDelay {
		return
	}
	place, _ := slices.BinarySearch(DelayBounds[:], delay.Seconds()) // the first bound that is not below
	d.Counts[place]++
	d.Sum += delay
}

// add changes a sum by the difference of two counts.
func (d *Delays) add(now, before Delays) {
	for i := range d.Counts {
		d.Counts[i] += now.Counts[i] - before.Counts[i]
	}
	d.Sum += now.Sum - before.Sum
}
