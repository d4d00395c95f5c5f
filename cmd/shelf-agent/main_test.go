package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"shelfagent/uploader/backend/devpki"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"shelf-agent": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitCode, "rig": makeRig, "replace": replace, "start": start, "terminate": terminate,
			"systemd": listenAsSystemd, "heard": heard, "unheard": unheard, "hangup": hangup,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[runningKey{}] = &running{}
			frames, err := filepath.Abs("../../testdata/frames")
			env.Setenv("FRAMES", frames)
			env.Setenv("NL", "\n")
			return err
		},
		Condition: func(name string) (bool, error) {
			if name != "installed" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			word, err := serviceState()
			return err != nil || !strings.HasPrefix(word, "not installed"), nil
		},
	})
}

// status CODE PROGRAM ARG... runs a program that must end with the exit code.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
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

// rig makes a rig's folder: config.toml, pki/, cameras/. Nothing listens where it sends. $SOCKET is where its
// agent will answer: not in the folder, whose path may be too long for a socket.
func makeRig(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: rig")
	}
	run, err := os.MkdirTemp("", "sa")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(run) })
	ts.Setenv("SOCKET", filepath.Join(run, "agent.sock"))
	ts.Check(rigFolder(ts.MkAbs("."), ts.Getenv("SOCKET")))
}

// makeRigFolder is the command rig for other tests; it returns the configuration's name.
func makeRigFolder(t *testing.T, dir string) string {
	t.Helper()
	run, err := os.MkdirTemp("", "sa")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	if err := rigFolder(dir, filepath.Join(run, "agent.sock")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "config.toml")
}

func rigFolder(dir, socket string) error {
	id := devpki.Rig{Store: "4711", Rig: "left"}
	pki, err := devpki.Create(filepath.Join(dir, "pki"), devpki.Options{Rigs: []devpki.Rig{id}})
	if err != nil {
		return err
	}
	files := pki.RigFiles(id)
	return errors.Join(os.Mkdir(filepath.Join(dir, "cameras"), 0o700), os.WriteFile(filepath.Join(dir, "config.toml"), fmt.Appendf(nil, `state_dir = '%s'
[capture]
dir = '%s'
[backend]
url = "https://127.0.0.1:1"
certificate = '%s'
key = '%s'
[upload]
hosts = ["127.0.0.1:1/frames"]
[status]
socket = '%s'
listen = "127.0.0.1:0"
[development]
allow_loopback = true
`, filepath.Join(dir, "state"), filepath.Join(dir, "cameras"), files.Cert, files.Key, socket), 0o600))
}

// replace OLD NEW FROM TO copies a file with another text in it.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: replace OLD NEW FROM TO")
	}
	raw := ts.ReadFile(args[2])
	if !strings.Contains(raw, args[0]) {
		ts.Fatalf("%s does not hold %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(strings.Replace(raw, args[0], args[1], 1)), 0o600))
}

// running is the agent that a script has started; each script has one.
type running struct {
	process *exec.Cmd
	log     chan string // the whole of it, once the process has ended
	systemd *net.UnixConn
}

type runningKey struct{}

// start ARG... runs shelf-agent and returns when its log says that it runs.
func start(ts *testscript.TestScript, neg bool, args []string) {
	program, err := exec.LookPath("shelf-agent")
	ts.Check(err)
	cmd := exec.Command(program, args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), notifyEnvironment(ts)...)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	r := ts.Value(runningKey{}).(*running)
	r.process, r.log = cmd, make(chan string, 1)
	ready := make(chan struct{})
	go func() {
		var log strings.Builder
		lines := bufio.NewScanner(stderr)
		said := false
		for lines.Scan() {
			fmt.Fprintln(&log, lines.Text())
			if !said && strings.Contains(lines.Text(), "shelf-agent runs") {
				said = true
				close(ready)
			}
		}
		r.log <- log.String()
		if !said {
			close(ready)
		}
	}()
	<-ready
	select {
	case log := <-r.log:
		ts.Fatalf("it ended: %v\n%s", cmd.Wait(), log)
	default:
	}
	ts.Defer(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// terminate ends the agent that start started by SIGTERM; it must end well. A command called stop would be testscript's
// own, which ends the script.
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	r := ts.Value(runningKey{}).(*running)
	if r.process == nil {
		ts.Fatalf("nothing was started")
	}
	ts.Check(r.process.Process.Signal(syscall.SIGTERM))
	log := <-r.log
	if err := r.process.Wait(); err != nil {
		ts.Fatalf("%v\n%s", err, log)
	}
	ts.Logf("%s", log)
}

func TestEveryCommandExplainsItself(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		if cmd.Short == "" || cmd.Example == "" || !strings.Contains(cmd.Long, "Exit codes:") {
			t.Errorf("%s: the help lacks a summary, an example or the exit codes", cmd.CommandPath())
		}
		for _, line := range strings.Split(cmd.Long+"\n"+cmd.Example, "\n") {
			if len(line) > 120 {
				t.Errorf("%s: a line of the help is too long: %s", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(rootCommand())
}

// TestExamplesAreCommands holds the examples against the program.
func TestExamplesAreCommands(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, line := range strings.Split(cmd.Example, "\n") {
			_, words, ok := strings.Cut(line+" ", "shelf-agent ")
			for ok && strings.HasPrefix(words, "shelf-agent ") { // sudo -u shelf-agent shelf-agent
				_, words, ok = strings.Cut(words, "shelf-agent ")
			}
			words, _, _ = strings.Cut(words, ">")
			found, rest, err := rootCommand().Find(strings.Fields(words))
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err != nil || strings.TrimSpace(words) != "" && found.Parent() == nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			}
		}
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				visit(sub)
			}
		}
	}
	visit(rootCommand())
}
