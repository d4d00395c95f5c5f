package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/status"
)

// Bounds against gross mistakes only; the log says what was measured.
const (
	firstWithin = 15 * time.Second
	mostMemory  = 160 << 20 // bytes, the mapped database included
)

// TestStartWithABacklog: files that lie there at the start, more than are remembered at once, neither keep the first
// frame from S3 for long nor fill the memory. SHELFAGENT_BACKLOG is how many; `make test-backlog` takes 100,000.
func TestStartWithABacklog(t *testing.T) {
	n := backlog(t, 6000)
	r := newRig(t, plan{})
	r.startBackend()
	for camera := range 8 {
		if err := os.Mkdir(r.path("capture", fmt.Sprintf("cam-%d", camera)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	picture, long := draw("cam-0", 1), time.Now().Add(-48*time.Hour)
	for i := range n {
		path := r.path("capture", fmt.Sprintf("cam-%d", i%8), fmt.Sprintf("%06d.jpg", i))
		at := long.Add(time.Duration(i) * time.Second)
		if err := os.WriteFile(path, picture, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	r.startAgent()
	r.await("the first frame is in S3", time.Minute, func(s status.Snapshot) bool { return s.Queue.Delivered > 0 })
	first := time.Since(began)
	r.await("the whole folder is known", time.Minute, func(s status.Snapshot) bool {
		known := s.Intake.Admitted
		for _, c := range s.Cameras {
			known += c.Files
		}
		return known >= int64(n)
	})
	known := time.Since(began)
	s := r.await("more are remembered than at first", 2*time.Minute, func(s status.Snapshot) bool { return s.Queue.Delivered >= 1000 })
	memory := peakMemory(t, r.agent.cmd.Process.Pid)
	t.Logf("%d files: the first was in S3 after %v, all were known after %v, %d were delivered after %v; at most %d MiB of memory",
		n, first.Round(time.Millisecond), known.Round(time.Millisecond), s.Queue.Delivered, time.Since(began).Round(time.Millisecond), memory>>20)
	if first > firstWithin {
		t.Errorf("the first took %v", first)
	}
	if memory > mostMemory {
		t.Errorf("the agent took %d bytes of memory", memory)
	}
	r.agent.stop()
}

// backlog is how many files there are to be.
func backlog(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv("SHELFAGENT_BACKLOG")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < usual {
		t.Fatalf("SHELFAGENT_BACKLOG=%s: want a number, %d at least", text, usual)
	}
	return n
}

// peakMemory is the most that a process has had in memory, in bytes; 0 where /proc does not tell.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Logf("SKIPPED: the memory of the agent: %v", err)
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in /proc/PID/status")
	return 0
}
