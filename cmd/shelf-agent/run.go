package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shelfagent/agent"
	"shelfagent/agent/config"
)

// defaultConfig is where the service's configuration is.
const defaultConfig = "/etc/shelf-agent/config.toml"

func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("config", defaultConfig, "configuration `FILE`")
}

func runCommand() *cobra.Command {
	var file *string
	cmd := &cobra.Command{
		Use:   "run [--config FILE]",
		Short: "Take frames from the capture folder to the bucket until SIGTERM",
		Long: "Run does the whole way of a frame until SIGTERM or SIGINT. It then takes in nothing new, gives uploads\n" +
			"under way ten seconds to finish, records what became of them, and ends. The log goes to stderr." + exitCodesHelp,
		Example: "  shelf-agent run --config /etc/shelf-agent/config.toml",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(*file)
			if err != nil {
				return err
			}
			log := logger(c.Log, os.Stderr)
			defer outlive(log)()
			if err := leaveNoCore(); err != nil {
				log.Warn("a core of this process cannot be ruled out, and would hold the device key", "error", err)
			}
			if limit := respectMemoryLimit("/"); limit > 0 {
				log.Debug("memory is limited", "heap", limit)
			}
			return underServiceManager(cmd.Context(), func(ctx context.Context) error { return runAgent(ctx, c, log) })
		},
	}
	file = configFlag(cmd)
	return cmd
}

func runAgent(ctx context.Context, c *config.Config, log *slog.Logger) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	a, err := agent.Open(ctx, c, agent.Options{
		Version: versionText(), CheckCommand: []string{self, queueCheckName}, Logger: log,
	})
	if err != nil {
		return hinted(err, cmp.Or(agent.Hint(err), "`sudo shelf-agent doctor` checks every step and says more."))
	}
	return a.Run(ctx)
}

// outlive keeps two signals from ending the agent that do not mean it: the hang-up of a terminal, and a reader of the
// log that has gone, whose loss would otherwise be that of every frame. The function that it returns ends that.
func outlive(log *slog.Logger) (end func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		for {
			select {
			case s := <-signals:
				if s == syscall.SIGHUP {
					log.Warn("SIGHUP changes nothing; restart the agent to use a changed configuration")
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// logger writes where the configuration says: people read text, journald takes JSON.
func logger(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // config.Load has checked it
	}
	options := &slog.HandlerOptions{Level: level}
	file, isFile := w.(*os.File)
	terminal := isFile && term.IsTerminal(int(file.Fd()))
	if c.Format == "text" || c.Format == "auto" && terminal {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
