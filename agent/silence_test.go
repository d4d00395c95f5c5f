package agent

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/queue"
)

func berlin(t *testing.T) *time.Location {
	t.Helper()
	location, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func when(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, berlin(t))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestHoursInWhichFilesAreExpected: over midnight, over a weekend, and in the nights in which the clock is set. In Berlin it
// was put back on 2026-10-25 at 03:00 and forward on 2026-03-29 at 02:00.
func TestHoursInWhichFilesAreExpected(t *testing.T) {
	day := []config.Hours{{From: 7 * 60, To: 21 * 60}}
	night := []config.Hours{{From: 22 * 60, To: 6 * 60}}
	friday := []config.Hours{{From: 20 * 60, To: 4 * 60, Days: []config.Day{config.Day(time.Friday)}}}
	lunch := []config.Hours{{From: 7 * 60, To: 12 * 60}, {From: 12 * 60, To: 20 * 60}}
	always := []config.Hours{{From: 0, To: 24 * 60}}
	small := []config.Hours{{From: 2*60 + 30, To: 5 * 60}}
	for _, tc := range []struct {
		story     string
		hours     []config.Hours
		last, now string
		want      time.Duration
	}{
		{"no hours", nil, "2026-11-22 10:00", "2026-11-22 12:30", 150 * time.Minute},
		{"within one day", day, "2026-11-22 10:00", "2026-11-22 12:30", 150 * time.Minute},
		{"the shop is closed", day, "2026-11-22 20:55", "2026-11-22 21:00", 0},
		{"long closed", day, "2026-11-22 20:55", "2026-11-23 06:59", 0},
		{"just opened", day, "2026-11-22 20:55", "2026-11-23 07:00", 0},
		{"half an hour after it opened", day, "2026-11-22 20:55", "2026-11-23 07:30", 30 * time.Minute},
		{"a file since it opened", day, "2026-11-23 07:20", "2026-11-23 07:30", 10 * time.Minute},
		{"before midnight", night, "2026-11-22 12:00", "2026-11-22 23:00", time.Hour},
		{"after midnight", night, "2026-11-22 12:00", "2026-11-23 01:00", 3 * time.Hour},
		{"a file before midnight", night, "2026-11-22 23:50", "2026-11-23 00:10", 20 * time.Minute},
		{"the night is over", night, "2026-11-22 23:50", "2026-11-23 06:00", 0},
		{"friday's night reaches saturday", friday, "2026-11-27 12:00", "2026-11-28 03:00", 7 * time.Hour},
		{"saturday has no night", friday, "2026-11-27 12:00", "2026-11-28 21:00", 0},
		{"thursday's night is not friday's", friday, "2026-11-26 12:00", "2026-11-27 03:00", 0},
		{"hours that touch are one", lunch, "2026-11-21 12:00", "2026-11-22 13:00", 6 * time.Hour},
		{"whole days are one", always, "2026-11-22 12:00", "2026-11-23 12:00", 24 * time.Hour},
		{"the night with one hour more", night, "2026-10-24 12:00", "2026-10-25 05:00", 8 * time.Hour},
		{"the night with one hour less", night, "2026-03-28 12:00", "2026-03-29 05:00", 6 * time.Hour},
		{"the hour twice, a file before", day, "2026-10-25 01:00", "2026-10-25 08:00", time.Hour},
		{"a beginning that the clock leaves out", small, "2026-03-28 12:00", "2026-03-29 04:30", time.Hour},
	} {
		t.Run(tc.story, func(t *testing.T) {
			if got := expected(tc.hours, berlin(t), when(t, tc.last), when(t, tc.now)); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// TestWhichCamerasAreSilent: those that should film, and no others.
func TestWhichCamerasAreSilent(t *testing.T) {
	started := when(t, "2026-11-22 10:00")
	now := started.Add(2 * time.Hour)
	seen := func(ago time.Duration) capture.CameraState {
		return capture.CameraState{Camera: "aisle", Present: true, LastSeen: now.Add(-ago)}
	}
	untouched := func(camera string) capture.CameraState { return capture.CameraState{Camera: camera, Present: true} }
	queued := func(camera string, ago time.Duration) []queue.CameraStats {
		return []queue.CameraStats{{Camera: camera, LastCaptured: now.Add(-ago)}}
	}
	for _, tc := range []struct {
		story string
		seen  []capture.CameraState
		queue []queue.CameraStats
		rules config.SilenceRules
		want  string // "" none; else what is said of the camera
	}{
		{"it films", []capture.CameraState{seen(59 * time.Minute)}, nil, config.SilenceRules{}, ""},
		{"it has stopped", []capture.CameraState{seen(61 * time.Minute)}, nil, config.SilenceRules{},
			"aisle: the last file came at 2026-11-22 10:59 CET; one is due every 1h"},
		{"it never began", []capture.CameraState{untouched("aisle")}, nil, config.SilenceRules{},
			"aisle: no file since the agent started; one is due every 1h"},
		{"it had stopped before the agent started", []capture.CameraState{untouched("aisle")}, queued("aisle", 3*time.Hour),
			config.SilenceRules{}, "aisle: the last file came at 2026-11-22 09:00 CET; one is due every 1h"},
		{"its folder is gone", nil, queued("aisle", 3*time.Hour), config.SilenceRules{}, ""},
		{"its folder is gone, and the configuration names it", nil, queued("aisle", 3*time.Hour),
			config.SilenceRules{Cameras: map[string]config.SilenceRule{"aisle": {After: 90 * time.Minute}}},
			"aisle: the last file came at 2026-11-22 09:00 CET; one is due every 1h30m"},
		{"nobody writes to the capture folder itself", []capture.CameraState{untouched(capture.DefaultCamera)}, nil, config.SilenceRules{}, ""},
		{"somebody did", []capture.CameraState{untouched(capture.DefaultCamera)}, queued(capture.DefaultCamera, 3*time.Hour),
			config.SilenceRules{}, "default: the last file came at 2026-11-22 09:00 CET; one is due every 1h"},
		{"it may rest for ever", []capture.CameraState{seen(90 * time.Hour)}, nil,
			config.SilenceRules{Cameras: map[string]config.SilenceRule{"aisle": {}}}, ""},
		{"its clock is ahead", []capture.CameraState{untouched("aisle")}, queued("aisle", -48*time.Hour), config.SilenceRules{},
			"aisle: no file since the agent started; one is due every 1h"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			tc.rules.Others, tc.rules.Location = config.SilenceRule{After: time.Hour}, berlin(t)
			s := &silence{rules: tc.rules, started: started}
			got := ""
			for camera, detail := range s.silent(facts{capture: capture.State{Cameras: tc.seen}, queue: queue.Stats{Cameras: tc.queue}}, now) {
				got += camera + ": " + detail
			}
			if strings.TrimSpace(got) != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// set is what a clock reads at t if it was set by a jump meanwhile: the wall's reading has it, the monotonic one has not.
func set(t *testing.T, at time.Time, jump time.Duration) time.Time {
	t.Helper()
	words := (*[2]uint64)(unsafe.Pointer(&at)) // time.Time: with a monotonic reading, seconds are from bit 30 of wall on
	was := at
	words[0] += uint64(jump/time.Second) << 30
	if got := at.Round(0).Sub(was.Round(0)); at.Sub(was) != 0 || got != jump {
		t.Fatalf("package time holds its readings in another way: the wall's moved by %v, the other by %v", got, at.Sub(was))
	}
	return at
}

// TestAClockThatIsSetMakesNoCameraSilent: a box without a battery for its clock starts at ten in the evening, as when it was
// switched off, and NTP sets it to ten the next morning, two hours after the shop has opened. What counts is how long the
// agent waits.
func TestAClockThatIsSetMakesNoCameraSilent(t *testing.T) {
	started := time.Now()
	evening := when(t, "2026-11-22 22:00")
	started = set(t, started, evening.Sub(started.Round(0)).Truncate(time.Second))
	rules := config.SilenceRules{Location: berlin(t), Others: config.SilenceRule{After: time.Hour, Hours: []config.Hours{{From: 8 * 60, To: 21 * 60}}}}
	before := []queue.CameraStats{{Camera: "aisle", LastCaptured: evening.Add(-80 * time.Minute)}}
	noticed := []capture.CameraState{{Camera: "aisle", Present: true, LastSeen: started.Add(time.Minute)}}
	for _, tc := range []struct {
		story string
		seen  []capture.CameraState
		queue []queue.CameraStats
		after time.Duration
		jump  time.Duration
		want  bool
	}{
		{"set, and nothing known", []capture.CameraState{{Camera: "aisle", Present: true}}, nil, 2 * time.Minute, 12 * time.Hour, false},
		{"set, and a frame from before", []capture.CameraState{{Camera: "aisle", Present: true}}, before, 2 * time.Minute, 12 * time.Hour, false},
		{"set, and a file since the start", noticed, nil, 2 * time.Minute, 12 * time.Hour, false},
		{"set, and waited for long enough", noticed, before, 62 * time.Minute, 11 * time.Hour, true},
		{"set, and nothing since the start, waited for long enough", []capture.CameraState{{Camera: "aisle", Present: true}}, before, 61 * time.Minute, 11 * time.Hour, true},
		{"not set, and nothing since the shop has opened", noticed, nil, 12 * time.Hour, 0, true},
	} {
		t.Run(tc.story, func(t *testing.T) {
			s := &silence{rules: rules, started: started}
			f := facts{capture: capture.State{Cameras: tc.seen}, queue: queue.Stats{Cameras: tc.queue}}
			got := s.silent(f, set(t, started.Add(tc.after), tc.jump))
			if (len(got) > 0) != tc.want {
				t.Errorf("%v", got)
			}
		})
	}
}
