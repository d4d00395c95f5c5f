// Command shelf-backend is the reference cloud backend: it hands out upload tickets to rigs that prove who
// they are with a client certificate.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"shelfagent/agent/config/strict"
)

// Exit codes of every command.
const (
	exitFailed = 1 // it could not be done, or stopped by itself
	exitUsage  = 2 // the command line or the configuration is wrong
)

const exitCodesHelp = "\n\nExit codes: 0 done, 1 failed, 2 wrong command line or configuration."

// usageError marks what only the caller can mend.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	// A reader of the log that has gone must not take the server with it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	err := rootCommand().ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var mistakes *strict.Error
	if errors.As(err, &mistakes) { // begins with its place in the file, so that editors find it
		fmt.Fprintln(os.Stderr, mistakes)
	} else {
		fmt.Fprintln(os.Stderr, "shelf-backend:", err)
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "shelf-backend",
		Short: "Hand out upload tickets to shelf-agent rigs",
		Long: "shelf-backend is the reference cloud backend of shelf-agent. It answers rigs that prove who they are\n" +
			"with a client certificate, and hands out presigned S3 uploads, one for one frame." + exitCodesHelp,
		Example:       "  shelf-backend config > backend.toml\n  shelf-backend serve --config backend.toml",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Help(), usageError{errors.New("which command?")})
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		serveCommand(),
		configCommand(),
		rigCommand(),
		devPKICommand(),
		demoCommand(),
	)
	return root
}

// args makes a wrong number of arguments a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := check(cmd, given); err != nil {
			return usageError{fmt.Errorf("%w (see: %s --help)", err, cmd.CommandPath())}
		}
		return nil
	}
}
