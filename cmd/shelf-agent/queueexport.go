package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"shelfagent/agent/desk"
	"shelfagent/queue"
)

func queueExportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Copy pictures to a USB stick, each proven, with a list",
		Long: "Export copies the pictures in the queue to a folder as <camera>/<name>, and lists them in " + desk.Manifest + " there, one\n" +
			"JSON document a line. Each is flushed, read back and compared before it has its name. What is there and right\n" +
			"is kept: after an interruption, begin the same export again. The queue keeps what it has.\n\n" +
			"Exit codes: 0 all are there, 1 failed or some are lost, 2 wrong command line or configuration.",
		Example: "  sudo shelf-agent queue export /media/stick\n  sudo shelf-agent queue export /media/stick --camera cam-3 --newer-than 7d",
		Args:    args(cobra.ExactArgs(1)),
	}
	file, selected := configFlag(cmd), selectFlags(cmd, queue.Waiting, queue.Deferred, queue.Leased, queue.Parked)
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		f, err := selected()
		if err != nil {
			return err
		}
		return atDesk(cmd, *file, func(ctx context.Context, d desk.Desk) error {
			done, err := desk.Export(ctx, d, given[0], f, func(f desk.Frame, why error) error {
				(&sheet{out: cmd.ErrOrStderr()}).par("lost  ", fmt.Sprintf("%s %s %s: %v", f.Camera, clock(f.CapturedAt), f.SHA256[:12], why))
				return nil
			})
			if printErr := printExported(cmd, done); printErr != nil {
				return printErr
			}
			return explainExport(given[0], done, err)
		})
	}
	return cmd
}

func printExported(cmd *cobra.Command, done desk.Exported) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s written, %d there already and right, together %s\n",
		amount(done.Written, "picture", "pictures"), done.Kept, size(done.Bytes))
	if err == nil && done.Left > 0 {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s the queue meanwhile\n", amount(done.Left, "frame left", "frames left"))
	}
	return err
}

func explainExport(dir string, done desk.Exported, err error) error {
	switch {
	case errors.Is(err, desk.ErrNoRoom):
		return hinted(fmt.Errorf("%s is full: %w", dir, err),
			"what is on it is whole and listed. Make room and run the same command again, or use a larger one.")
	case errors.Is(err, desk.ErrUnfaithful):
		return hinted(fmt.Errorf("%s cannot be trusted: %w", dir, err), "use another stick; what this one holds may be wrong as well.")
	case errors.Is(err, desk.ErrReadOnly):
		return hinted(fmt.Errorf("%s: %w", dir, err), "look for a switch on the stick that locks it. "+
			"A stick that turned read-only by itself is damaged or was pulled out too early: use another.")
	case errors.Is(err, desk.ErrGone):
		return hinted(fmt.Errorf("%s: %w", dir, err), "was the stick pulled out? Put it in again, mount it, and run the same "+
			"command again: it goes on where it stopped. If it was not, use another.")
	case errors.Is(err, desk.ErrNoFolder):
		return hinted(fmt.Errorf("exporting: %w", err), "is the stick mounted there? `lsblk` shows where it is.")
	case errors.Is(err, fs.ErrPermission):
		return hinted(fmt.Errorf("exporting to %s: %w", dir, err), "try with sudo, or name a folder that this user may write to.")
	case err != nil:
		return fmt.Errorf("exporting to %s: %w", dir, err)
	case done.Lost > 0:
		return hinted(fmt.Errorf("%s could not be exported", amount(done.Lost, "picture", "pictures")), "shelf-agent queue verify says what is wrong with each.")
	}
	return nil
}
