package uploader

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// always is a throttle that never throttles.
func always(t *testing.T) *throttle {
	t.Helper()
	schedule, err := NewSchedule(0, nil, time.UTC)
	must(t, err)
	return newThrottle(schedule)
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	location, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	return location
}

// clock makes minutes of "22:30".
func clock(t *testing.T, text string) int {
	t.Helper()
	if text == "24:00" {
		return day
	}
	at, err := time.Parse("15:04", text)
	must(t, err)
	return at.Hour()*60 + at.Minute()
}

func window(t *testing.T, from, to string, rate Rate, days ...time.Weekday) Window {
	t.Helper()
	return Window{Days: days, From: clock(t, from), To: clock(t, to), Rate: rate}
}

// TestScheduleFollowsTheWallClock: each row is a day of a shop, read as its clock on the wall shows it, with the offset
// from UTC where an hour comes twice. Every step must begin when the one before says that it ends.
func TestScheduleFollowsTheWallClock(t *testing.T) {
	const base, night, slow = 100, 0, 10
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	type step struct {
		from string // RFC 3339 without seconds
		rate Rate
	}
	for _, tc := range []struct {
		story   string
		windows []Window
		steps   []step // the last one is where the row ends
	}{
		{"across midnight", []Window{window(t, "22:00", "06:00", night)}, []step{
			{"2026-11-20T06:00+01:00", base}, {"2026-11-20T22:00+01:00", night}, {"2026-11-21T06:00+01:00", base}, {"2026-11-21T22:00+01:00", night},
		}},
		{"across midnight, on the day on which it begins", []Window{window(t, "22:00", "06:00", night, time.Saturday)}, []step{
			{"2026-11-20T00:00+01:00", base}, {"2026-11-21T22:00+01:00", night}, {"2026-11-22T06:00+01:00", base}, {"2026-11-28T22:00+01:00", night},
		}},
		{"from Saturday into the first minutes of the week", []Window{window(t, "23:59", "00:01", night, time.Saturday)}, []step{
			{"2026-11-21T23:59+01:00", night}, {"2026-11-22T00:01+01:00", base}, {"2026-11-28T23:59+01:00", night},
		}},
		{"the opening hours of a week", []Window{window(t, "09:00", "20:00", Pause, weekdays...), window(t, "10:00", "16:00", slow, time.Saturday)}, []step{
			{"2026-11-20T09:00+01:00", Pause}, {"2026-11-20T20:00+01:00", base}, {"2026-11-21T10:00+01:00", slow},
			{"2026-11-21T16:00+01:00", base}, {"2026-11-23T09:00+01:00", Pause},
		}},
		{"two that follow each other with one rate are one", []Window{window(t, "08:00", "12:00", slow), window(t, "12:00", "18:00", slow)}, []step{
			{"2026-11-20T08:00+01:00", slow}, {"2026-11-20T18:00+01:00", base}, {"2026-11-21T08:00+01:00", slow},
		}},
		{"a whole day", []Window{window(t, "00:00", "24:00", Pause, time.Sunday)}, []step{
			{"2026-11-21T00:00+01:00", base}, {"2026-11-22T00:00+01:00", Pause}, {"2026-11-23T00:00+01:00", base}, {"2026-11-29T00:00+01:00", Pause},
		}},
		// 29 March 2026: at 2:00 clocks are put forward to 3:00.
		{"the night of 23 hours", []Window{window(t, "22:00", "06:00", night)}, []step{
			{"2026-03-28T22:00+01:00", night}, {"2026-03-29T06:00+02:00", base}, {"2026-03-29T22:00+02:00", night},
		}},
		{"it begins in the hour that is left out", []Window{window(t, "02:30", "04:00", night)}, []step{
			{"2026-03-28T04:00+01:00", base}, {"2026-03-29T03:00+02:00", night}, {"2026-03-29T04:00+02:00", base}, {"2026-03-30T02:30+02:00", night},
		}},
		{"it ends in the hour that is left out", []Window{window(t, "01:00", "02:30", night)}, []step{
			{"2026-03-29T01:00+01:00", night}, {"2026-03-29T03:00+02:00", base}, {"2026-03-30T01:00+02:00", night},
		}},
		{"it lies in the hour that is left out", []Window{window(t, "02:15", "02:45", night)}, []step{
			{"2026-03-28T02:15+01:00", night}, {"2026-03-28T02:45+01:00", base}, {"2026-03-30T02:15+02:00", night},
		}},
		// 25 October 2026: at 3:00 clocks are put back to 2:00.
		{"the night of 25 hours", []Window{window(t, "22:00", "06:00", night)}, []step{
			{"2026-10-24T22:00+02:00", night}, {"2026-10-25T06:00+01:00", base}, {"2026-10-25T22:00+01:00", night},
		}},
		{"it lies in the hour that comes twice", []Window{window(t, "02:15", "02:45", night)}, []step{
			{"2026-10-25T02:15+02:00", night}, {"2026-10-25T02:45+02:00", base},
			{"2026-10-25T02:15+01:00", night}, {"2026-10-25T02:45+01:00", base}, {"2026-10-26T02:15+01:00", night},
		}},
		{"it ends in the hour that comes twice", []Window{window(t, "01:00", "02:30", night)}, []step{
			{"2026-10-25T01:00+02:00", night}, {"2026-10-25T02:30+02:00", base},
			{"2026-10-25T02:00+01:00", night}, {"2026-10-25T02:30+01:00", base}, {"2026-10-26T01:00+01:00", night},
		}},
	} {
		t.Run(tc.story, func(t *testing.T) {
			schedule, err := NewSchedule(base, tc.windows, berlin(t))
			must(t, err)
			for i := range len(tc.steps) - 1 {
				at, until := moment(t, tc.steps[i].from), moment(t, tc.steps[i+1].from)
				want := Limit{BytesPerSecond: int64(tc.steps[i].rate), Until: until}
				if tc.steps[i].rate == Pause {
					want.BytesPerSecond, want.Paused = 0, true
				}
				for _, in := range []time.Time{at, at.Add(time.Second + 1), until.Add(-1)} {
					got := schedule.At(in)
					if !got.Until.Equal(want.Until) || got.BytesPerSecond != want.BytesPerSecond || got.Paused != want.Paused || got.ClockDoubted {
						t.Errorf("at %s: %+v, want %+v", in.In(berlin(t)), got, want)
					}
					if got.Until.Format("15:04Z07:00") != tc.steps[i+1].from[11:] {
						t.Errorf("at %s: until %s, want %s", in.In(berlin(t)), got.Until, tc.steps[i+1].from)
					}
				}
			}
		})
	}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04Z07:00", text)
	must(t, err)
	return at.UTC()
}

