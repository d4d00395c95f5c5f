package uploader

import (
	"fmt"
	"slices"
	"time"
)

// Rate is the most bytes per second over all transfers; 0 is no limit.
type Rate int64

// Pause is the rate at which no transfer begins. One that is under way ends at the rate that it had: to cut it
// would send its beginning twice.
const Pause Rate = -1

// MaxWindows is how many windows a Schedule may have.
const MaxWindows = 100

// Window is a part of the week in which another rate holds, by the clock on the wall.
type Window struct {
	// Days are those on which it begins; none means every day.
	Days []time.Weekday
	// From and To are minutes since midnight: From 0 to 1439, To 0 to 1440. A To before From is on the next day.
	From, To int
	Rate     Rate
}

// WindowError says which window cannot stand.
type WindowError struct {
	Index  int
	Reason string
}

func (e *WindowError) Error() string { return fmt.Sprintf("window %d: %s", e.Index+1, e.Reason) }

const (
	day  = 24 * 60 // in minutes
	week = 7 * day
)

// Schedule says which rate holds when. It goes by the clock on the wall: in the night in which an hour is left out,
// what lies in that hour is left out too, and in the night in which one comes twice, so does what lies in it.
type Schedule struct {
	base     Rate
	windows  []Window
	location *time.Location
	minutes  [week]uint8 // since Sunday 0:00: 0 where no window holds, else the number of the window, from 1
}

// NewSchedule returns a *WindowError for windows that overlap, that say nothing, or that would leave no minute of the
// week to upload in.
func NewSchedule(base Rate, windows []Window, location *time.Location) (*Schedule, error) {
	if len(windows) > MaxWindows {
		return nil, &WindowError{MaxWindows, fmt.Sprintf("there are %d windows, at most %d", len(windows), MaxWindows)}
	}
	s := &Schedule{base: base, windows: windows, location: location}
	for i, w := range windows {
		if err := s.enter(i, w); err != nil {
			return nil, err
		}
	}
	silent := func(n uint8) bool { return s.rateOf(n) == Pause }
	if !slices.ContainsFunc(s.minutes[:], func(n uint8) bool { return !silent(n) }) {
		return nil, &WindowError{len(windows) - 1, "with it, uploads are paused all week, and nothing would ever be sent"}
	}
	return s, nil
}

func (s *Schedule) enter(index int, w Window) error {
	length := w.To - w.From
	if length < 0 {
		length += day
	}
	switch {
	case w.From < 0 || w.From >= day || w.To < 0 || w.To > day:
		return &WindowError{index, "its times are no times of a day"}
	case length == 0:
		return &WindowError{index, `it ends when it begins; a whole day is from "00:00" to "24:00"`}
	case w.Rate < Pause:
		return &WindowError{index, "its rate is negative"}
	}
	for d := range 7 {
		if len(w.Days) > 0 && !slices.Contains(w.Days, time.Weekday(d)) {
			continue
		}
		for m := range length {
			minute := (d*day + w.From + m) % week
			if other := s.minutes[minute]; other != 0 {
				return &WindowError{index, fmt.Sprintf("it overlaps window %d on %s at %02d:%02d; only one can hold",
					other, time.Weekday(minute/day), minute%day/60, minute%60)}
			}
			s.minutes[minute] = uint8(index + 1)
		}
	}
	return nil
}

func (s *Schedule) rateOf(number uint8) Rate {
	if number == 0 {
		return s.base
	}
	return s.windows[number-1].Rate
}

// Limit is the rate that holds at a moment.
type Limit struct {
	// BytesPerSecond is over all transfers; 0 is no limit.
	BytesPerSecond int64 `json:"bytes_per_second"`
	// Paused is true while a window keeps new transfers from beginning.
	Paused bool `json:"paused,omitempty"`
	// Until is when that changes, in the time zone of the windows, to be read beside the configuration; zero when it
	// does not.
	Until time.Time `json:"until,omitzero"`
	// ClockDoubted is true while no window is kept, because the clock cannot be right.
	ClockDoubted bool `json:"clock_doubted,omitempty"`
}

// written is when this program was: a clock before it has lost its time.
var written = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ClockLost tells whether a clock that says now cannot be right.
func ClockLost(now time.Time) bool { return now.Before(written) }

// At returns what holds at a moment. By a clock that cannot be right, that is the lowest rate of all and never a
// pause: a box that wakes in 1970 at each start, always within the same window, would else be silent for ever.
func (s *Schedule) At(now time.Time) Limit {
	switch {
	case len(s.windows) == 0:
		return Limit{BytesPerSecond: int64(s.base)}
	case ClockLost(now):
		return Limit{BytesPerSecond: int64(s.lowest()), ClockDoubted: true}
	}
	at := now.Round(0) // the wall clock's time alone: it is what the windows go by
	rate := s.rateAt(at)
	limit := Limit{BytesPerSecond: int64(rate)}
	if rate == Pause {
		limit = Limit{Paused: true}
	}
	// A week later all windows have come again; a day more is for clocks that are put forward or back meanwhile.
	end := at.AddDate(0, 0, 8)
	for next := s.next(at); next.Before(end); next = s.next(next) {
		if s.rateAt(next) != rate {
			limit.Until = next.In(s.location)
			break
		}
	}
	return limit
}

func (s *Schedule) lowest() Rate {
	lowest := s.base
	for _, w := range s.windows {
		if w.Rate > 0 && (lowest == 0 || w.Rate < lowest) {
			lowest = w.Rate
		}
	}
	return lowest
}

func (s *Schedule) rateAt(at time.Time) Rate {
	return s.rateOf(s.minutes[minuteOfWeek(at.In(s.location))])
}

func minuteOfWeek(local time.Time) int {
	return int(local.Weekday())*day + local.Hour()*60 + local.Minute()
}

// next is the next moment at which another rate may hold: the end of a window, or of the gap between two, or the
// moment in which clocks are put forward or back.
func (s *Schedule) next(at time.Time) time.Time {
	local := at.In(s.location)
	minute, ahead := minuteOfWeek(local), 1
	for ahead < week && s.minutes[(minute+ahead)%week] == s.minutes[minute] {
		ahead++
	}
	begun := time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	next := at.Add(time.Duration(ahead)*time.Minute - begun)
	if _, change := local.ZoneBounds(); !change.IsZero() && change.Before(next) {
		return change
	}
	return next
}
