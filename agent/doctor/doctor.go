package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shelfagent/agent/config"
	"shelfagent/uploader"
)

// Outcome of a step. The zero value is invalid.
type Outcome string

// Outcomes.
const (
	OK      Outcome = "ok"
	Warn    Outcome = "warn"
	Fail    Outcome = "fail"
	Skipped Outcome = "skipped"
)

// Result is one step.
type Result struct {
	Step    string  `json:"step"`
	Outcome Outcome `json:"outcome"`
	// Saw is what was found, Do what to do about it; Do is empty when all is well.
	Saw string `json:"saw"`
	Do  string `json:"do,omitempty"`
}

// Walk takes the steps in order and tells each result as it comes.
func Walk(ctx context.Context, c *config.Config, tell func(Result)) {
	tell(captureFolder(c.Capture.Dir))
	tell(stateFolder(c.StateDir))
	options, err := c.UploaderOptions(nil)
	if err != nil {
		tell(Result{"identity", Fail, err.Error(), "Ask the cloud team for this rig's certificate and key, and check [backend] in the configuration."})
		tell(Result{Step: "backend", Outcome: Skipped, Saw: "it needs an identity"})
		tell(Result{Step: "s3", Outcome: Skipped, Saw: "it needs an identity"})
		return
	}
	tell(identity(options.Identity, time.Now()))
	for _, door := range uploader.Doors(options) {
		tell(knock(ctx, door))
	}
}

func captureFolder(dir string) Result {
	const step = "capture folder"
	if _, err := os.ReadDir(dir); err != nil {
		return Result{step, Fail, err.Error(), "Check capture.dir in the configuration, that its disk is mounted, and that the agent's user may read it."}
	}
	// Taking a file away needs the right to write to the folder; trying is the only sure way to know.
	probe, err := os.CreateTemp(dir, ".shelf-agent-doctor-*")
	if err != nil {
		return Result{step, Fail, "files in it cannot be removed: " + err.Error(), "Give the agent's user, or its group, the right to write to " + dir + "."}
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return Result{step, Fail, "files in it cannot be removed: " + err.Error(), "Give the agent's user, or its group, the right to write to " + dir + "."}
	}
	return Result{Step: step, Outcome: OK, Saw: dir + " can be read and emptied"}
}

func stateFolder(dir string) Result {
	const step = "state folder"
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Result{step, Warn, fmt.Sprintf("%s is not there yet", dir), "The agent makes it at its first start."}
	}
	if _, err := os.ReadDir(filepath.Join(dir, "queue")); err != nil && !os.IsNotExist(err) {
		return Result{step, Fail, err.Error(), "Run the doctor as the agent's user or as root."}
	}
	return Result{Step: step, Outcome: OK, Saw: dir}
}

func identity(id *uploader.Identity, now time.Time) Result {
	const step = "identity"
	name, left := id.Name(), id.Expires().Sub(now)
	saw := fmt.Sprintf("store %s, rig %s; the certificate ends on %s", name.Store, name.Rig, id.Expires().Format("2006-01-02 15:04 MST"))
	switch {
	case left <= 0:
		return Result{step, Fail, saw, "Ask the cloud team for a new certificate, and check this machine's clock."}
	case left < 48*time.Hour:
		return Result{step, Warn, saw, "Ask the cloud team for a new certificate."}
	}
	return Result{Step: step, Outcome: OK, Saw: saw}
}

// knockTimeout ends a step that gets no answer.
const knockTimeout = 15 * time.Second

func knock(ctx context.Context, door uploader.Door) Result {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	saw, err := door.Knock(ctx)
	if err != nil {
		return Result{door.Name, Fail, uploader.Explain(uploader.Seen{Asked: door.Backend, Err: err}),
			fmt.Sprintf("Open %s in the firewall, without TLS interception; check DNS, the VPN and the configuration.", door.Address)}
	}
	return Result{Step: door.Name, Outcome: OK, Saw: saw}
}
