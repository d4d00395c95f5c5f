package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
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
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the running agent is",
		Long: "Status asks the running agent over its Unix socket: is it working, what is wrong, what to do.\n" +
			"The socket is the one in the configuration, or the one given.\n\n" +
			"Exit codes: 0 healthy, 1 degraded, 2 down, 3 not running or not reachable.",
		Example: "  shelf-agent status\n  shelf-agent status --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := socketOf(file, socket)
			if err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "shelf-agent:", err)
				return exitError(exitNotRunning)
			}
			snapshot, err := status.Ask(cmd.Context(), at)
			if err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "shelf-agent:", explainAsk(at, err))
				return exitError(exitNotRunning)
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				err = encoder.Encode(snapshot)
			} else {
				err = status.Text(cmd.OutOrStdout(), snapshot, time.Now(), colourful())
			}
			if err != nil {
				return err
			}
			return verdictExit(snapshot.Verdict)
		},
	}
	cmd.Flags().StringVar(&file, "config", defaultConfig, "configuration `FILE`, for the socket's place")
	cmd.Flags().StringVar(&socket, "socket", "", "the agent's `SOCKET`, instead of the configured one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the agent's own document")
	return cmd
}

func socketOf(file, socket string) (string, error) {
	if socket != "" {
		return socket, nil
	}
	c, err := config.Load(file)
	if err != nil {
		return "", fmt.Errorf("%w\nwithout a configuration, say where the agent is: shelf-agent status --socket PATH", err)
	}
	return c.Status.Socket, nil
}

func explainAsk(socket string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("no agent is running (nothing answers at %s); start it with: sudo shelf-agent service start", socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("you may not ask the agent at %s; try: sudo shelf-agent status", socket)
	default:
		return fmt.Sprintf("asking the agent at %s: %v", socket, err)
	}
}

// colourful follows https://no-color.org.
func colourful() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stdout.Fd())) //nolint:gosec // a file descriptor fits
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
