package systemd

import (
	"bytes"
	"context"
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
	headline func() string
	stuck    func() []string
}

func (a agent) Headline() string { return a.headline() }
func (a agent) Stuck() []string  { return a.stuck() }

func TestWhatSystemdHears(t *testing.T) {
	heard := listen(t)
	t.Setenv("WATCHDOG_USEC", "120000000")
	var log bytes.Buffer
	n := NewNotifier(slog.New(slog.NewTextHandler(&log, nil)))
	hangs := []string{"uploader has not moved for 5m1s"}
	for _, tc := range []struct {
		story string
		do    func()
		want  string
	}{
		{"the start", func() { n.Status("opening the queue") }, "STATUS=opening the queue"},
		{"it is ready", n.Ready, "READY=1"},
		{"it lives", func() { n.tell(nil) }, "WATCHDOG=1"},
		{"how it is", func() { n.headline("3 cameras, 12 waiting, link up") }, "STATUS=3 cameras, 12 waiting, link up"},
		{"nothing new", func() { n.headline("3 cameras, 12 waiting, link up") }, ""},
		{"a line that is two", func() { n.headline("3 cameras,\n11 waiting") }, "STATUS=3 cameras, 11 waiting"},
		{"a loop hangs", func() { n.tell(hangs) }, "STATUS=stuck: uploader has not moved for 5m1s"},
		{"it still does, and there is no news", func() { n.tell(hangs) }, ""},
		{"a headline from before", func() { n.headline("3 cameras, 12 waiting, link up") }, ""},
		{"it moves again", func() { n.tell(nil) }, "WATCHDOG=1"},
		{"how it is again", func() { n.headline("3 cameras, 11 waiting") }, "STATUS=3 cameras, 11 waiting"},
	} {
		tc.do()
		if got := heard(); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.story, got, tc.want)
		}
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
		n.tell(nil)
		if got := heard(); got != "" {
			t.Errorf("%s: %q", story, got)
		}
	}
}

// TestWithoutAWatchdogWhatHangsEndsItself where somebody starts it anew; a watchdog does both. What is late once has just
// woken.
func TestWithoutAWatchdogWhatHangsEndsItself(t *testing.T) {
	hangs := []string{"uploader has not moved for 8h1m1s"}
	for _, tc := range []struct {
		story, watchdog string
		looks           [][]string
		want            int
	}{
		{"it lives", "", [][]string{nil, nil}, 0},
		{"the machine has slept", "", [][]string{nil, hangs, nil, nil}, 0},
		{"it sleeps often", "", [][]string{hangs, nil, hangs, nil}, 0},
		{"it hangs", "", [][]string{nil, hangs, hangs}, 1},
		{"it hangs, and systemd sees to it", "120000000", [][]string{hangs, hangs, hangs}, 0},
	} {
		t.Setenv("NOTIFY_SOCKET", "")
		t.Setenv("WATCHDOG_USEC", tc.watchdog)
		n, ended := NewNotifier(slog.New(slog.DiscardHandler)), 0
		n.End = func() { ended++ }
		for _, stuck := range tc.looks {
			n.tell(stuck)
		}
		if ended != tc.want {
			t.Errorf("%s: ended %d times, want %d", tc.story, ended, tc.want)
		}
	}
}

// TestAHeadlineThatHangsWithholdsNothing: systemd hears that the agent lives while its headline waits for a disk, of which
// one is asked for at a time; hears it when it comes; and Watch ends while another hangs.
func TestAHeadlineThatHangsWithholdsNothing(t *testing.T) {
	heard := listen(t)
	t.Setenv("WATCHDOG_USEC", "40000")
	n := NewNotifier(slog.New(slog.DiscardHandler))
	asked, disk := make(chan struct{}, 99), make(chan string)
	defer close(disk)
	a := agent{headline: func() string { asked <- struct{}{}; return <-disk }, stuck: func() []string { return nil }}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); n.Watch(ctx, a) }()
	await := func(want string, times int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); times > 0; {
			switch got := heard(); {
			case got == want:
				times--
			case time.Now().After(deadline):
				t.Fatalf("systemd does not hear %q", want)
			}
		}
	}
	await("WATCHDOG=1", 5)
	if len(asked) != 1 {
		t.Errorf("asked for %d headlines at once", len(asked))
	}
	disk <- "3 cameras"
	await("STATUS=3 cameras", 1)
	await("WATCHDOG=1", 2)
	stop()
	await("STOPPING=1", 1)
	<-ended
}

// TestWithoutSystemdNobodyIsTold, and nothing is said about it; a socket that nobody reads is said once.
func TestWithoutSystemdNobodyIsTold(t *testing.T) {
	for socket, lines := range map[string]int{"": 0, filepath.Join(t.TempDir(), "gone"): 1} {
		t.Setenv("NOTIFY_SOCKET", socket)
		var log bytes.Buffer
		n := NewNotifier(slog.New(slog.NewTextHandler(&log, nil)))
		n.Ready()
		n.headline("x")
		n.Ready()
		if got := strings.Count(log.String(), "\n"); got != lines {
			t.Errorf("%q: %d lines:\n%s", socket, got, log.String())
		}
	}
}
