package agent

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/status"
	"shelfagent/systemd"
)

func TestHeadline(t *testing.T) {
	healthy := status.Snapshot{Verdict: status.Healthy, Link: status.Link{Up: true}}
	three := healthy
	three.Cameras, three.Queue.Waiting = make([]status.Camera, 3), 12
	down := three
	down.Verdict, down.Link.Up, down.Queue.Parked = status.Down, false, 2
	down.Conditions = []status.Condition{{Title: "The link is down"}, {Title: "Frames need a person"}}
	paused := three
	paused.Cameras = paused.Cameras[:1]
	paused.Link.Limit = &status.Limit{Paused: true, Until: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}
	for want, s := range map[string]status.Snapshot{
		"no camera yet, 0 waiting, link up":                                  healthy,
		"3 cameras, 12 waiting, link up":                                     three,
		"3 cameras, 12 waiting, link down, 2 parked; down: The link is down": down,
		"1 camera, 12 waiting, uploads paused until 20:00":                   paused,
	} {
		if got := headline(s); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// listenAsSystemd is a systemd that listens.
func listenAsSystemd(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skipf("NOT TESTED: this system has no datagram sockets with a path: %v", err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = os.RemoveAll(dir)
	})
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

// hear returns the next datagram, or "" when none has come for so long.
func hear(t *testing.T, conn *net.UnixConn, patience time.Duration) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestAStuckLoopWithholdsTheWatchdog: a whole agent runs, and systemd hears that it lives; one of its workers hangs, really,
// over a file, and systemd hears that no more; it goes on, and systemd hears it again.
func TestAStuckLoopWithholdsTheWatchdog(t *testing.T) {
	s := newShop(t)
	r := s.opened()
	r.intake.patience = 300 * time.Millisecond
	conn := listenAsSystemd(t)
	t.Setenv("WATCHDOG_USEC", "200000") // told four times in it
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	told := make(chan struct{})
	go func() {
		defer close(told)
		systemd.NewNotifier(r.Agent.log).Watch(ctx, r)
	}()
	await := func(what string, is func(string) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; {
			if is(hear(t, conn, time.Until(deadline))) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("systemd does not hear %s", what)
			}
		}
	}
	alive := func(message string) bool { return strings.Contains(message, "WATCHDOG=1") }
	for range 5 {
		await("that the agent lives", alive)
	}

	r.intake.heavy.Lock() // what a worker needs for a PNG, and nobody gives back
	var frame bytes.Buffer
	if err := png.Encode(&frame, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	s.write("a.png", frame.Bytes())
	await("what is stuck", func(m string) bool { return strings.HasPrefix(m, "STATUS=stuck: intake has not moved for") })
	for range 10 {
		if m := hear(t, conn, 100*time.Millisecond); alive(m) {
			t.Fatalf("a worker hangs, and systemd hears %q", m)
		}
	}

	r.intake.heavy.Unlock()
	await("that the agent lives again", alive)
	stop()
	await("that it stops", func(m string) bool { return m == "STOPPING=1" })
	<-told
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if log := r.log.String(); strings.Count(log, "the agent hangs; systemd") != 1 || strings.Count(log, "over: the agent hangs") != 1 {
		t.Errorf("the log:\n%s", log)
	}
}

// TestEveryLoopIsHeardFrom: none of the loops that the watchdog is for is left out.
func TestEveryLoopIsHeardFrom(t *testing.T) {
	s := newShop(t)
	r := s.opened()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	s.write("a.jpg", picture(t, 64))
	deadline := time.After(20 * time.Second)
	for r.queue.Stats().Pending() == 0 {
		select {
		case <-deadline:
			t.Fatal("the frame is not queued")
		case <-time.After(10 * time.Millisecond):
		}
	}
	names := map[string]bool{}
	for _, late := range r.pulse.Late(time.Now().Add(1000 * time.Hour)) { // all but those that wait for others
		names[late.Loop] = true
	}
	for _, want := range []string{"uploader", "health"} {
		if !names[want] {
			t.Errorf("%s promises nothing", want)
		}
	}
	if stuck := r.Stuck(); len(stuck) > 0 {
		t.Errorf("a healthy agent is stuck: %v", stuck)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if late := r.pulse.Late(time.Now().Add(1000 * time.Hour)); len(late) > 0 {
		t.Errorf("loops that have ended are late: %v", late)
	}
}
