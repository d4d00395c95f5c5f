package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"shelfagent/agent"
	"shelfagent/agent/capture"
	"shelfagent/agent/config"
)

func captureCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "capture",
		Short:   "Tell the agent that its capture disk was replaced",
		Long:    "Capture is about the folder that the cameras write to, and the disk that it is on." + exitCodesHelp,
		Example: "  sudo shelf-agent capture adopt",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Help(), usageError{errors.New("which action?")})
		},
	}
	cmd.AddCommand(captureAdoptCommand())
	return cmd
}

func captureAdoptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt [--config FILE]",
		Short: "Accept the capture folder as it is now",
		Long: "Adopt is for when the capture disk was replaced, or the folder made anew. The agent knows its disk by the file\n" +
			capture.MarkerName + " in the capture folder. Adopt makes that file if there is none, and records it as this rig's.\n" +
			"Pictures that lie in the folder are then taken in as this rig's. See first that the right disk is mounted there.\n" +
			"It works whether the agent runs or not; a running agent notices by itself." + exitCodesHelp,
		Example: "  sudo shelf-agent capture adopt\n  sudo shelf-agent capture adopt --config /etc/shelf-agent/config.toml",
		Args:    args(cobra.NoArgs),
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := loadConfig(*file)
		if err != nil {
			return err
		}
		said, err := adoptCapture(c)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), said)
		return err
	}
	return cmd
}

// adoptCapture returns what it did. It makes no state folder: one of root's would keep the agent out.
func adoptCapture(c *config.Config) (string, error) {
	if _, err := os.Stat(c.StateDir); errors.Is(err, fs.ErrNotExist) {
		return "", hinted(fmt.Errorf("there is no state folder at %s", c.StateDir),
			"the agent makes it when it first runs, and adopts the capture folder then; or name the right configuration with --config FILE.")
	}
	dir := c.Capture.Dir
	adopted, err := capture.Adopt(dir, c.CaptureOptions(nil).Seen)
	switch {
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return "", hinted(err, "run this as root or as the agent's user: sudo …")
	case err != nil:
		return "", hinted(err, cmp.Or(agent.Hint(err), "check the capture disk and the disk of "+c.StateDir+"."))
	case adopted.Made:
		return fmt.Sprintf("%s had no marker; it was made, and recorded as this rig's: %s", dir, adopted.ID), nil
	case adopted.Before == adopted.ID:
		return fmt.Sprintf("%s is this rig's already; nothing was changed", dir), nil
	case adopted.Before == "":
		return fmt.Sprintf("the marker of %s is recorded as this rig's: %s", dir, adopted.ID), nil
	}
	return fmt.Sprintf("the marker of %s is recorded as this rig's: %s instead of %s", dir, adopted.ID, adopted.Before), nil
}
