package queue

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A million frames: not a test of time, but the numbers are in its log. QUEUE_TEST_SCALE=1 runs it.
func TestP9_AMillionFrames(t *testing.T) {
	if os.Getenv("QUEUE_TEST_SCALE") == "" {
		t.Skip("QUEUE_TEST_SCALE is not set")
	}
	opts := checkedOptions(t, t.TempDir())
	q := openTest(t, opts)
	fill(t, q, 1_000_000)
	t.Logf("database: %d MiB", databaseSize(t, q)>>20)
	must(t, q.Close())
	for _, clean := range []bool{true, false} {
		if !clean {
			must(t, os.Remove(q.markerPath()))
		}
		runtime.GC()
		begin := time.Now()
		var err error
		q, err = Open(t.Context(), opts)
		must(t, err)
		opened := time.Since(begin)
		t.Logf("clean=%v: open %v, first page %d items, %s", clean, opened, len(mustLease(t, q, 8)), memory())
		if clean {
			must(t, q.Close())
		}
	}
	begin := time.Now()
	must(t, q.WaitHealed(t.Context()))
	t.Logf("healing (every payload is missing): %v more, %+v, %s", time.Since(begin), q.Healed(), memory())
}

// memory is what the process uses beyond the mapped file.
func memory() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return ""
	}
	var lines []string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "RssFile") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(lines, ", ")
}
