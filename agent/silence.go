package agent

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/config/strict"
	"shelfagent/agent/diagnosis"
)

// silence tells a camera that should film and does not from one that rests.
type silence struct {
	mu    sync.Mutex // guards rules
	rules config.SilenceRules
	// started is from when on a camera is waited for of which nothing is known.
	started time.Time
}

func (s *silence) ruling() config.SilenceRules {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rules
}

// take changes the rules from the next look on.
func (s *silence) take(rules config.SilenceRules) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = rules
}

// silent lists the cameras from which nothing has come for too long, each with what is seen of it: those that have a folder,
// and those that the configuration names.
func (s *silence) silent(f facts, now time.Time) map[string]string {
	rules := s.ruling()
	all := map[string]string{}
	for camera, last := range s.lastFiles(f, rules) {
		rule := rules.Of(camera)
		from := last
		if from.IsZero() || from.Before(s.started) && wasSet(s.started, now) {
			from = s.started
		}
		if rule.After > 0 && expected(rule.Hours, rules.Location, from, now) >= rule.After {
			all[camera] = words(last, rule, rules.Location)
		}
	}
	return all
}

// wasSet tells whether the clock was set between two readings of it. A box without a battery for its clock starts hours or
// months in the past, until NTP sets it: how long ago something was that has only a stamp, from before, is not known then.
func wasSet(since, now time.Time) bool {
	jump := now.Round(0).Sub(since.Round(0)) - now.Sub(since) // Round strips the monotonic reading
	return jump.Abs() > diagnosis.ClockTolerance
}

func words(last time.Time, rule config.SilenceRule, location *time.Location) string {
	due := fmt.Sprintf("; one is due every %s", strict.Duration(rule.After))
	if last.IsZero() {
		return "no file since the agent started" + due
	}
	return "the last file came at " + last.In(location).Format("2006-01-02 15:04 MST") + due
}

// lastFiles is when the newest file of each camera came: as capture noticed it or the queue took it; or, when none has come
// since the start, as the newest frame of the queue was captured. Zero: none is known of.
func (s *silence) lastFiles(f facts, rules config.SilenceRules) map[string]time.Time {
	queued := map[string]time.Time{}
	for _, c := range f.queue.Cameras {
		if c.LastCaptured.Before(s.started) { // or its clock is ahead of ours
			queued[c.Camera] = c.LastCaptured
		}
	}
	last := map[string]time.Time{}
	for camera := range rules.Cameras {
		last[camera] = queued[camera]
	}
	for _, c := range f.capture.Cameras {
		came := c.LastSeen
		if good := f.intake.good[c.Camera]; good.After(came) { // it lay there at the start
			came = good
		}
		switch {
		case !came.IsZero():
			last[c.Camera] = came
		case c.Camera == capture.DefaultCamera && queued[c.Camera].IsZero(): // the capture folder itself is there in every shop
		case c.Present:
			last[c.Camera] = queued[c.Camera]
		}
	}
	return last
}

const minutesADay = 24 * 60

// expected is how much of the time up to now files were expected in, from a file on or from when the present hours began,
// whichever is later; 0 outside of the hours. When hours began only the clock on the wall tells, which may have been set
// since: it is never more than the time that has passed since from, of which the monotonic clock tells.
func expected(hours []config.Hours, location *time.Location, from, now time.Time) time.Duration {
	if len(hours) == 0 {
		return now.Sub(from)
	}
	began := hoursBegan(hours, from, now.In(location))
	switch {
	case began.IsZero():
		return 0
	case began.After(from):
		return min(now.Sub(began), now.Sub(from))
	default:
		return now.Sub(from)
	}
}

// farBack bounds how many hours in a row, without a gap between them, are looked at.
const farBack = 400

// hoursBegan is when the hours that local lies in began, or a time before from; zero outside of all hours. Hours that touch or
// overlap are one. They go by the clock on the wall: where it is put forward over a beginning, they begin then.
func hoursBegan(hours []config.Hours, from, local time.Time) time.Time {
	var began time.Time
	for at, looks := local, 0; looks < farBack && (began.IsZero() || began.After(from)); looks++ {
		start := startOf(hours, at)
		if start.IsZero() {
			break
		}
		began, at = start, start.Add(-time.Second)
	}
	return began
}

// startOf is the earliest start of the hours that hold at local; zero when none do.
func startOf(hours []config.Hours, local time.Time) time.Time {
	var earliest time.Time
	for _, h := range hours {
		for back := range 2 { // they began today, or yesterday
			y, m, d := local.Date()
			midnight := time.Date(y, m, d-back, 0, 0, 0, 0, local.Location())
			length := int(h.To - h.From)
			if length < 0 {
				length += minutesADay
			}
			start, end := clockAt(midnight, int(h.From)), clockAt(midnight, int(h.From)+length)
			if !onDay(h.Days, midnight.Weekday()) || local.Before(start) || !local.Before(end) {
				continue
			}
			if earliest.IsZero() || start.Before(earliest) {
				earliest = start
			}
		}
	}
	return earliest
}

func onDay(days []config.Day, day time.Weekday) bool {
	return len(days) == 0 || slices.Contains(days, config.Day(day))
}

// clockAt is when the clock on the wall says so many minutes after a midnight: in the nights in which it is set, that is
// not so many minutes later.
func clockAt(midnight time.Time, minutes int) time.Time {
	y, m, d := midnight.Date()
	return time.Date(y, m, d, 0, minutes, 0, 0, midnight.Location())
}
