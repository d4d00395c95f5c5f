package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue list|show|retry|drop|export|verify|stats",
		Short: "Look at the frames in the queue, and act on them",
		Long: "Queue shows the frames that are not delivered yet, and acts on them. While the agent runs, it asks the agent over\n" +
			"its Unix socket; otherwise it opens the queue itself, as the user who owns it. It says on stderr which it did.\n\n" +
			"A frame is named by its id, or by the first digits of its SHA-256: at least four, and enough to be the only one.\n" +
			"Those who may ask the agent may see the pictures and drop them: root, the agent's user, and its group." + exitCodesHelp,
		Example: "  sudo shelf-agent queue list --state parked\n  sudo shelf-agent queue show 3fa9c1d2\n" +
			"  sudo shelf-agent queue retry --all\n  sudo shelf-agent queue export /media/stick",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Help(), usageError{errors.New("which action?")})
		},
	}
	cmd.AddCommand(queueListCommand(), queueShowCommand(), queueRetryCommand(), queueDropCommand(), queueExportCommand(),
		queueVerifyCommand(), queueStatsCommand(), queueHelperCommand())
	return cmd
}
