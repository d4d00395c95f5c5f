package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shelfagent/agent/config"
	"shelfagent/agent/status"
)

// terminal is a real one, of 24 rows and 80 columns; program is the end that a program is given.
type terminal struct {
	t       *testing.T
	program *os.File
	shown   chan string
	all     strings.Builder
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(person.Fd()) // it stays in blocking mode: closing it ends a read all the same, once the program's end is closed
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, program: program, shown: make(chan string, 1000)}
	go func() {
		defer close(x.shown)
		buffer := make([]byte, 16<<10)
		for {
			n, err := person.Read(buffer)
			if err != nil {
				return
			}
			x.shown <- string(buffer[:n])
		}
	}()
	t.Cleanup(func() {
		_ = program.Close()
		for range x.shown { // until it has ended
		}
		_ = person.Close()
	})
	return x
}

func (x *terminal) start(env string, args ...string) *exec.Cmd {
	x.t.Helper()
	cmd := exec.Command("shelf-agent", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.program, x.program, x.program
	cmd.Env = append(os.Environ(), "TERM=xterm", env)
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// until reads on until words are shown, and returns what was since the last call.
func (x *terminal) until(words string) string {
	x.t.Helper()
	var since strings.Builder
	deadline := time.After(20 * time.Second)
	for !strings.Contains(since.String(), words) {
		select {
		case text, open := <-x.shown:
			if !open {
				x.t.Fatalf("it ended without %q:\n%s", words, since.String())
			}
			since.WriteString(text)
		case <-deadline:
			x.t.Fatalf("not within 20 s: %q in\n%s", words, since.String())
		}
	}
	x.all.WriteString(since.String())
	return since.String()
}

func eightCameras(verdict status.Verdict, conditions int) status.Snapshot {
	s := status.Snapshot{Verdict: verdict, Version: "1.4.0", Store: "4711", Rig: "left", Started: time.Now(), Page: "http://127.0.0.1:8470/"}
	for i := range conditions {
		s.Conditions = append(s.Conditions, status.Condition{
			Code: "camera_silent", Severity: "warning", Title: "A camera is silent", Subject: fmt.Sprint("aisle-", i), Since: time.Now(),
			Detail: "the last file came at 2026-11-22 08:30 CET; one is due every 1h", Do: strings.Repeat("Check the camera's power. ", 6),
		})
	}
	for i := range 8 {
		s.Cameras = append(s.Cameras, status.Camera{ID: fmt.Sprint("aisle-", i), LastFrame: time.Now()})
	}
	return s
}

// TestWatchOutlivesTheAgent: on a real terminal, the screen is redrawn while the agent stops and starts, never scrolls, and
// the cursor is back at the end.
func TestWatchOutlivesTheAgent(t *testing.T) {
	socket := shortSocket(t)
	end := talker(t, socket, eightCameras(status.Healthy, 0))
	x := newTerminal(t)
	cmd := x.start("NO_COLOR=", "status", "--watch", "--socket", socket)
	if first := x.until("HEALTHY"); !strings.HasPrefix(first, cursorOff) {
		t.Errorf("the cursor is in the way: %q", first)
	}
	end()
	x.until("no agent is running")
	talker(t, socket, eightCameras(status.Down, 7))
	x.until("DOWN")
	x.until(clearBelow)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitCodeOf(cmd.Wait()); code != exitDown {
		t.Errorf("exit code %d, want that of what was seen last, %d", code, exitDown)
	}
	x.until(cursorOn)
	for i, screen := range strings.Split(x.all.String(), toTop)[1:] {
		if rows := strings.Count(screen, "\n"); !strings.Contains(screen, cursorOn) && rows > 23 {
			t.Errorf("screen %d scrolls: %d line feeds\n%s", i, rows, screen)
		}
	}
}

// TestColourIsForTerminals: and not where NO_COLOR is set; what is shown fits above the prompt.
func TestColourIsForTerminals(t *testing.T) {
	socket := shortSocket(t)
	talker(t, socket, eightCameras(status.Down, 7))
	for env, want := range map[string]bool{"NO_COLOR=": true, "NO_COLOR=1": false, "TERM=dumb": false} {
		x := newTerminal(t)
		cmd := x.start(env, "status", "--socket", socket)
		text := x.until("aisle-7")
		if code := exitCodeOf(cmd.Wait()); code != exitDown {
			t.Errorf("%s: exit code %d", env, code)
		}
		if got := strings.Contains(text, "\x1b[1;31m"); got != want {
			t.Errorf("%s: colour is %v, want %v:\n%q", env, got, want, text)
		}
		if rows := strings.Count(text, "\n"); rows > 23 {
			t.Errorf("%s: %d rows", env, rows)
		}
	}
}

// TestTheLogIsForItsReader: a person at a terminal reads text; journald, and whatever else is no terminal, gets JSON.
func TestTheLogIsForItsReader(t *testing.T) {
	x := newTerminal(t)
	logger(config.Log{Level: "info", Format: "auto"}, new(slog.LevelVar), x.program).Warn("the disk is full", "camera", "aisle-3")
	if text := x.until("\n"); !strings.Contains(text, `level=WARN msg="the disk is full" camera=aisle-3`) {
		t.Errorf("on a terminal: %q", text)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	logger(config.Log{Level: "info", Format: "auto"}, new(slog.LevelVar), w).Warn("the disk is full", "camera", "aisle-3")
	w.Close()
	var line struct{ Level, Msg, Camera string }
	if err := json.NewDecoder(r).Decode(&line); err != nil || line.Level != "WARN" || line.Msg != "the disk is full" || line.Camera != "aisle-3" {
		t.Errorf("in a pipe: %+v, %v", line, err)
	}
}
