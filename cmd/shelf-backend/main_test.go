package main

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shelf-backend": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status, "serve": serveFor, "halt": stopServer},
		Setup:               func(env *testscript.Env) error { env.Values[server{}] = &server{}; return nil },
	})
}

// status CODE PROGRAM ARG... runs a program that must end with the exit code.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM ARG...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// server is a script's running server, if there is one.
type server struct{ cmd *exec.Cmd }

// serve FILE starts a server, and returns when it listens. It ends with the script, or before by halt.
func serveFor(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(server{}).(*server)
	if neg || len(args) != 1 || s.cmd != nil {
		ts.Fatalf("usage: serve FILE, once")
	}
	cmd, addr, err := startServer(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	s.cmd = cmd
	ts.Setenv("SERVER", addr)
	ts.Defer(func() {
		if s.cmd != nil {
			ts.Check(errors.Join(s.cmd.Process.Kill(), s.cmd.Process.Release()))
		}
	})
}

// halt ends the server by SIGTERM. (stop is a command of testscript itself: it ends the script.)
func stopServer(ts *testscript.TestScript, _ bool, _ []string) {
	s := ts.Value(server{}).(*server)
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	ts.Check(s.cmd.Wait())
	s.cmd = nil
}

func TestEveryCommandExplainsItself(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Example == "" || !strings.Contains(cmd.Long, "Exit codes:") {
			t.Errorf("%s: the help lacks a summary, an example or the exit codes", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(rootCommand())
}
