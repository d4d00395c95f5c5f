package agent

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// How often the same thing may be said. What is left out is counted, and the next line that is said tells how much it was.
const (
	calmBurst = 5
	calmPause = 10 * time.Minute
	calmRuns  = 1000 // kinds of lines that are remembered
)

// calmed keeps any one thing from filling the log, whatever goes wrong how often: at most calmBurst lines of a kind in
// calmPause. A kind is a message with its level, its stage and what it is about. It is for what happens to one frame after the
// other. Debug lines pass, and so do conditions: health.Set has a pace of its own, which knows an onset from an end, and
// sees to it that the last word is true.
func calmed(log *slog.Logger) *slog.Logger {
	return slog.New(calm{next: log.Handler(), runs: &calmState{of: map[string]*calmRun{}}})
}

type calm struct {
	next  slog.Handler
	about string // what With has said
	runs  *calmState
}

// calmState is shared by a logger and those made from it.
type calmState struct {
	mu sync.Mutex
	of map[string]*calmRun // by kind; guarded by mu
}

type calmRun struct {
	began        time.Time
	said, unsaid int
}

func (c calm) Enabled(ctx context.Context, level slog.Level) bool { return c.next.Enabled(ctx, level) }

func (c calm) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		c.about += " " + a.String()
	}
	c.next = c.next.WithAttrs(attrs)
	return c
}

func (c calm) WithGroup(name string) slog.Handler {
	c.about += " " + name
	c.next = c.next.WithGroup(name)
	return c
}

// Handle passes a line on, or counts it.
func (c calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelInfo || ofCondition(r) {
		return c.next.Handle(ctx, r)
	}
	unsaid, may := c.runs.take(c.kind(r), r.Time)
	if !may {
		return nil
	}
	if unsaid > 0 {
		r = r.Clone()
		r.Add("left_out", unsaid)
	}
	return c.next.Handle(ctx, r)
}

func ofCondition(r slog.Record) (is bool) {
	r.Attrs(func(a slog.Attr) bool {
		is = a.Key == "condition"
		return !is
	})
	return is
}

func (c calm) kind(r slog.Record) string {
	var kind strings.Builder
	kind.WriteString(r.Level.String() + " " + r.Message + c.about)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "camera", "subject", "code", "cause":
			kind.WriteString(" " + a.String())
		}
		return true
	})
	return kind.String()
}

// take tells whether one more line of a kind may be said now, and how many were not since the last.
func (s *calmState) take(kind string, now time.Time) (unsaid int, may bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	run := s.of[kind]
	if run == nil {
		s.makeRoom(now)
		run = &calmRun{began: now}
		s.of[kind] = run
	}
	if now.Sub(run.began).Abs() >= calmPause { // a clock that was set back begins anew, too
		run.began, run.said = now, 0
	}
	if run.said >= calmBurst {
		run.unsaid++
		return 0, false
	}
	unsaid, run.unsaid = run.unsaid, 0
	run.said++
	return unsaid, true
}

// makeRoom forgets kinds that have rested, or all of them.
func (s *calmState) makeRoom(now time.Time) {
	if len(s.of) < calmRuns {
		return
	}
	for kind, run := range s.of {
		if now.Sub(run.began).Abs() >= calmPause && run.unsaid == 0 {
			delete(s.of, kind)
		}
	}
	if len(s.of) >= calmRuns {
		clear(s.of)
	}
}
