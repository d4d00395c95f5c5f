package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"syscall"

	"github.com/spf13/cobra"

	"shelfagent/agent"
	"shelfagent/agent/config"
	"shelfagent/agent/desk"
	"shelfagent/queue"
)

// atDesk does something at the queue's desk: that of the running agent or, when none runs, one of its own.
func atDesk(cmd *cobra.Command, file string, do func(context.Context, desk.Desk) error) error {
	c, err := loadConfig(file)
	if err != nil {
		return err
	}
	ctx, say := cmd.Context(), cmd.ErrOrStderr()
	client := desk.Dial(c.Status.Socket)
	defer client.Close()
	_, err = client.Stats(ctx)
	switch {
	case err == nil:
		_, _ = fmt.Fprintln(say, "asking the agent at", c.Status.Socket)
		return explainDesk(do(ctx, client))
	case errors.Is(err, fs.ErrPermission):
		return hinted(fmt.Errorf("this user may not ask the agent at %s", c.Status.Socket), "try with sudo, or as a member of the agent's group.")
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("asking the agent at %s: %w", c.Status.Socket, err)
	}
	_, _ = fmt.Fprintln(say, "no agent runs: opening the queue at", c.QueueDir())
	return explainDesk(ownDesk(ctx, c, say, do))
}

// ownDesk opens the queue for as long as do takes. It is always opened as the user who owns it: a file that root
// makes in it would keep the agent out, and a link that was put there would lead root astray.
func ownDesk(ctx context.Context, c *config.Config, say io.Writer, do func(context.Context, desk.Desk) error) error {
	info, err := os.Stat(c.QueueDir())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hinted(fmt.Errorf("there is no queue at %s", c.QueueDir()), "the agent makes it when it first runs; or name the right configuration with --config FILE.")
	case errors.Is(err, fs.ErrPermission):
		return notOwner(c.QueueDir())
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no folder", c.QueueDir())
	}
	// With the limits and the order of the agent: it goes on from what this leaves.
	options := c.QueueOptions(nil)
	switch foreign, owner := foreignOwner(info); {
	case foreign && os.Geteuid() == 0:
		return withHelper(ctx, options, owner, say, do)
	case foreign:
		return notOwner(c.QueueDir())
	}
	return withQueue(ctx, options, say, func(ctx context.Context, q *queue.Queue) error {
		return do(ctx, desk.Local{Queue: q, Who: self(), Log: slog.New(slog.DiscardHandler)})
	})
}

func notOwner(dir string) error {
	return hinted(fmt.Errorf("the queue at %s belongs to another user", dir), "try with sudo.")
}

// withQueue opens a queue, and tells what it has to say of its health.
func withQueue(ctx context.Context, options queue.Options, say io.Writer, do func(context.Context, *queue.Queue) error) (err error) {
	options.Logger = slog.New(slog.NewTextHandler(say, &slog.HandlerOptions{Level: slog.LevelWarn}))
	program, err := os.Executable()
	if err != nil {
		return err
	}
	options.CheckCommand = []string{program, queueCheckName}
	q, err := queue.Open(ctx, options)
	if err != nil {
		return explainOpen(err)
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	return do(ctx, q)
}

// self is the user of this process, as the system knows it; "" where it does not number its users.
func self() string {
	if uid := os.Getuid(); uid >= 0 {
		return desk.Person(uid)
	}
	return ""
}

// caller is who this user says to be: behind sudo there is a person.
func caller() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// explainOpen adds what to do to why a queue could not be opened, by this process or by its helper.
func explainOpen(err error) error {
	var locked *queue.LockedError
	if errors.As(err, &locked) {
		return fmt.Errorf("%w; an agent that starts or stops holds it, or one with another configuration: try again in a moment, "+
			"or name its file with --config", err)
	}
	return hinted(err, agent.Hint(err))
}

// explainDesk adds what to do to what went wrong.
func explainDesk(err error) error {
	var explained hintedError
	switch {
	case err == nil, errors.As(err, &explained):
		return err
	case errors.Is(err, queue.ErrLeased):
		return hinted(errors.New("this frame is on its way to the bucket at this moment; nothing was done"),
			"look again in a minute (shelf-agent queue show …): it is delivered then, or waits again.")
	case errors.Is(err, queue.ErrNotFound):
		return hinted(err, "the frames that are there: shelf-agent queue list")
	case errors.Is(err, queue.ErrClosed):
		return hinted(errors.New("the agent is stopping"), "run the same command again when it has stopped.")
	case errors.Is(err, queue.ErrBroken):
		return hinted(err, "the queue heals when the agent starts again: sudo shelf-agent service restart")
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOSPC):
		return hinted(err, agent.Hint(err))
	}
	return err
}
