package status

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files anew; read them before you commit them")

// now is when the tests look.
var now = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func at(before time.Duration) time.Time { return now.Add(-before) }

func pointer[T any](v T) *T { return &v }

// healthy is a rig on a good day.
func healthy(cameras int) Snapshot {
	s := Snapshot{
		Verdict: Healthy, At: now, Version: "1.4.0", Store: "4711", Rig: "left", Started: at(76 * time.Hour), PID: 812,
		Page: "http://127.0.0.1:8470/",
		Queue: Queue{
			Waiting: 3, InFlight: 2, Delivered: 120_482, Bytes: 1_460_000, MaxBytes: 50e9, Oldest: at(4 * time.Second), ETA: pointer(2.0),
		},
		Link: Link{
			Up: true, Slots: 4, BytesPerSecond: 812_000, LastDelivered: at(3 * time.Second), Outcomes: map[string]uint64{"delivered": 120_482},
			BackendAddress: "10.20.0.7", S3Address: "10.20.1.15", S3Private: pointer(true), ClockOffset: pointer(-0.2),
			CertificateExpires: now.Add(5 * 24 * time.Hour),
		},
		Disk:   Disk{Free: 41_200_000_000, Total: 62_000_000_000, Reserved: 3_100_000_000},
		Intake: Intake{Admitted: 120_485, Rejected: map[string]int64{"truncated": 2}},
	}
	for i := range cameras {
		s.Cameras = append(s.Cameras, Camera{
			ID: fmt.Sprintf("aisle-%d", i+1), LastFrame: at(time.Duration(i*i) * 7 * time.Second),
			Seen: 15_070, Admitted: 15_060, Delivered: 15_059, DeliveredBytes: 7_200_000_000, Waiting: 1, Files: int64(i % 2),
			Rejected: int64(i / 4), RejectedFor: map[string]int64{"truncated": 2},
		})
	}
	return s
}

func degraded(cameras int) Snapshot {
	s := healthy(cameras)
	s.Verdict, s.Queue.Parked = Degraded, 1
	s.Conditions = []Condition{{
		Code: "clock_wrong", Severity: "warning", Title: "The clock is wrong", Since: at(3 * time.Hour),
		Detail:  "the backend's clock is 187 seconds ahead of this machine's",
		Meaning: "This machine's clock and the backend's differ by more than a minute.",
		Do:      "Check that time synchronisation (NTP) is on and allowed by the firewall.",
	}}
	s.Link.ClockOffset = pointer(187.0)
	return s
}

func down(cameras int) Snapshot {
	s := healthy(cameras)
	s.Verdict = Down
	s.Conditions = []Condition{{
		Code: "link_down", Severity: "critical", Title: "The link is down", Since: at(42 * time.Minute),
		Detail:  `S3: its certificate was signed by "CN=FortiGate CA", which this machine does not trust; a firewall may be intercepting TLS`,
		Meaning: "The backend or S3 cannot be reached. Frames wait in the queue and go out when the link is back.",
		Do:      "Check the router and the network cable; then whether a firewall blocks the hosts in the configuration.",
	}}
	s.Queue.Waiting, s.Queue.Bytes, s.Queue.Oldest, s.Queue.ETA = 20_160, 9_700_000_000, at(42*time.Minute), nil
	s.Link.Up, s.Link.Since, s.Link.NextTry = false, at(42*time.Minute), now.Add(20*time.Second)
	s.Link.Reason = "no answer in time"
	s.Link.LastDelivered, s.Link.S3Private, s.Link.ClockOffset = at(42*time.Minute), nil, nil
	return s
}

func render(t *testing.T, s Snapshot, colour bool) string {
	t.Helper()
	var out bytes.Buffer
	if err := Text(&out, s, now, colour); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fits holds a text against the smallest screen that it is made for.
func fits(t *testing.T, text string, rows int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if rows > 0 && len(lines) > rows {
		t.Errorf("%d lines do not fit on %d", len(lines), rows)
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > columns {
			t.Errorf("wider than %d columns: %q", columns, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("blanks at the end: %q", line)
		}
	}
}

func TestTextFitsASmallTerminal(t *testing.T) {
	for name, make := range map[string]func(int) Snapshot{"healthy": healthy, "degraded": degraded, "down": down} {
		for _, cameras := range []int{0, 1, 8} {
			t.Run(fmt.Sprintf("%s with %d cameras", name, cameras), func(t *testing.T) {
				got := render(t, make(cameras), false)
				fits(t, got, 24)
				golden := filepath.Join("testdata", fmt.Sprintf("%s-%d.txt", name, cameras))
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

func TestColourChangesNoWord(t *testing.T) {
	plain, coloured := render(t, down(1), false), render(t, down(1), true)
	if !strings.HasPrefix(coloured, "\x1b[1;31mDOWN  \x1b[0m") {
		t.Errorf("not red: %q", coloured[:20])
	}
	for _, code := range []string{"\x1b[1;31m", "\x1b[0m"} {
		coloured = strings.ReplaceAll(coloured, code, "")
	}
	if coloured != plain {
		t.Errorf("got\n%s\nwant\n%s", coloured, plain)
	}
	if strings.Contains(plain, "\x1b") {
		t.Error("colour that nobody asked for")
	}
}

// TestHostileNamesStayText: folders and certificates are named by others.
func TestHostileNamesStayText(t *testing.T) {
	s := down(1)
	s.Cameras[0].ID = "\x1b[2J\r" + strings.Repeat("é", 40)
	s.Conditions[0].Subject = "left\naisle\x1b]0;owned\x07"
	s.Conditions[0].Detail = strings.Repeat("#", 200) + "\xff\u202e" + strings.Repeat(" y", 100)
	s.Rig, s.Link.Reason = "\x9b31m", strings.Repeat("/very/long/path", 20)
	text := render(t, s, false)
	fits(t, text, 0)
	for _, r := range text {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e') {
			t.Errorf("%U reaches the terminal", r)
		}
	}
	if !utf8.ValidString(text) {
		t.Error("not UTF-8")
	}
	words := 0
	for _, word := range strings.Fields(text) {
		if word == "y" {
			words++
		}
	}
	if hashes := strings.Count(text, "#"); hashes != 200 || words != 100 {
		t.Errorf("words are lost, %d and %d are left:\n%s", hashes, words, text)
	}
}

func TestAFullDiskEndsTheText(t *testing.T) {
	if err := Text(broken{}, healthy(1), now, false); err == nil {
		t.Error("a failed write is not told")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }
