package systemd

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// listen is a systemd that hears what it is told.
func listen(t *testing.T) (heard func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skipf("NOT TESTED: this system has no datagram sockets with a path: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string { // what is sent is there already: these sockets do not lose or delay
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, _ := conn.Read(buf)
		return string(buf[:n])
	}
}

// agent is a Service that says what it is told to say.
type agent struct {
	line  string
	stuck []string
	asked int // for its headline
}

func (a *agent) Headline() string { a.asked++; return a.line }
func (a *agent) Stuck() []string  { return a.stuck }

func TestWhatSystemdHears(t *testing.T) {
	heard := listen(t)
	t.Setenv("WATCHDOG_USEC", "120000000")
	var log bytes.Buffer
	n := NewNotifier(slog.New(slog.NewTextHandler(&log, nil)))
	a := &agent{line: "3 cameras, 12 waiting, link up"}
	for _, tc := range []struct {
		story string
		do    func()
		want  string
	}{
		{"the start", func() { n.Status("opening the queue") }, "STATUS=opening the queue"},
		{"it is ready", n.Ready, "READY=1"},
		{"how it is", func() { n.tell(a) }, "STATUS=3 cameras, 12 waiting, link up\nWATCHDOG=1"},
		{"nothing new", func() { n.tell(a) }, "WATCHDOG=1"},
		{"a line that is two", func() { a.line = "3 cameras,\n11 waiting"; n.tell(a) }, "STATUS=3 cameras, 11 waiting\nWATCHDOG=1"},
		{"a loop hangs", func() { a.stuck = []string{"uploader has not moved for 5m1s"}; n.tell(a) }, "STATUS=stuck: uploader has not moved for 5m1s"},
		{"it still does, and there is no news", func() { n.tell(a) }, ""},
		{"it moves again", func() { a.stuck = nil; n.tell(a) }, "STATUS=3 cameras, 11 waiting\nWATCHDOG=1"},
	} {
		tc.do()
		if got := heard(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.story, got, tc.want)
		}
	}
	if a.asked != 4 {
		t.Errorf("asked for its headline %d times; what hangs may hold what that waits for", a.asked)
	}
	if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "uploader has not moved") {
		t.Errorf("the log has one onset and one end:\n%s", got)
	}
	n.Reloading()
	if got := heard(); !regexp.MustCompile(`\ARELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+\z`).MatchString(got) {
		t.Errorf("a reload: %q", got)
	}
}

// TestNoWatchdogIsToldNothing: not without one, and not if it is another process's.
func TestNoWatchdogIsToldNothing(t *testing.T) {
	for story, env := range map[string][2]string{"none": {"", ""}, "another's": {"1000000", "1"}, "nonsense": {"soon", ""}} {
		heard := listen(t)
		t.Setenv("WATCHDOG_USEC", env[0])
		t.Setenv("WATCHDOG_PID", env[1])
		n := NewNotifier(slog.New(slog.DiscardHandler))
		n.tell(&agent{line: "x"})
		if got := heard(); got != "STATUS=x" {
			t.Errorf("%s: %q", story, got)
		}
	}
}

// TestWithoutAWatchdogWhatHangsEndsItself where somebody starts it anew; a watchdog does both.
func TestWithoutAWatchdogWhatHangsEndsItself(t *testing.T) {
	for watchdog, want := range map[string]int{"": 1, "120000000": 0} {
		t.Setenv("NOTIFY_SOCKET", "")
		t.Setenv("WATCHDOG_USEC", watchdog)
		n, ended := NewNotifier(slog.New(slog.DiscardHandler)), 0
		n.End = func() { ended++ }
		n.tell(&agent{line: "x"})
		n.tell(&agent{stuck: []string{"uploader has not moved for 5m1s"}})
		if ended != want {
			t.Errorf("WATCHDOG_USEC=%s: ended %d times", watchdog, ended)
		}
	}
}

// TestWithoutSystemdNobodyIsTold, and nothing is said about it; a socket that nobody reads is said once.
func TestWithoutSystemdNobodyIsTold(t *testing.T) {
	for socket, lines := range map[string]int{"": 0, filepath.Join(t.TempDir(), "gone"): 1} {
		t.Setenv("NOTIFY_SOCKET", socket)
		var log bytes.Buffer
		n := NewNotifier(slog.New(slog.NewTextHandler(&log, nil)))
		n.Ready()
		n.tell(&agent{line: "x"})
		n.Ready()
		if got := strings.Count(log.String(), "\n"); got != lines {
			t.Errorf("%q: %d lines:\n%s", socket, got, log.String())
		}
	}
}
