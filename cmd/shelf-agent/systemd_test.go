package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// listenAsSystemd opens the socket that systemd would: systemd [WATCHDOG_USEC]. Agents that are started from then on
// find it in their environment.
func listenAsSystemd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: systemd [WATCHDOG_USEC]")
	}
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	ts.Setenv("NOTIFY_SOCKET", path)
	if len(args) == 1 {
		ts.Setenv("WATCHDOG_USEC", args[0])
	}
	ts.Value(runningKey{}).(*running).systemd = conn
}

func notifyEnvironment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// heard PATTERN waits until systemd hears it, in one datagram from its beginning to its end, and passes over others.
func heard(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: heard PATTERN")
	}
	if all := hearUntil(ts, args[0], 20*time.Second); all != nil {
		ts.Fatalf("systemd does not hear %s, but %q", args[0], all)
	}
}

// unheard PATTERN looks through what systemd has heard, and must not find it.
func unheard(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: unheard PATTERN")
	}
	if hearUntil(ts, args[0], 10*time.Millisecond) == nil {
		ts.Fatalf("systemd hears %s", args[0])
	}
}

// hearUntil returns nil when the pattern has come, or what has come instead.
func hearUntil(ts *testscript.TestScript, pattern string, patience time.Duration) []string {
	whole, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	ts.Check(err)
	conn := ts.Value(runningKey{}).(*running).systemd
	ts.Check(conn.SetReadDeadline(time.Now().Add(patience)))
	all := []string{}
	for buf := make([]byte, 4096); ; {
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return all
		}
		ts.Check(err)
		if whole.Match(buf[:n]) {
			return nil
		}
		all = append(all, string(buf[:n]))
	}
}

// hangup sends SIGHUP to the agent that start started.
func hangup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: hangup")
	}
	ts.Check(ts.Value(runningKey{}).(*running).process.Process.Signal(syscall.SIGHUP))
}
