package status

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestTroubleFitsASmallTerminal: however much is wrong, and however many cameras there are, 24 rows hold the verdict, the
// worst condition with what to do, and something of all the rest.
func TestTroubleFitsASmallTerminal(t *testing.T) {
	for _, conditions := range []int{1, 2, 3, 6, 40} {
		for _, cameras := range []int{0, 1, 8, 9, 64} {
			s := down(cameras)
			for i := 1; i < conditions; i++ {
				s.Conditions = append(s.Conditions, Condition{
					Code: "camera_silent", Severity: "warning", Title: "A camera is silent", Subject: fmt.Sprintf("aisle-%d", i), Since: at(time.Hour),
					Detail: "the last file came at 2026-11-22 08:30 CET; one is due every 1h",
					Do:     "Check the camera's power, its network cable and whether its storage is full; then whether it still writes to its folder.",
				})
			}
			var out bytes.Buffer
			if err := Screen(&out, s, now, false, 24); err != nil {
				t.Fatal(err)
			}
			text := out.String()
			name := fmt.Sprintf("%d conditions, %d cameras", conditions, cameras)
			if fits(t, text, 24); t.Failed() {
				t.Fatalf("%s:\n%s", name, text)
			}
			for _, words := range []string{"DOWN  Not working.", "FortiGate CA", "What to do: Check the router", "Queue ", "Link ", "Disk "} {
				if !strings.Contains(text, words) {
					t.Errorf("%s: no %q in\n%s", name, words, text)
				}
			}
			said := strings.Count(text, "A camera is silent: ")
			if said+1 < conditions && !strings.Contains(text, fmt.Sprintf("And %s", count(int64(conditions-said-1), "other thing", "other things"))) {
				t.Errorf("%s: %d are said, and nothing of the others\n%s", name, said, text)
			}
			rows := strings.Count(text, "\naisle-")
			if rows < cameras && !strings.Contains(text, fmt.Sprintf("And %s", count(int64(cameras-rows), "other camera", "other cameras"))) {
				t.Errorf("%s: %d are shown, and nothing of the others\n%s", name, rows, text)
			}
			if cameras == 8 && rows != 8 && conditions <= 3 {
				t.Errorf("%s: only %d cameras\n%s", name, rows, text)
			}
		}
	}
}

// TestATallTerminalShowsAll, and so does what is no terminal.
func TestATallTerminalShowsAll(t *testing.T) {
	s := down(64)
	s.Conditions = append(s.Conditions, degraded(0).Conditions...)
	var tall, endless bytes.Buffer
	if err := Screen(&tall, s, now, false, 200); err != nil {
		t.Fatal(err)
	}
	if err := Text(&endless, s, now, false); err != nil {
		t.Fatal(err)
	}
	if tall.String() != endless.String() || strings.Count(tall.String(), "What to do:") != 2 || strings.Count(tall.String(), "\naisle-") != 64 {
		t.Errorf("got\n%s", tall.String())
	}
}
