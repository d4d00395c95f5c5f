package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shelfagent/cmd/shelf-backend/demo"
)

func demoCommand() *cobra.Command {
	var agent string
	var seconds int
	cmd := &cobra.Command{
		Use:   "demo [--seconds N]",
		Short: "Show the whole way of a frame on this machine",
		Long: "Demo starts an S3 server (a development server, in this process and in memory), this backend, a\n" +
			"shelf-agent and three simulated cameras, on free ports and in a folder of its own, and shows what happens.\n" +
			"It runs until Ctrl-C, or for the given time, then holds what the bucket has against what the cameras drew.\n\n" +
			"Exit codes: 0 every captured frame is in the bucket once, byte for byte; 1 not so, or it could not be played;\n" +
			"2 wrong command line.",
		Example: "  shelf-backend demo --seconds 20",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds < 0 {
				return usageError{fmt.Errorf("--seconds %d: it cannot be negative", seconds)}
			}
			program, err := findAgent(agent)
			if err != nil {
				return usageError{err}
			}
			return demo.Run(cmd.Context(), demo.Options{
				Agent: program, For: time.Duration(seconds) * time.Second, Out: cmd.OutOrStdout(),
				Terminal: term.IsTerminal(int(os.Stdout.Fd())),
			})
		},
	}
	cmd.Flags().StringVar(&agent, "agent", "", "the shelf-agent `PROGRAM`; by default the one beside this program, or in PATH")
	cmd.Flags().IntVar(&seconds, "seconds", 0, "end by itself after `N` seconds; 0 runs until Ctrl-C")
	return cmd
}

func findAgent(given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "shelf-agent")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	found, err := exec.LookPath("shelf-agent")
	if err != nil {
		return "", errors.New("there is no shelf-agent beside this program or in PATH; say where it is with --agent")
	}
	return found, nil
}
