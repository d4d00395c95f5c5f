package status

import (
	"math"
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		before time.Duration
		want   string
	}{
		{0, "just now"}, {1999 * time.Millisecond, "just now"}, {2 * time.Second, "2 s ago"},
		{59*time.Second + 999*time.Millisecond, "59 s ago"}, {time.Minute, "1 min ago"}, {59 * time.Minute, "59 min ago"},
		{time.Hour, "1 h ago"}, {47 * time.Hour, "47 h ago"}, {2 * day, "2 days ago"}, {900 * day, "900 days ago"},
		{-time.Second, "just now"}, {-20 * time.Second, "in 20 s"}, {-3 * day, "in 3 days"},
	} {
		if got := ago(at(tc.before), now); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.before, got, tc.want)
		}
	}
	if got := ago(time.Time{}, now); got != "never" {
		t.Errorf("no time at all: %q", got)
	}
	if got := span(-time.Hour); got != "0 s" {
		t.Errorf("a clock that was set back: %q", got)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9951: "10 kB", 482_113: "482 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		1_460_000: "1.5 MB", 62_000_000_000: "62 GB", 4e12: "4.0 TB", 5e15: "5.0 PB", math.MaxInt64: "9.2 EB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestSentences reads the lines that page and terminal share, one situation a row.
func TestSentences(t *testing.T) {
	with := func(change func(*Snapshot)) Snapshot {
		s := healthy(0)
		change(&s)
		return s
	}
	for _, tc := range []struct {
		story, got, want string
	}{
		{"all delivered", with(func(s *Snapshot) { s.Queue = Queue{Delivered: 1} }).queueLine(now), "empty; 1 frame delivered"},
		{"one waits", with(func(s *Snapshot) { s.Queue = Queue{Waiting: 1, Bytes: 500, Oldest: at(time.Hour)} }).queueLine(now),
			"1 frame waiting (500 B), the oldest from 1 h ago"},
		{"nobody knows since when", with(func(s *Snapshot) { s.Queue = Queue{Waiting: 2, Bytes: 500} }).queueLine(now), "2 frames waiting (500 B)"},
		{"a backlog", with(func(s *Snapshot) {
			s.Queue = Queue{Waiting: 20_000, Bytes: 9e9, Oldest: at(30 * time.Hour), ETA: pointer(11_000.0)}
		}).queueLine(now), "20000 frames waiting (9.0 GB), the oldest from 30 h ago; empty in about 3 h"},
		{"one is parked", with(func(s *Snapshot) { s.Queue = Queue{Delivered: 7, Parked: 1} }).queueLine(now), "empty; 7 frames delivered; 1 needs a person"},
		{"just started", with(func(s *Snapshot) { s.Link.LastDelivered = time.Time{} }).linkLine(now), "nothing delivered yet since the start"},
		{"one of many, just started", with(func(s *Snapshot) { s.Link.LastDelivered, s.Link.Begins = time.Time{}, now.Add(12*time.Second) }).linkLine(now),
			"uploads begin in 12 s: starts are spread, so that many rigs do not ask at once"},
		{"idle", with(func(s *Snapshot) { s.Link.BytesPerSecond = 0 }).linkLine(now), "up; last frame delivered 3 s ago"},
		{"down, and a try is due", with(func(s *Snapshot) {
			s.Link = Link{Reason: "no answer in time", Since: at(time.Minute), NextTry: at(time.Second)}
		}).linkLine(now), "down for 1 min: no answer in time"},
		{"a limit by day", with(func(s *Snapshot) {
			s.Link.Limit = &Limit{BytesPerSecond: 256_000, Until: time.Date(2026, 11, 22, 22, 0, 0, 0, time.FixedZone("", 3600))}
		}).linkLine(now), "up; last frame delivered 3 s ago; 812 kB/s; uploads limited to 256 kB/s until 22:00"},
		{"none until tomorrow", with(func(s *Snapshot) {
			s.Link.Limit = &Limit{Until: time.Date(2026, 11, 23, 8, 30, 0, 0, time.FixedZone("", 3600))}
		}).linkLine(now), "up; last frame delivered 3 s ago; 812 kB/s; uploads without a limit until Mon 08:30"},
		{"a pause in an outage", with(func(s *Snapshot) {
			s.Link = Link{Reason: "S3: connection refused", Since: at(time.Minute), Limit: &Limit{Paused: true, Until: now.Add(time.Hour)}}
		}).linkLine(now), "down for 1 min: S3: connection refused; uploads paused by the configuration until 10:30"},
		{"always the same limit", with(func(s *Snapshot) { s.Link.LastDelivered, s.Link.Limit = time.Time{}, &Limit{BytesPerSecond: 5000} }).linkLine(now),
			"nothing delivered yet since the start; uploads limited to 5.0 kB/s"},
		{"a clock of 1970", with(func(s *Snapshot) { s.Link.Limit = &Limit{BytesPerSecond: 5000, ClockDoubted: true} }).linkLine(now),
			"up; last frame delivered 3 s ago; 812 kB/s; uploads limited to 5.0 kB/s, because this machine's clock cannot be right"},
		{"a public bucket", with(func(s *Snapshot) { s.Link.S3Private, s.Link.ClockOffset = pointer(false), nil }).pathLine(now),
			"S3 at 10.20.1.15 (public); certificate ends in 5 days"},
		{"an old certificate", with(func(s *Snapshot) { s.Link = Link{CertificateExpires: at(time.Hour)} }).pathLine(now),
			"S3 not dialled yet; certificate ended 1 h ago"},
		{"no certificate", with(func(s *Snapshot) { s.Link = Link{} }).pathLine(now), "S3 not dialled yet"},
		{"a disk that nobody measured", with(func(s *Snapshot) { s.Disk = Disk{} }).diskLine(), "unknown"},
		{"down for a reason", down(0).headline(), "Not working. The link is down."},
		{"down for none", with(func(s *Snapshot) { s.Verdict = Down }).headline(), "Not working."},
		{"an agent of tomorrow", with(func(s *Snapshot) { s.Verdict = "sleepy" }).headline(),
			"This agent is of another version: its state is not known here."},
	} {
		if tc.got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.story, tc.got, tc.want)
		}
	}
}
