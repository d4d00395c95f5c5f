//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/agent/desk"
	"shelfagent/queue"
)

// queueHelperName is the hidden command that root starts as the queue's owner. It is given a listening socket as
// file 3, and the queue's options on stdin, whose end is its own.
const queueHelperName = "helper"

// owner is the user and group of the queue's folder.
type owner struct{ uid, gid uint32 }

// foreignOwner tells whether a folder belongs to another user than this process's.
func foreignOwner(info fs.FileInfo) (bool, owner) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false, owner{}
	}
	return int(stat.Uid) != os.Geteuid(), owner{stat.Uid, stat.Gid}
}

// thisProgram is a path that the queue's owner can run as well: the program may lie in a folder of root's.
func thisProgram() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// withHelper has the queue opened by a process of its owner's, and is that process's only client.
func withHelper(ctx context.Context, options queue.Options, o owner, say io.Writer, do func(context.Context, desk.Desk) error) (err error) {
	dir, err := os.MkdirTemp("", "shelf-agent-") // mode 0700: nobody else finds the socket
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	socket := filepath.Join(dir, "s")
	end, err := startHelper(socket, options, o, say)
	if err != nil {
		return fmt.Errorf("opening the queue as its owner, user %d: %w", o.uid, err)
	}
	client := desk.Dial(socket)
	if _, err = client.Stats(ctx); err == nil {
		err = do(ctx, client)
	} else {
		err = explainOpen(err)
	}
	client.Close()
	return errors.Join(err, end())
}

// startHelper returns what ends the helper and waits for it.
func startHelper(socket string, options queue.Options, o owner, say io.Writer) (end func() error, err error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// With this process's copies closed, the helper's end is the end of the socket: nobody waits for one that is gone.
	listener.SetUnlinkOnClose(false)
	defer func() { err = errors.Join(err, listener.Close()) }()
	handed, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, handed.Close()) }()
	program, err := thisProgram()
	if err != nil {
		return nil, err
	}
	options.Logger, options.CheckCommand = nil, nil
	given, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "queue", queueHelperName) //nolint:gosec // this very program
	cmd.Args[0] = os.Args[0]
	cmd.ExtraFiles, cmd.Stderr, cmd.Dir = []*os.File{handed}, say, "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: o.uid, Gid: o.gid}}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	end = func() error {
		_ = stdin.Close() // it may be gone already; Wait tells
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("the process that opened the queue: %w", err)
		}
		return nil
	}
	if _, err := stdin.Write(append(given, '\n')); err != nil {
		return nil, errors.Join(err, end())
	}
	return end, nil
}

func queueHelperCommand() *cobra.Command {
	return &cobra.Command{
		Use: queueHelperName, Hidden: true, Args: args(cobra.NoArgs),
		Short:   "Serve a queue to the process that started this one",
		Long:    "Helper is started by `shelf-agent queue` itself, as the user who owns the queue." + exitCodesHelp,
		Example: "  (not to be called by hand)",
		RunE: func(cmd *cobra.Command, _ []string) error {
			// An interrupt reaches the whole group; this process ends when the one that started it has.
			ctx, cancel := context.WithCancel(context.WithoutCancel(cmd.Context()))
			defer cancel()
			decoder := json.NewDecoder(os.Stdin)
			var options queue.Options
			if err := decoder.Decode(&options); err != nil {
				return usageError{fmt.Errorf("no options on stdin: %w", err)}
			}
			go func() {
				defer cancel()
				_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it, it is the end
			}()
			listener, err := net.FileListener(os.NewFile(3, "socket"))
			if err != nil {
				return usageError{fmt.Errorf("no socket as file 3: %w", err)}
			}
			err = withQueue(ctx, options, os.Stderr, func(ctx context.Context, q *queue.Queue) error {
				return serveQueue(ctx, listener, desk.Handler(q, slog.New(slog.DiscardHandler)))
			})
			if err != nil && ctx.Err() == nil {
				return serveQueue(ctx, listener, desk.Refuse(err)) // said where it is heard
			}
			return nil
		},
	}
}

// serveQueue answers until ctx ends.
func serveQueue(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ConnContext: desk.ConnContext, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}
