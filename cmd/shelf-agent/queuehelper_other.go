//go:build !unix

package main

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"shelfagent/agent/desk"
	"shelfagent/queue"
)

// owner has no number here: files that an administrator makes are the agent's as well.
type owner struct{}

func foreignOwner(fs.FileInfo) (bool, owner) { return false, owner{} }

func withHelper(context.Context, queue.Options, owner, io.Writer, func(context.Context, desk.Desk) error) error {
	return errors.ErrUnsupported
}

func queueHelperCommand() *cobra.Command {
	return &cobra.Command{Use: "helper", Hidden: true, Short: "Not for this system", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return errors.ErrUnsupported }}
}
