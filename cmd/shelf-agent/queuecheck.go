package main

import (
	"github.com/spf13/cobra"

	"shelfagent/queue"
)

// queueCheckName is the hidden command that the queue runs in a process of its own: a damaged database can
// take the process that reads it down.
const queueCheckName = "queue-check"

func queueCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:    queueCheckName + " FILE",
		Hidden: true,
		Short:  "Check a queue's database file",
		Args:   args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			err := queue.CheckFile(given[0])
			if err != nil {
				cmd.PrintErrln(err)
			}
			return exitError(queue.CheckExitCode(err))
		},
	}
}
