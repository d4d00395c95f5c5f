//go:build linux && (amd64 || arm64)

package powercut

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"shelfagent/queue"
)

// The processes that the rig makes of its own program. Each is told what to do on its standard input, in JSON.
const (
	roleWork    = "powercut-work"    // one shift
	roleInspect = "powercut-inspect" // answers questions until there are no more
	roleCheck   = "powercut-check"   // queue.Options.CheckCommand
)

// A queue that takes longer than openLimit to open hangs, as a damaged database can make it; with a check in a process of its
// own it must not, nor may anything that follows. A check that takes longer than hangs is ended.
const (
	openLimit    = 4 * time.Second
	checkedLimit = 60 * time.Second
	hangs        = 5 * time.Second
)

// checkDamaged is the exit code that says so; see queue.CheckExitCode.
const checkDamaged = 3

// runChild does what a process was started for by the rig, and returns its exit code. False: by someone else.
func runChild(args []string) (code int, ours bool) {
	if len(args) == 0 {
		return 0, false
	}
	var err error
	switch args[0] {
	case roleWork:
		var s shift
		if err = json.NewDecoder(os.Stdin).Decode(&s); err == nil {
			err = work(s)
		}
	case roleInspect:
		err = answer(os.Stdin, os.Stdout)
	case roleCheck:
		return check(args[1]), true
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, args[0], "failed:", err)
		return 1, true
	}
	return 0, true
}

// check is the check of a database in a process of its own. One that hangs is damaged; the queue gives it twenty seconds
// to find that out, and the rig fewer.
func check(path string) int {
	ended := make(chan error, 1)
	go func() { ended <- queue.CheckFile(path) }()
	select {
	case err := <-ended:
		return queue.CheckExitCode(err)
	case <-time.After(hangs):
		return checkDamaged
	}
}

func answer(in io.Reader, out io.Writer) error {
	questions, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var ask question
		if err := questions.Decode(&ask); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		opened := func() error { return answers.Encode(report{}) }
		if err := answers.Encode(inspect(ask, opened)); err != nil {
			return err
		}
	}
}

// child is a process of the rig.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *tail
}

func startChild(role string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, role), stderr: &tail{}} //nolint:gosec // this program
	c.cmd.Stderr = c.stderr
	c.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=50") // the race detector's second at every exit is many
	// What is left behind would keep a file system busy.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// tell hands the process something to do.
func (c *child) tell(v any) error { return json.NewEncoder(c.in).Encode(v) }

// wait returns how the process ended, with what it said.
func (c *child) wait() error {
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, c.stderr)
	}
	return nil
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended
	_ = c.cmd.Wait()         // killed
}

// inspector has states inspected, in one process for as long as it lives.
type inspector struct{ c *child }

// inspect puts a question. A process that dies of opening the queue or hangs is asked again with the check in a process of
// its own, as the program does it; only if that does not help, the queue does not open. Once it is open it is used, and
// what is found then is not the state that the cut has left: nobody is asked again.
func (i *inspector) inspect(ask question) report {
	r, opened := i.try(ask, openLimit)
	if r.Died == "" || opened {
		return r
	}
	self, err := os.Executable()
	if err != nil {
		return report{Died: err.Error()}
	}
	ask.Check = []string{self, roleCheck}
	r, _ = i.try(ask, checkedLimit)
	return r
}

// try puts a question once. The first line of the answer says that Open has returned, with whatever; the second
// line is the report.
func (i *inspector) try(ask question, limit time.Duration) (r report, opened bool) {
	if i.c == nil {
		c, err := startChild(roleInspect)
		if err != nil {
			return report{Died: err.Error()}, false
		}
		i.c = c
	}
	timer := time.AfterFunc(limit, func() { _ = i.c.cmd.Process.Kill() })
	defer timer.Stop()
	line, err := []byte(nil), i.c.tell(ask)
	if err == nil {
		_, err = i.c.out.ReadBytes('\n')
		opened = err == nil
	}
	if opened {
		timer.Reset(checkedLimit)
		line, err = i.c.out.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	if err != nil {
		_ = i.c.cmd.Process.Kill()
		r = report{Died: fmt.Sprintf("%v: %v", err, i.c.wait())}
		i.c = nil
	}
	return r, opened
}

// close ends the process, and returns what it died of; the race detector, for one, says so at the end.
func (i *inspector) close() error {
	if i.c == nil {
		return nil
	}
	_ = i.c.in.Close() // the process ends at the end of its input
	return i.c.wait()
}

// tail keeps the last words of a process.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = t.b[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}
