// Command shelf-agent watches the capture folder of a shop's cameras and takes every frame, valid, private and
// proven, into the retailer's own bucket.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // windows and hours name time zones; Windows has none, and small systems leave them out

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
	"shelfagent/agent/config/strict"
)

// Exit codes of every command; status adds its own.
const (
	exitFailed = 1 // it could not be done, or stopped by itself
	exitUsage  = 2 // the command line or the configuration is wrong
)

const exitCodesHelp = "\n\nExit codes: 0 done, 1 failed, 2 wrong command line or configuration."

// version is set by the linker in releases.
var version = ""

// usageError marks what only the caller can mend.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// hintedError says what to do apart from what is wrong.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

func hinted(err error, hint string) error {
	if err == nil || hint == "" {
		return err
	}
	return hintedError{err, hint}
}

// exitError ends the program with a code and without a word: all has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := rootCommand().ExecuteContext(ctx)
	var code exitError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	complain(os.Stderr, err)
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// complain writes an error for a person: what is wrong, then what to do. Mistakes in a file begin with their
// place, as compilers write it, so that editors find it.
func complain(w io.Writer, err error) {
	var mistakes *strict.Error
	if errors.As(err, &mistakes) {
		_, _ = fmt.Fprintln(w, mistakes) // where errors cannot be written, that cannot be written either
	} else {
		_, _ = fmt.Fprintln(w, "shelf-agent:", err)
	}
	var h hintedError
	if errors.As(err, &h) {
		_, _ = fmt.Fprintln(w, "What to do:", h.hint)
	}
}

// loadConfig reads the configuration for a command that cannot do without.
func loadConfig(file string) (*config.Config, error) {
	c, err := config.Load(file, os.Environ())
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, fs.ErrNotExist):
		err = hinted(err, "write one with `shelf-agent config init "+file+"`, or name another with --config FILE.")
	case errors.Is(err, fs.ErrPermission):
		err = hinted(err, "run this as root or as the agent's user: sudo …")
	}
	return nil, usageError{err}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "shelf-agent",
		Short: "Take camera frames from a shop to its bucket, each once and proven",
		Long: "shelf-agent watches the folder that a shop's cameras write to, checks every picture and strips what is\n" +
			"private, keeps it in a queue that survives power cuts, and uploads it to the retailer's own S3 bucket." + exitCodesHelp,
		Example: "  sudo shelf-agent config init\n  shelf-agent config check\n" +
			"  shelf-agent run\n  shelf-agent status",
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Help(), usageError{errors.New("which command?")})
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w (see: %s --help)", err, cmd.CommandPath())}
	})
	root.AddCommand(runCommand(), enrollCommand(), statusCommand(), doctorCommand(), supportCommand(), configCommand(), serviceCommand(), queueCommand(),
		captureCommand(), findCommand(), frameCommand(), rejectedCommand(), queueCheckCommand())
	root.AddCommand(manCommand())
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

// versionText is the release, or what the Go toolchain knows of a development build.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
