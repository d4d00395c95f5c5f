package status

import (
	"fmt"
	"slices"
	"time"
)

// chart is a camera's last 24 hours, drawn by the server so that it needs no script.
type chart struct {
	Width, Height int
	Bars          []bar
	Label         string // the chart in words
	From          string // the clock at its left end
	Most          string
}

// bar is one hour.
type bar struct {
	Class      string // some, none or unknown
	X, Y, W, H int
}

const (
	barWidth    = 8
	barGap      = 2
	chartHeight = 40
)

// newChart returns nil where nothing was counted yet.
func newChart(s Snapshot, c Camera, loc *time.Location) *chart {
	if len(c.Hourly) == 0 || s.HourlyFrom.IsZero() {
		return nil
	}
	most, all, silent := max(slices.Max(c.Hourly), 1), int64(0), 0
	v := &chart{Width: len(c.Hourly)*(barWidth+barGap) - barGap, Height: chartHeight, From: s.HourlyFrom.In(loc).Format("15:04")}
	for i, n := range c.Hourly {
		all += n
		b := bar{X: i * (barWidth + barGap), W: barWidth, Class: "some"}
		ends := s.HourlyFrom.Add(time.Duration(i+1) * time.Hour)
		switch {
		case n > 0:
			b.H = max(int(n*chartHeight/most), 2)
		case !ends.After(s.Started):
			b.Class, b.H = "unknown", chartHeight
		default:
			b.Class, b.H = "none", 1
			silent++
		}
		b.Y = chartHeight - b.H
		v.Bars = append(v.Bars, b)
	}
	v.Most = fmt.Sprintf("most %d/h", slices.Max(c.Hourly))
	v.Label = fmt.Sprintf("Frames in each of the last %d hours: %d in all, at most %d in an hour; %s without any",
		len(c.Hourly), all, slices.Max(c.Hourly), count(int64(silent), "hour", "hours"))
	return v
}
