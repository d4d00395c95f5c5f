package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shelfagent/agent"
	"shelfagent/agent/config"
	"shelfagent/systemd"
)

// defaultConfig is where the service's configuration is.
var defaultConfig = config.DefaultFile()

func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("config", defaultConfig, "configuration `FILE`")
}

func runCommand() *cobra.Command {
	var file *string
	cmd := &cobra.Command{
		Use:   "run [--config FILE]",
		Short: "Take frames from the capture folder to the bucket until SIGTERM",
		Long: "Run does the whole way of a frame until SIGTERM or SIGINT. It then takes in nothing new, gives uploads\n" +
			"under way ten seconds to finish, records what became of them, and ends. The log goes to stderr, or to the event\n" +
			"log where Windows runs the agent as a service.\n\n" +
			"SIGHUP reads the configuration anew. What can be changed while the agent runs is in force at once; the log says what\n" +
			"waits for a restart. A configuration with a mistake changes nothing.\n\n" +
			"Where systemd runs the agent (Type=notify), it is told when the agent is ready, how it is, and that it lives for as\n" +
			"long as none of its loops hangs." + exitCodesHelp,
		Example: "  shelf-agent run --config /etc/shelf-agent/config.toml",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return underServiceManager(cmd.Context(), func(ctx context.Context, open openLog) error {
				return runAgent(ctx, *file, open)
			})
		},
	}
	file = configFlag(cmd)
	return cmd
}

// runAgent is the agent from its configuration to its clean stop.
func runAgent(ctx context.Context, file string, open openLog) error {
	read := func() (*config.Config, error) { return config.Load(file, os.Environ()) }
	c, err := loadConfig(file)
	if err != nil {
		return err
	}
	level := &slog.LevelVar{}
	log := open(c.Log, level)
	log.Debug("starting", "config", file, "service_manager", startedBy())
	for _, note := range c.Notes() {
		log.Warn(note)
	}
	signals := outlive()
	defer signals.end()
	harden(log)
	manager := systemd.NewNotifier(log)
	if runtime.GOOS != "linux" && startedBy() != "" { // Windows and launchd have no watchdog, and start anew what ends
		manager.End = func() { os.Exit(exitFailed) }
	}
	manager.Status("opening the queue")
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	a, err := agent.Open(ctx, c, agent.Options{
		Version: versionText(), CheckCommand: []string{self, queueCheckName}, Logger: log, Level: level,
	})
	if err != nil {
		return hinted(err, cmp.Or(agent.Hint(err), "`sudo -u shelf-agent shelf-agent doctor` checks every step and says more."))
	}
	// The queue is open and the listeners are bound: Open has done that.
	manager.Ready()
	ctx, stop := context.WithCancel(ctx)
	var aside sync.WaitGroup
	aside.Go(func() { manager.Watch(ctx, a) })
	aside.Go(func() { signals.reload(ctx, a, manager, read) })
	err = a.Run(ctx)
	stop()
	aside.Wait()
	return err
}

// harden does what the process can do for itself.
func harden(log *slog.Logger) {
	if err := leaveNoCore(); err != nil {
		log.Warn("a core of this process cannot be ruled out, and would hold the device key", "error", err)
	}
	if limit := respectMemoryLimit("/"); limit > 0 {
		log.Debug("memory is limited", "heap", limit)
	}
}

// hangups are the signals that must not end the agent: SIGHUP, of a terminal that goes or of a person who has changed the
// configuration, which is then read anew; and SIGPIPE, of a reader of the log that has gone, whose loss would otherwise be
// that of every frame.
type hangups struct{ hup, pipe chan os.Signal }

func outlive() hangups {
	h := hangups{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(h.hup, syscall.SIGHUP)
	signal.Notify(h.pipe, syscall.SIGPIPE) // and nobody listens
	return h
}

func (h hangups) end() {
	signal.Stop(h.hup)
	signal.Stop(h.pipe)
}

// reload reads the configuration anew at each SIGHUP until ctx ends.
func (h hangups) reload(ctx context.Context, a *agent.Agent, manager *systemd.Notifier, read func() (*config.Config, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.hup:
			manager.Reloading()
			a.Reload(read)
			manager.Ready()
		}
	}
}

// openLog makes the log that a configuration asks for; level is set to its level, and can be changed.
type openLog func(c config.Log, level *slog.LevelVar) *slog.Logger

func openStderr(c config.Log, level *slog.LevelVar) *slog.Logger { return logger(c, level, os.Stderr) }

// logger writes where the configuration says: people read text, journald takes JSON.
func logger(c config.Log, level *slog.LevelVar, w io.Writer) *slog.Logger {
	setLevel(level, c)
	options := &slog.HandlerOptions{Level: level}
	file, isFile := w.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	if c.Format == "text" || c.Format == "auto" && terminal {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func setLevel(level *slog.LevelVar, c config.Log) {
	var given slog.Level
	if err := given.UnmarshalText([]byte(c.Level)); err != nil {
		given = slog.LevelInfo // config.Load has checked it
	}
	level.Set(given)
}
