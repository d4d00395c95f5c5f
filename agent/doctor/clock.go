package doctor

import (
	"fmt"
	"time"

	"shelfagent/agent/diagnosis"
	"shelfagent/agent/health"
	"shelfagent/uploader"
	"shelfagent/uploader/ticket"
)

const setClock = "Set this machine's clock: sudo timedatectl set-ntp true, and let NTP (UDP port 123) through the firewall."

// localClock says what can be said of the clock without a network: it is wrong when it is before something that has
// happened, and will be when nothing keeps it. id may be nil.
func localClock(id *uploader.Identity, now time.Time) Result {
	const step = "clock"
	saw := "this machine says that it is " + now.UTC().Format("2006-01-02 15:04:05 MST")
	if id != nil && now.Before(id.Leaf().NotBefore) {
		return fail(step, fmt.Sprintf("%s, but its certificate was made for the time from %s on: the clock is behind", saw,
			id.Leaf().NotBefore.UTC().Format("2006-01-02 15:04:05 MST")), setClock).is(health.ClockWrong)
	}
	switch kept, known := clockKept(); {
	case !known:
		return skipped(step, saw+"; whether a time service keeps the clock is not asked on this system")
	case !kept:
		r := warn(step, saw+"; no time service keeps this clock", setClock)
		r.Means = "The clock may be right now, but it will drift. Beyond five minutes tickets are refused."
		return r
	}
	return ok(step, saw+", and a time service keeps the clock")
}

// clockOffset judges what the backend's answer told.
func clockOffset(ahead time.Duration, known bool) Result {
	const step = "clock offset"
	if !known {
		return skipped(step, "the backend has not told the time")
	}
	seconds := ahead.Seconds()
	side := "ahead of"
	if ahead < 0 {
		side = "behind"
	}
	r := ok(step, fmt.Sprintf("the backend's clock is %.0f s %s this machine's", ahead.Abs().Seconds(), side))
	if ahead.Abs() > diagnosis.ClockTolerance {
		r.Outcome, r.Do = Warn, setClock
		r = r.is(health.ClockWrong)
	}
	if ahead.Abs() > ticket.ClockSkew {
		r.Outcome = Fail
	}
	r.ClockOffset = &seconds
	return r
}
