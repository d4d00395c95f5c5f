package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"

	"github.com/kardianos/service"

	"shelfagent/agent/config"
)

// underServiceManager runs work until ctx ends. systemd and launchd stop a service by SIGTERM, which ends ctx, and take
// its log from stderr. Only Windows has to be spoken to: its service control handler runs here, from before anything can
// fail until all is recorded.
func underServiceManager(ctx context.Context, work func(context.Context, openLog) error) error {
	if runtime.GOOS != "windows" || service.Interactive() {
		return work(ctx, openStderr)
	}
	p := newProgram(ctx, work)
	s, err := service.New(p, &service.Config{Name: serviceName})
	if err != nil {
		return err
	}
	if p.log, err = s.SystemLogger(nil); err != nil {
		return fmt.Errorf("the event log: %w", err)
	}
	return s.Run()
}

// startedBy is the service manager that has started this process, as the service library calls it; "" is a person.
func startedBy() string {
	if service.Interactive() {
		return ""
	}
	return service.Platform()
}

// program is the agent as the service library wants it.
type program struct {
	ctx    context.Context //nolint:containedctx // the library's Start has none
	cancel context.CancelFunc
	work   func(context.Context, openLog) error
	log    service.Logger
	done   chan error
	exit   func(code int)
}

func newProgram(ctx context.Context, work func(context.Context, openLog) error) *program {
	ctx, cancel := context.WithCancel(ctx)
	return &program{ctx: ctx, cancel: cancel, work: work, log: service.ConsoleLogger, done: make(chan error, 1), exit: os.Exit}
}

var errEnded = errors.New("the agent ended by itself")

// Start must not block.
func (p *program) Start(service.Service) error {
	go func() {
		err := p.work(p.ctx, p.openLog)
		if p.ctx.Err() == nil {
			// To end without having been told to is what the service manager's recovery begins with.
			var words bytes.Buffer
			complain(&words, cmp.Or(err, errEnded))
			_ = p.log.Error(words.String()) // where it cannot be logged, that cannot be logged either
			p.exit(exitFailed)
		}
		p.done <- err
	}()
	return nil
}

// Stop returns when the agent has recorded every outcome.
func (p *program) Stop(service.Service) error {
	p.cancel()
	return <-p.done
}

// openLog writes to the system's log, which has a time, a level and a name of its own for each line.
func (p *program) openLog(c config.Log, level *slog.LevelVar) *slog.Logger {
	setLevel(level, c)
	return slog.New(newSystemLog(p.log, level))
}

// systemLog is a slog.Handler for the system's log: Windows' event log, where a service has no stderr.
type systemLog struct {
	to    service.Logger
	lines *systemLines
	text  slog.Handler // writes to lines
}

// systemLines is the line that is being made; those that were made of one log share it.
type systemLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func newSystemLog(to service.Logger, level slog.Leveler) systemLog {
	lines := &systemLines{}
	return systemLog{to, lines, slog.NewTextHandler(&lines.buf, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})}
}

func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// Enabled is that of a slog.Handler.
func (l systemLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.text.Enabled(ctx, level)
}

// Handle writes one line with its level.
func (l systemLog) Handle(ctx context.Context, r slog.Record) error {
	l.lines.mu.Lock()
	defer l.lines.mu.Unlock()
	l.lines.buf.Reset()
	if err := l.text.Handle(ctx, r); err != nil {
		return err
	}
	line := l.lines.buf.String()
	switch {
	case r.Level >= slog.LevelError:
		return l.to.Error(line)
	case r.Level >= slog.LevelWarn:
		return l.to.Warning(line)
	default:
		return l.to.Info(line)
	}
}

// WithAttrs is that of a slog.Handler.
func (l systemLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return systemLog{l.to, l.lines, l.text.WithAttrs(attrs)}
}

// WithGroup is that of a slog.Handler.
func (l systemLog) WithGroup(name string) slog.Handler {
	return systemLog{l.to, l.lines, l.text.WithGroup(name)}
}
