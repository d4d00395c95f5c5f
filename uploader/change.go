package uploader

import (
	"cmp"
	"fmt"
	"time"
)

// Changes are what an Uploader can take while it runs; every other option is for its life. Zero values are as in
// Options.
type Changes struct {
	Concurrency int
	Rate        int64
	Windows     []Window
	Location    *time.Location
}

// Change checks changes, and returns what puts them in force at once, for the transfers under way too: none of them is
// ended. Its error is that of NewSchedule.
func (u *Uploader) Change(c Changes) (apply func(), err error) {
	schedule, err := NewSchedule(Rate(max(c.Rate, 0)), c.Windows, cmp.Or(c.Location, time.Local))
	if err != nil {
		return nil, fmt.Errorf("uploader: %w", err)
	}
	setDefault(&c.Concurrency, DefaultConcurrency)
	return func() {
		u.hours.follow(schedule, u.clockAt(time.Now()))
		u.pace.SetMost(min(c.Concurrency, cap(u.freed)))
		select {
		case u.changed <- struct{}{}:
		default: // Run will look anyway
		}
	}, nil
}
