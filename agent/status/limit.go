package status

import "time"

// Limit is what the bandwidth windows of the configuration allow now.
type Limit struct {
	// BytesPerSecond is over all uploads; 0 is no limit.
	BytesPerSecond int64 `json:"bytes_per_second"`
	// Paused is true while no upload may begin.
	Paused bool `json:"paused,omitempty"`
	// Until is when that changes, in the time zone of the windows; zero when it does not.
	Until time.Time `json:"until,omitzero"`
	// ClockDoubted is true while no window is kept, because the clock cannot be right.
	ClockDoubted bool `json:"clock_doubted,omitempty"`
}

// words says the limit in force, or "" where the configuration has none.
func (l *Limit) words(now time.Time) string {
	if l == nil {
		return ""
	}
	line := "uploads without a limit"
	switch {
	case l.Paused:
		line = "uploads paused by the configuration"
	case l.BytesPerSecond > 0:
		line = "uploads limited to " + size(l.BytesPerSecond) + "/s"
	}
	if l.ClockDoubted {
		return line + ", because this machine's clock cannot be right"
	}
	return line + l.until(now)
}

// until names the moment as the configuration does: by the clock on the wall, with the day where it is another.
func (l *Limit) until(now time.Time) string {
	const near = 18 * time.Hour // what is further off could be taken for today's
	switch {
	case l.Until.IsZero():
		return ""
	case l.Until.Sub(now) < near:
		return " until " + l.Until.Format("15:04")
	default:
		return " until " + l.Until.Format("Mon 15:04")
	}
}
