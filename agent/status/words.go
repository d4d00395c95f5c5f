package status

import (
	"fmt"
	"math"
	"time"
)

// ago says a time as a person would: "just now", "3 min ago", "2 days ago", "in 5 h".
func ago(t, now time.Time) string {
	const notable = 2 * time.Second
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d <= -notable:
		return "in " + span(-d)
	case d < notable:
		return "just now"
	default:
		return span(d) + " ago"
	}
}

// span says a time span in one unit, as exact as it matters. A clock that was set back makes spans below zero.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d/day))
	}
}

// size says a number of bytes with two or three digits.
func size(n int64) string {
	const unit, prefixes = 1000, "kMGTPE"
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit-0.5 { // what would be rounded to 1000 is 1.0 of the next
		value /= unit
		prefix++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %cB", value, prefixes[prefix])
	}
	return fmt.Sprintf("%.0f %cB", value, prefixes[prefix])
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// headline is the verdict as a sentence, with its worst reason.
func (s Snapshot) headline() string {
	reason := ""
	if len(s.Conditions) > 0 {
		reason = " " + s.Conditions[0].Title + "."
	}
	switch s.Verdict {
	case Healthy:
		return "All is well."
	case Degraded:
		return "Frames flow, but someone should look." + reason
	case Down:
		return "Not working." + reason
	default:
		return "This agent is of another version: its state is not known here."
	}
}

// queueLine says what waits and for how long.
func (s Snapshot) queueLine(now time.Time) string {
	q := s.Queue
	parked := ""
	if q.Parked > 0 {
		parked = "; " + count(q.Parked, "needs", "need") + " a person"
	}
	if q.Waiting == 0 {
		return fmt.Sprintf("empty; %s delivered", count(q.Delivered, "frame", "frames")) + parked
	}
	line := fmt.Sprintf("%s waiting (%s)", count(q.Waiting, "frame", "frames"), size(q.Bytes))
	if !q.Oldest.IsZero() {
		line += ", the oldest from " + ago(q.Oldest, now)
	}
	if q.ETA != nil {
		line += "; empty in about " + span(time.Duration(*q.ETA*float64(time.Second)))
	}
	return line + parked
}

func (s Snapshot) linkLine(now time.Time) string {
	if limit := s.Link.Limit.words(now); limit != "" {
		return s.Link.state(now) + "; " + limit
	}
	return s.Link.state(now)
}

func (l Link) state(now time.Time) string {
	if !l.Up {
		line := fmt.Sprintf("down for %s: %s", span(now.Sub(l.Since)), l.Reason)
		if l.NextTry.After(now) {
			line += "; next try " + ago(l.NextTry, now)
		}
		return line
	}
	if l.Begins.After(now) {
		return "uploads begin " + ago(l.Begins, now) + ": starts are spread, so that many rigs do not ask at once"
	}
	if l.LastDelivered.IsZero() {
		return "nothing delivered yet since the start"
	}
	line := "up; last frame delivered " + ago(l.LastDelivered, now)
	if speed := int64(l.BytesPerSecond); speed > 0 {
		line += "; " + size(speed) + "/s"
	}
	return line
}

// pathLine says where the bytes go and who the rig is.
func (s Snapshot) pathLine(now time.Time) string {
	l := s.Link
	line := "S3 not dialled yet"
	if l.S3Private != nil {
		line = "S3 at " + l.S3Address + " (public)"
		if *l.S3Private {
			line = "S3 at " + l.S3Address + " (private)"
		}
	}
	if l.ClockOffset != nil {
		line += "; clock " + offset(*l.ClockOffset) + " off"
	}
	switch {
	case l.CertificateExpires.IsZero():
		return line
	case l.CertificateExpires.After(now):
		return line + "; certificate ends " + ago(l.CertificateExpires, now)
	default:
		return line + "; certificate ended " + ago(l.CertificateExpires, now)
	}
}

func (s Snapshot) diskLine() string {
	if s.Disk.Total == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%s free of %s", size(s.Disk.Free), size(s.Disk.Total))
}

// offset says how wrong a clock is: small ones exactly, because they are well.
func offset(seconds float64) string {
	if seconds = math.Abs(seconds); seconds < 10 {
		return fmt.Sprintf("%.1f s", seconds)
	}
	return span(time.Duration(min(seconds, math.MaxInt32) * float64(time.Second)))
}
