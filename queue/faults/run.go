//go:build linux && (amd64 || arm64)

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Action is what happens at the chosen call.
type Action uint8

// The actions. The zero Action is none: calls are counted only.
const (
	Count Action = iota
	KillBefore
	KillAfter
	KillTorn
	Fail
)

var actionNames = [...]string{"count", "kill before", "kill after", "kill torn", "fail"}

func (a Action) String() string { return actionNames[a] }

// Fault says what happens to which call.
type Fault struct {
	Do     Action
	At     int             // which one of the calls that Only selects, from 1
	Only   func(Call) bool // nil: all
	Errno  syscall.Errno   // of Fail
	Always bool            // Fail: that call and all later ones that Only selects, until Tell("lift")
}

// Run is one life of a process under test.
type Run struct {
	Dir   string        // files below it are watched; it must exist
	Argv  []string      // a program that calls Submit
	Env   []string      // beside the environment of this process
	Fault Fault         //
	Limit time.Duration // after which it counts as hung; 0: 30 s
	Trace bool          // keep Outcome.Calls
}

// Outcome is what became of it.
type Outcome struct {
	Count  int    // calls seen; of those that Fault.Only selects
	Calls  []Call // with Run.Trace: all of them, selected or not
	Hit    Call   // where the fault happened, the first time; N is 0 if it did not
	Hits   int    // how often; for an Errno that is not Always, at most once
	Killed bool   // by the fault
	Hung   bool   // it was ended at Run.Limit; Stderr has its goroutines
	Exit   int    // its exit code; -1 when a signal ended it
	Stdout string
	Stderr string
}

const defaultLimit = 30 * time.Second

// Do runs the process to its end. Its errors are those of the rig, not of the process.
func (r Run) Do(ctx context.Context) (Outcome, error) {
	dir, err := filepath.EvalSymlinks(r.Dir)
	if err != nil {
		return Outcome{}, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Outcome{}, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer func() { _ = ours.Close() }()
	cmd, out := r.command(ctx, dir, theirs)
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		return Outcome{}, err
	}
	w := &watcher{dir: dir, fault: r.Fault, trace: r.Trace, group: cmd.Process.Pid, rules: map[uint32]*rule{}}
	l, err := receiveListener(int(ours.Fd()), defaultLimit)
	if err != nil {
		_ = w.kill()
		_ = cmd.Wait()
		return Outcome{}, fmt.Errorf("%w: %s", err, out.stderr.Bytes())
	}
	w.listener = l
	return r.watch(cmd, w, out)
}

// output is what a process says.
type output struct{ stdout, stderr bytes.Buffer }

func (r Run) command(ctx context.Context, dir string, socket *os.File) (*exec.Cmd, *output) {
	out := &output{}
	cmd := exec.CommandContext(ctx, r.Argv[0], r.Argv[1:]...) //nolint:gosec // the caller's own program
	cmd.Env = append(os.Environ(), envSocket+"=3", envDir+"="+dir)
	// The runtime interrupts long calls by a signal; see install.
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1", "GOTRACEBACK=all")
	cmd.Env = append(cmd.Env, r.Env...)
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Stdout, cmd.Stderr = &out.stdout, &out.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	return cmd, out
}

// watch answers until the process has ended.
func (r Run) watch(cmd *exec.Cmd, w *watcher, out *output) (Outcome, error) {
	defer func() { _ = unix.Close(w.listener.fd) }()
	stopped, stop, err := os.Pipe()
	if err != nil {
		return Outcome{}, errors.Join(err, w.kill(), cmd.Wait())
	}
	defer func() { _ = stopped.Close() }()
	watched := make(chan error, 1)
	go func() { watched <- w.loop(stopped) }()
	limit := r.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	ended := make(chan struct{})
	hung := make(chan bool, 1)
	go func() { hung <- endIfHung(w, ended, limit) }()
	_ = cmd.Wait() // how it ended is in ProcessState
	close(ended)
	_ = stop.Close()
	err = <-watched
	o := w.outcome
	o.Hung, o.Exit = <-hung, cmd.ProcessState.ExitCode()
	o.Stdout, o.Stderr = out.stdout.String(), out.stderr.String()
	return o, err
}

// endIfHung asks a process that takes too long for its goroutines, and ends it.
func endIfHung(w *watcher, ended <-chan struct{}, limit time.Duration) bool {
	select {
	case <-ended:
		return false
	case <-time.After(limit):
	}
	_ = unix.Kill(w.group, unix.SIGQUIT)
	select {
	case <-ended:
	case <-time.After(3 * time.Second):
		_ = w.kill()
	}
	return true
}

// Tell speaks to the watcher, in step with the calls of this process: what was told has happened when Tell returns. "lift"
// ends a Fault that is an errno.
func Tell(what string) {
	// The answer to an open that the watcher knows is always that there is no such file.
	f, err := os.Open(filepath.Join(os.Getenv(envDir), tellPrefix+what))
	if err == nil {
		_ = f.Close()
	}
}

const tellPrefix = ".tell-"

func (c Call) String() string { return "#" + strconv.Itoa(c.N) + " " + c.Name + " " + c.Path }