// TestScheduleKeepsItsWord through the months in which clocks change, in zones of all kinds: what At says of the future is
// what comes.
func TestScheduleKeepsItsWord(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "UTC"} {
		location, err := time.LoadLocation(zone)
		must(t, err)
		schedule, err := NewSchedule(7, []Window{
			window(t, "22:00", "06:00", 0, time.Saturday, time.Sunday), window(t, "08:00", "08:30", Pause), window(t, "23:30", "00:30", 9, time.Wednesday),
		}, location)
		must(t, err)
		for _, month := range []time.Month{time.March, time.April, time.October, time.November} {
			at := time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)
			limit := schedule.At(at)
			for range 31 * 48 {
				now := schedule.At(at)
				changed := now.Paused != limit.Paused || now.BytesPerSecond != limit.BytesPerSecond
				if due := !at.Before(limit.Until); changed != due {
					t.Fatalf("%s at %s: %+v after %+v", zone, at.In(location), now, limit)
				}
				limit, at = now, at.Add(30*time.Minute)
			}
		}
	}
}

func TestScheduleWithoutWindows(t *testing.T) {
	for _, base := range []Rate{0, 5000} {
		schedule, err := NewSchedule(base, nil, time.UTC)
		must(t, err)
		for _, at := range []time.Time{{}, time.Unix(0, 0), time.Now()} {
			if got := schedule.At(at); got != (Limit{BytesPerSecond: int64(base)}) {
				t.Errorf("%v: %+v", base, got)
			}
		}
	}
}

