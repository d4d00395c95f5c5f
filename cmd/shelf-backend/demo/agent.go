package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"shelfagent/agent/status"
)

// errEnded is an end without a failure, which is one before its time.
var errEnded = errors.New("exit code 0")

func (d *demo) startAgent() error {
	log, err := os.Create(d.path("agent.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()                                             // the child has its own
	d.agent = exec.Command(d.opts.Agent, "run", "--config", d.path("config.toml")) //nolint:gosec // the program that was asked for
	d.agent.Stdout, d.agent.Stderr = log, log
	d.agent.SysProcAttr = ownGroup()
	if err := d.agent.Start(); err != nil {
		return fmt.Errorf("starting the agent: %w", err)
	}
	d.exited = make(chan error, 1)
	go func() { d.exited <- d.agent.Wait() }()
	return nil
}

// awaitAgent waits until the agent answers.
func (d *demo) awaitAgent(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		snapshot, err := status.Ask(ctx, d.path("agent.sock"))
		if err == nil {
			d.say("agent    process %d, status page %s", snapshot.PID, snapshot.Page)
			return nil
		}
		select {
		case err := <-d.exited:
			d.exited <- err
			return fmt.Errorf("the agent ended at once (%w); its log:\n%s", cmp.Or(err, errEnded), d.logTail())
		case <-ctx.Done():
			return fmt.Errorf("the agent does not answer; its log:\n%s", d.logTail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stopAgent asks the agent to stop, as a service manager would, and wants a clean end.
func (d *demo) stopAgent() error {
	if err := d.agent.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the agent: %w", err)
	}
	select {
	case err := <-d.exited:
		d.exited <- err
		if err != nil {
			return fmt.Errorf("the agent did not stop cleanly (%w); its log:\n%s", err, d.logTail())
		}
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("the agent did not stop within 30 s; its log:\n%s", d.logTail())
	}
}

// killAgent makes sure that nothing is left running, whatever went wrong before.
func (d *demo) killAgent() {
	_ = d.agent.Process.Kill() // it has ended already if all went well
	end := <-d.exited
	d.exited <- end
}

// logTail is the end of the agent's log, in bytes enough for the reason of a failure.
func (d *demo) logTail() string {
	raw, err := os.ReadFile(d.path("agent.log"))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-4000):])
}
