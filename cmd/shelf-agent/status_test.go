package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/agent/status"
)

// talker is the part of an agent that answers for it. It ends with end, and at the latest with the test.
func talker(t *testing.T, socket string, s status.Snapshot) (end func()) {
	t.Helper()
	server, err := status.Listen(status.Options{
		Socket: socket, Snapshot: func() status.Snapshot { return s }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	var over bool
	end = func() {
		if over {
			return
		}
		over = true
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(end)
	return end
}

// shortSocket is a path that is short enough.
func shortSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sa")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func exitCodeOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// TestStatusExitCodes: scripts and monitors go by them.
func TestStatusExitCodes(t *testing.T) {
	for verdict, want := range map[status.Verdict]int{status.Healthy: 0, status.Degraded: 1, status.Down: 2, "of another version": 2, "": 3} {
		socket := shortSocket(t)
		if verdict != "" {
			talker(t, socket, status.Snapshot{Verdict: verdict, Version: "1.4.0"})
		}
		for _, arg := range []string{"--json", "--socket=" + socket} {
			out, err := exec.Command("shelf-agent", "status", "--socket", socket, arg).Output()
			if got := exitCodeOf(err); got != want {
				t.Errorf("%q %s: exit code %d, want %d", verdict, arg, got, want)
			}
			if strings.Contains(string(out), "\x1b") {
				t.Errorf("%q: colour in a pipe", verdict)
			}
		}
	}
}

func TestWatchNeedsATerminal(t *testing.T) {
	socket := shortSocket(t)
	talker(t, socket, status.Snapshot{Verdict: status.Healthy})
	out, err := exec.Command("shelf-agent", "status", "--socket", socket, "--watch").CombinedOutput()
	if exitCodeOf(err) != exitUsage || !strings.Contains(string(out), "this is no terminal\nWhat to do: for programs: shelf-agent status --watch --json") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestWatchJSONIsADocumentALine, also while there is no agent.
func TestWatchJSONIsADocumentALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var out strings.Builder
		looks := 0
		look := func(context.Context) (status.Snapshot, error) {
			switch looks++; looks {
			case 2:
				return status.Snapshot{}, errors.New("no agent is running")
			case 3:
				stop()
			}
			return status.Snapshot{Verdict: status.Degraded}, nil
		}
		began := time.Now()
		err := watchJSON(ctx, &out, look)
		if !errors.Is(err, exitError(exitNotRunning)) || time.Since(began) != 2*watchEvery {
			t.Errorf("%v after %s: the last that was shown is what it ends with", err, time.Since(began))
		}
		var verdicts []string
		for line := range strings.Lines(out.String()) {
			var document struct{ Verdict string }
			if err := json.Unmarshal([]byte(line), &document); err != nil {
				t.Errorf("%q: %v", line, err)
			}
			verdicts = append(verdicts, document.Verdict)
		}
		if got := strings.Join(verdicts, " "); got != "degraded not_running" {
			t.Errorf("%s", got)
		}
	})
}
