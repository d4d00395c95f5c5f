package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"shelfagent/agent/config/strict"
	"shelfagent/uploader"
)

// Window is a part of the week in which another upload rate holds.
type Window struct {
	From Clock      `toml:"from"`
	To   Clock      `toml:"to"`
	Days []Day      `toml:"days"`
	Rate WindowRate `toml:"rate"`
}

// Clock is a time of day in the file, "06:00" or "22:30", in minutes since midnight.
type Clock int

// Want says what is expected.
func (Clock) Want() string { return `a time of day in quotes, such as "06:00" or "22:30"` }

// UnmarshalText accepts 00:00 to 24:00.
func (c *Clock) UnmarshalText(text []byte) error {
	hours, minutes, ok := strings.Cut(string(text), ":")
	h, err := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	if !ok || err != nil || err2 != nil || len(hours) > 2 || len(minutes) != 2 || m > 59 || h*60+m > 24*60 {
		return fmt.Errorf(`%.20q is not a time of day; write it as in "06:00" or "22:30"`, text)
	}
	*c = Clock(h*60 + m)
	return nil
}

// MarshalText writes "06:00".
func (c Clock) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%02d:%02d", c/60, c%60), nil }

// Day is a day of the week in the file: "mon".
type Day time.Weekday

// dayNames are in the order of time.Weekday.
var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Want says what is expected.
func (Day) Want() string { return `a day in quotes, such as "mon"` }

// UnmarshalText accepts the short names alone, and says which one a longer one is.
func (d *Day) UnmarshalText(text []byte) error {
	given := string(text)
	if i := slices.Index(dayNames, given); i >= 0 {
		*d = Day(i)
		return nil
	}
	for _, name := range dayNames {
		if strings.HasPrefix(strings.ToLower(given), name) {
			return fmt.Errorf("%.20q is not a day; did you mean %q?", given, name)
		}
	}
	return fmt.Errorf("%.20q is not one of mon, tue, wed, thu, fri, sat, sun", given)
}

// MarshalText writes the short name.
func (d Day) MarshalText() ([]byte, error) { return []byte(dayNames[d]), nil }

// WindowRate is a rate in the file: a size, "0" for no limit, or "pause".
type WindowRate uploader.Rate

const pause = "pause"

// Want says what is expected.
func (WindowRate) Want() string {
	return `bytes per second in quotes, such as "256 KiB", "0" for no limit, or "pause"`
}

// UnmarshalText accepts what a strict.Size does, and "pause".
func (r *WindowRate) UnmarshalText(text []byte) error {
	var size strict.Size
	given := string(text)
	switch err := size.UnmarshalText(text); {
	case given == pause:
		*r = WindowRate(uploader.Pause)
	case slices.Contains([]string{"stop", "stopped", "off", "none", "never", "paused"}, strings.ToLower(given)),
		strings.EqualFold(given, pause):
		return fmt.Errorf("%.20q is not a rate; did you mean %q?", given, pause)
	case err != nil:
		return fmt.Errorf(`%.20q is not a rate; write it as in "256 KiB", "0" for no limit, or "pause"`, given)
	default:
		*r = WindowRate(size)
	}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (r WindowRate) MarshalText() ([]byte, error) {
	if uploader.Rate(r) == uploader.Pause {
		return []byte(pause), nil
	}
	return strict.Size(r).MarshalText()
}

// leastRate is what a frame of 4 MB needs an hour for, in bytes per second.
const leastRate = 1 << 10

// windows checks them one by one, and then against each other.
func (c *checker) windows(v Upload) {
	complete := true
	for i, w := range v.Window {
		table := fmt.Sprintf("upload.window[%d]", i)
		for _, key := range []string{"from", "to", "rate"} {
			if !c.document.Has(table + "." + key) {
				c.wrong(table, "%s is needed: a window is as in from = \"22:00\", to = \"06:00\", rate = \"0\"", key)
				complete = false
			}
		}
		if c.document.Has(table+".days") && len(w.Days) == 0 {
			c.wrong(table+".days", "names no day; without this line the window is there every day")
			complete = false
		}
		if w.Rate > 0 && w.Rate < leastRate {
			c.wrong(table+".rate", "%d bytes a second would take an hour for one frame; at least \"1 KiB\", \"0\" for no limit, or \"pause\"", w.Rate)
		}
	}
	if !complete {
		return
	}
	_, err := uploader.NewSchedule(uploader.Rate(v.Rate), v.windows(), time.UTC)
	var window *uploader.WindowError
	if errors.As(err, &window) {
		c.wrong(fmt.Sprintf("upload.window[%d]", window.Index), "%s", window.Reason)
	}
}

func (v Upload) windows() []uploader.Window {
	windows := make([]uploader.Window, len(v.Window))
	for i, w := range v.Window {
		windows[i] = uploader.Window{From: int(w.From), To: int(w.To), Rate: uploader.Rate(w.Rate)}
		for _, d := range w.Days {
			windows[i].Days = append(windows[i].Days, time.Weekday(d))
		}
	}
	return windows
}
