package status

import (
	"fmt"
	"time"
)

// ago says a past time as a person would: "just now", "3 min ago", "2 days ago".
func ago(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case now.Sub(t) < 0:
		return "in " + span(t.Sub(now))
	case now.Sub(t) < 2*time.Second:
		return "just now"
	}
	return span(now.Sub(t)) + " ago"
}

// span says a time span in one unit, as exact as it matters.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
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

// size says a number of bytes with three digits.
func size(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 4 {
		value /= unit
		prefix++
	}
	if value < 10 {
		return fmt.Sprintf("%.1f %cB", value, "kMGTP"[prefix])
	}
	return fmt.Sprintf("%.0f %cB", value, "kMGTP"[prefix])
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// headline is the verdict as a sentence.
func (s Snapshot) headline() string {
	switch s.Verdict {
	case Healthy:
		return "All is well."
	case Degraded:
		return "Frames flow, but someone should look."
	default:
		return "Not working."
	}
}

// queueLine says what waits and for how long.
func (s Snapshot) queueLine(now time.Time) string {
	q := s.Queue
	if q.Waiting == 0 {
		return fmt.Sprintf("empty; %s delivered", count(q.Delivered, "frame", "frames"))
	}
	line := fmt.Sprintf("%s waiting (%s), the oldest from %s", count(q.Waiting, "frame", "frames"), size(q.Bytes), ago(q.Oldest, now))
	if q.ETA != nil {
		line += "; empty in about " + span(time.Duration(*q.ETA*float64(time.Second)))
	}
	return line
}

func (s Snapshot) linkLine(now time.Time) string {
	l := s.Link
	if !l.Up {
		line := fmt.Sprintf("down since %s: %s", ago(l.Since, now), l.Reason)
		if l.NextTry.After(now) {
			line += "; next try " + ago(l.NextTry, now)
		}
		return line
	}
	if l.LastDelivered.IsZero() {
		return "nothing delivered yet since the start"
	}
	return fmt.Sprintf("up; last frame delivered %s; %s/s", ago(l.LastDelivered, now), size(int64(l.BytesPerSecond)))
}

// pathLine says where the bytes go and who the rig is.
func (s Snapshot) pathLine(now time.Time) string {
	l := s.Link
	line := "S3 not dialled yet"
	if l.S3Private != nil {
		line = "S3 at " + l.S3Address + " (public address)"
		if *l.S3Private {
			line = "S3 at " + l.S3Address + " (private address)"
		}
	}
	if l.ClockOffset != nil {
		line += fmt.Sprintf("; clock off by %.1f s", *l.ClockOffset)
	}
	return line + "; certificate ends " + ago(l.CertificateExpires, now)
}

func (s Snapshot) diskLine() string {
	if s.Disk.Total == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%s free of %s", size(s.Disk.Free), size(s.Disk.Total))
}
