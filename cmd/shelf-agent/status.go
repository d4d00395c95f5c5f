package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shelfagent/agent/config"
	"shelfagent/agent/status"
)

// Exit codes of status.
const (
	exitDegraded   = 1
	exitDown       = 2
	exitNotRunning = 3
)

func statusCommand() *cobra.Command {
	var file, socket string
	var asJSON, watching, explaining bool
	cmd := &cobra.Command{
		Use:   "status [--watch] [--json | --fields]",
		Short: "Say how the running agent is",
		Long: "Status asks the running agent over its Unix socket: is it working, what is wrong, what to do.\n" +
			"The socket is the one in the configuration, or the one given. With --watch it looks again every two\n" +
			"seconds until Ctrl-C, also while the agent stops and starts. What --json prints, --fields\n" +
			"explains; with --watch it is one document a line.\n\n" +
			"Colour is for terminals, and not where NO_COLOR is set.\n\n" +
			"Exit codes: 0 healthy, 1 degraded, 2 down, 3 not running or not reachable.",
		Example: "  shelf-agent status\n  shelf-agent status --watch\n  shelf-agent status --json\n  shelf-agent status --fields",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if explaining {
				_, err := io.WriteString(cmd.OutOrStdout(), status.Fields)
				return err
			}
			at, err := socketOf(file, socket)
			if err != nil {
				complain(cmd.ErrOrStderr(), err)
				return exitError(exitNotRunning)
			}
			look := func(ctx context.Context) (status.Snapshot, error) { return ask(ctx, at) }
			switch {
			case watching && asJSON:
				return watchJSON(cmd.Context(), cmd.OutOrStdout(), look)
			case watching:
				return watchScreen(cmd.Context(), os.Stdout, look)
			}
			snapshot, err := look(cmd.Context())
			if err != nil {
				complain(cmd.ErrOrStderr(), err)
				return exitError(exitNotRunning)
			}
			if err := show(cmd.OutOrStdout(), snapshot, asJSON); err != nil {
				return err
			}
			return verdictExit(snapshot.Verdict)
		},
	}
	cmd.Flags().StringVar(&file, "config", defaultConfig, "configuration `FILE`, for the socket's place")
	cmd.Flags().StringVar(&socket, "socket", "", "the agent's `SOCKET`, instead of the configured one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the agent's own document")
	cmd.Flags().BoolVar(&explaining, "fields", false, "explain the document, field by field, and ask nobody")
	cmd.Flags().BoolVarP(&watching, "watch", "w", false, "look again every two seconds")
	return cmd
}

func show(w io.Writer, s status.Snapshot, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(s)
	}
	rows := terminalRows(os.Stdout)
	if rows > 0 {
		rows-- // the prompt that follows would push the verdict out
	}
	return status.Screen(w, s, time.Now(), colourful(), rows)
}

// terminalRows is 0 where there is no terminal, or it does not say.
func terminalRows(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	_, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return rows
}

func socketOf(file, socket string) (string, error) {
	if socket != "" {
		return socket, nil
	}
	c, err := config.Load(file, os.Environ())
	if err != nil {
		return "", hinted(err, "mend the configuration, or say where the agent answers: shelf-agent status --socket /run/shelf-agent/agent.sock")
	}
	return c.Status.Socket, nil
}

// askTimeout is enough for an agent on a busy rig.
const askTimeout = 10 * time.Second

// ask tells the ways in which there is no answer apart: each has its own remedy.
func ask(ctx context.Context, socket string) (status.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	snapshot, err := status.Ask(ctx, socket)
	switch {
	case err == nil:
		return snapshot, nil
	case errors.Is(err, status.ErrNoAgent):
		return snapshot, hinted(fmt.Errorf("no agent is running: nothing answers at %s", socket),
			"start it with `sudo shelf-agent service start`; if it ends again, `sudo -u shelf-agent shelf-agent doctor` says why.")
	case errors.Is(err, fs.ErrPermission):
		return snapshot, hinted(fmt.Errorf("this user may not ask the agent at %s", socket), "try: sudo shelf-agent status")
	case errors.Is(err, status.ErrNotSocket):
		return snapshot, hinted(fmt.Errorf("%s is not an agent's socket", socket),
			"name the one that status.socket in the configuration names, /run/shelf-agent/agent.sock by default.")
	case errors.Is(err, context.DeadlineExceeded):
		return snapshot, hinted(fmt.Errorf("the agent at %s did not answer within %s", socket, askTimeout),
			"try again; if it stays silent: sudo shelf-agent service restart")
	default:
		return snapshot, fmt.Errorf("asking the agent at %s: %w", socket, err)
	}
}

// colourful follows https://no-color.org.
func colourful() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stdout.Fd()))
}

func verdictExit(v status.Verdict) error {
	switch v {
	case status.Healthy:
		return nil
	case status.Degraded:
		return exitError(exitDegraded)
	default:
		return exitError(exitDown)
	}
}
