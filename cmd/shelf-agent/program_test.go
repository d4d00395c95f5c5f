package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kardianos/service"

	"shelfagent/agent/config"
	"shelfagent/queue"
)

// eventLog is the system's log, in memory.
type eventLog struct {
	service.Logger
	mu    sync.Mutex
	lines []string
}

func (e *eventLog) add(level string, v []any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	line, _ := v[0].(string)
	e.lines = append(e.lines, level+" "+line)
	return nil
}

func (e *eventLog) Error(v ...any) error   { return e.add("error", v) }
func (e *eventLog) Warning(v ...any) error { return e.add("warning", v) }
func (e *eventLog) Info(v ...any) error    { return e.add("info", v) }

func (e *eventLog) holds(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.lines, func(line string) bool { return strings.Contains(line, text) })
}

// TestP2_AStopOfTheServiceIsClean: what Windows' service control handler calls, around a whole agent. Start returns at
// once, Stop when the queue is closed.
func TestP2_AStopOfTheServiceIsClean(t *testing.T) {
	dir := t.TempDir()
	file := makeRigFolder(t, dir)
	events := &eventLog{}
	p := newProgram(t.Context(), func(ctx context.Context, open openLog) error { return runAgent(ctx, file, open) })
	p.log = events
	p.exit = func(code int) { t.Errorf("it ended by itself with %d", code) }
	if err := p.Start(nil); err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(20 * time.Second); !events.holds("shelf-agent runs"); {
		select {
		case <-deadline:
			t.Fatalf("it does not run: %q", events.lines)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := p.Stop(nil); err != nil {
		t.Error(err)
	}
	if !events.holds("info msg=stopped") {
		t.Errorf("the event log: %q", events.lines)
	}
	q, err := queue.Open(t.Context(), queue.Options{Dir: filepath.Join(dir, "state", "queue"), MinFree: 1, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Stats(); !got.Healed.Clean {
		t.Errorf("the stop was not clean: %+v", got.Healed)
	}
	_ = q.Close()
}

// TestAServiceThatEndsByItselfIsStartedAnew: recovery begins when the process goes without having said that it stops. A
// mistake in the configuration is in the event log then, and not only a number.
func TestAServiceThatEndsByItselfIsStartedAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte("[capture]\ndirr = \"/srv\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	events, ended := &eventLog{}, make(chan int, 1)
	p := newProgram(t.Context(), func(ctx context.Context, open openLog) error { return runAgent(ctx, file, open) })
	p.log, p.exit = events, func(code int) { ended <- code }
	if err := p.Start(nil); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code == 0 || !events.holds(`:2:1: capture.dirr: there is no such key; did you mean "capture.dir"?`) {
		t.Errorf("exit %d, events %q", code, events.lines)
	}
}

// TestStopIsNotAnEndByItself: an error while stopping is returned to the library, which reports it.
func TestStopIsNotAnEndByItself(t *testing.T) {
	broken := errors.New("the queue could not be closed")
	p := newProgram(t.Context(), func(ctx context.Context, _ openLog) error { <-ctx.Done(); return broken })
	p.exit = func(int) { t.Error("it exits") }
	if err := errors.Join(p.Start(nil), p.Stop(nil)); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestTheEventLogHasLevels, no times of its own, and the attributes of whoever writes.
func TestTheEventLogHasLevels(t *testing.T) {
	events, level := &eventLog{}, &slog.LevelVar{}
	p := newProgram(t.Context(), nil)
	p.log = events
	log := p.openLog(config.Log{Level: "info"}, level)
	log.With("stage", "queue").WithGroup("g").Warn("it waits", "n", 1)
	log.Debug("not said")
	level.Set(slog.LevelDebug)
	log.Debug("said")
	log.Error("it broke")
	want := []string{"warning msg=\"it waits\" stage=queue g.n=1\n", "info msg=said\n", "error msg=\"it broke\"\n"}
	if !slices.Equal(events.lines, want) {
		t.Errorf("got  %q\nwant %q", events.lines, want)
	}
}