func TestScheduleRefuses(t *testing.T) {
	whole := window(t, "00:00", "24:00", Pause)
	for _, tc := range []struct {
		story   string
		windows []Window
		index   int
		says    string
	}{
		{"two at once", []Window{window(t, "08:00", "12:00", 5), window(t, "11:59", "13:00", 6)}, 1,
			"it overlaps window 1 on Sunday at 11:59; only one can hold"},
		{"one goes on into the next day's", []Window{window(t, "22:00", "06:00", 5, time.Saturday), window(t, "00:00", "01:00", 6, time.Sunday)}, 1,
			"it overlaps window 1 on Sunday at 00:00; only one can hold"},
		{"a day that is named twice is one day", []Window{window(t, "08:00", "12:00", 5, time.Monday, time.Monday)}, -1, ""},
		{"no length", []Window{window(t, "08:00", "08:00", 5)}, 0, `it ends when it begins; a whole day is from "00:00" to "24:00"`},
		{"a pause without an end", []Window{window(t, "08:00", "20:00", 5), window(t, "20:00", "08:00", Pause)}, -1, ""},
		{"a pause of a week", []Window{window(t, "08:00", "20:00", Pause), window(t, "20:00", "08:00", Pause)}, 1,
			"with it, uploads are paused all week, and nothing would ever be sent"},
		{"a pause of a week, in one window", []Window{whole}, 0, "with it, uploads are paused all week, and nothing would ever be sent"},
		{"a negative rate", []Window{{From: 0, To: 1, Rate: -2}}, 0, "its rate is negative"},
		{"a time beyond the day", []Window{{From: 1440, To: 1}}, 0, "its times are no times of a day"},
		{"too many", make([]Window, MaxWindows+1), MaxWindows, "there are 101 windows, at most 100"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			_, err := NewSchedule(0, tc.windows, time.UTC)
			var refused *WindowError
			switch {
			case tc.says == "" && err != nil:
				t.Error(err)
			case tc.says != "" && (!errors.As(err, &refused) || refused.Index != tc.index || refused.Reason != tc.says):
				t.Errorf("got  %v\nwant %q of window %d", err, tc.says, tc.index+1)
			case tc.says != "" && !strings.HasPrefix(err.Error(), "window "):
				t.Errorf("%v", err)
			}
		})
	}
}

// TestAWrongClockPausesNothing: a box without a battery wakes in 1970, and may do so every morning.
func TestAWrongClockPausesNothing(t *testing.T) {
	for story, tc := range map[string]struct {
		base    Rate
		windows []Window
		want    int64
	}{
		"a pause by day":                {0, []Window{window(t, "00:00", "23:59", Pause)}, 0},
		"a pause, and a limit at night": {0, []Window{window(t, "08:00", "20:00", Pause), window(t, "20:00", "08:00", 7000)}, 7000},
		"the base is the lowest":        {500, []Window{window(t, "08:00", "20:00", Pause), window(t, "20:00", "08:00", 7000)}, 500},
	} {
		schedule, err := NewSchedule(tc.base, tc.windows, time.UTC)
		must(t, err)
		for hour := range 24 {
			got := schedule.At(time.Unix(int64(hour)*3600, 0))
			if got != (Limit{BytesPerSecond: tc.want, ClockDoubted: true}) {
				t.Errorf("%s: at %d o'clock in 1970 %+v", story, hour, got)
			}
		}
	}
}
