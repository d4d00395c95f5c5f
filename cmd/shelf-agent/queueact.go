package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shelfagent/agent/desk"
	"shelfagent/queue"
)

func queueRetryCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry ID | retry --all",
		Short: "Let frames go again at once, with their failed tries forgotten",
		Long: "Retry is for when the cause of a failure has been removed. A parked or deferred frame is ready at once.\n" +
			"--all means every frame that is parked or deferred, but for those whose picture is missing or damaged; --camera,\n" +
			"--state and the times narrow it." + exitCodesHelp,
		Example: "  sudo shelf-agent queue retry 3fa9c1d2\n  sudo shelf-agent queue retry --all --camera cam-3",
		Args:    args(cobra.MaximumNArgs(1)),
	}
	file, selected := configFlag(cmd), selectFlags(cmd, queue.Parked, queue.Deferred)
	cmd.Flags().BoolVar(&all, "all", false, "all frames that are parked or deferred")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		f, err := selected()
		switch {
		case err != nil:
			return err
		case all == (len(given) == 1):
			return usageError{fmt.Errorf("name one frame, or --all (see: %s --help)", cmd.CommandPath())}
		case !all && f != queue.Filter{}:
			return usageError{errors.New("--state, --camera and the times go with --all only")}
		}
		return atDesk(cmd, *file, func(ctx context.Context, d desk.Desk) error {
			if all {
				n, err := desk.RetryAll(ctx, d, f, caller())
				if n == 0 && err != nil {
					return err
				}
				_, printErr := fmt.Fprintf(cmd.OutOrStdout(), "%s tried again now\n", amount(int64(n), "frame is", "frames are"))
				return errors.Join(err, printErr)
			}
			frame, err := d.Retry(ctx, given[0], caller())
			if err != nil {
				return err
			}
			text := "it is tried again now"
			if frame.State == queue.Leased {
				text = "it is being tried at this moment; nothing was changed"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", frame.SHA256[:12], text)
			return err
		})
	}
	return cmd
}

func queueDropCommand() *cobra.Command {
	var yes bool
	var reason string
	cmd := &cobra.Command{
		Use:   "drop ID --reason TEXT",
		Short: "Give a frame up: its picture is deleted and never delivered",
		Long: "Drop deletes one picture that will not be delivered. A receipt stays that says who, when and why. On a\n" +
			"terminal it shows the frame and asks; elsewhere it wants --yes. A frame that is on its way to the bucket at this\n" +
			"moment is not dropped." + exitCodesHelp,
		Example: "  sudo shelf-agent queue drop 3fa9c1d2 --reason \"test picture\"",
		Args:    args(cobra.ExactArgs(1)),
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the receipt: `TEXT`")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		asks := term.IsTerminal(int(os.Stdin.Fd()))
		switch {
		case strings.TrimSpace(reason) == "":
			return usageError{errors.New("say why, for the receipt: --reason TEXT")}
		case !yes && !asks:
			return usageError{errors.New("nobody can be asked here, so nothing was dropped; to drop the frame unasked, add --yes")}
		}
		return atDesk(cmd, *file, func(ctx context.Context, d desk.Desk) error {
			f, err := d.Show(ctx, given[0])
			if err != nil {
				return err
			}
			if !yes && !f.Left() {
				if err := confirm(cmd.InOrStdin(), cmd.ErrOrStderr(), f); err != nil {
					return err
				}
			}
			// By its id: what was shown is what is dropped.
			f, err = d.Drop(ctx, string(f.ID), caller(), reason)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: dropped, and recorded as by %s\n", f.SHA256[:12], f.By)
			return err
		})
	}
	return cmd
}

func confirm(in io.Reader, out io.Writer, f desk.Frame) error {
	if err := printFrame(out, f, false); err != nil {
		return err
	}
	if _, err := fmt.Fprint(out, "\nDelete this picture? It will never be delivered. Type \"drop\": "); err != nil {
		return err
	}
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(answer) != "drop" {
		return errors.New("nothing was dropped")
	}
	return nil
}

// amount counts things in words.
func amount(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
