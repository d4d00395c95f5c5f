package agent

import (
	"math"

	"shelfagent/agent/diagnosis"
)

// How far the times that this machine writes can be trusted, as of the last answer of the backend. It travels with
// each frame: a capture time that is a file's own stamp is as good as the clock was.
const (
	clockOK      = "ok"      // within diagnosis.ClockTolerance of the backend's
	clockOff     = "off"     // further away
	clockUnknown = "unknown" // not compared since the start
)

func clockTrust(offset *float64) string {
	switch {
	case offset == nil:
		return clockUnknown
	case math.Abs(*offset) > diagnosis.ClockTolerance.Seconds():
		return clockOff
	}
	return clockOK
}
