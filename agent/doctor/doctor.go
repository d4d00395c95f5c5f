package doctor

import (
	"context"
	"errors"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/status"
)

// Longest is the most that a whole walk takes of the network. A dead one is found out much sooner.
const Longest = 44 * time.Second

// diskTimeout ends the wait for the disks, which are asked at once. Healthy ones answer in milliseconds.
const diskTimeout = 10 * time.Second

// asAgent is how to see with the agent's rights.
const asAgent = "sudo -u shelf-agent shelf-agent doctor"

// enrolAnew is how a rig gets a certificate.
const enrolAnew = "get a code from the cloud team, then sudo shelf-agent enroll"

// Walk takes the steps behind the configuration in order, and tells each result as it comes.
func Walk(ctx context.Context, c *config.Config, tell func(Result)) {
	limits{diskTimeout, Longest}.walk(ctx, c, tell)
}

// limits are how long a walk waits for all disks together, and then for the network. A disk takes nothing of the other's
// time: a network that had too little would look dead.
type limits struct{ disks, network time.Duration }

func (l limits) walk(ctx context.Context, c *config.Config, tell func(Result)) {
	timed := func(step func() Result) {
		began := time.Now()
		tell(step().since(began))
	}
	var running asked
	timed(func() Result { running = askAgent(ctx, c.Status.Socket); return running.result() })
	mayRun := !errors.Is(running.err, status.ErrNoAgent)

	disks, enough := context.WithTimeout(context.WithoutCancel(ctx), l.disks)
	defer enough()
	steps := []func() Result{
		diskStep(disks, "capture folder", func() Result { return captureFolder(c.Capture.Dir) }),
		diskStep(disks, "watches", func() Result { return watches(c.Capture.Dir, mayRun) }),
		diskStep(disks, "state folder", func() Result { return stateFolder(c) }),
	}
	wayRead, rigRead := read(disks, c.LinkOptions), read(disks, c.UploaderOptions)
	for _, step := range steps {
		tell(step())
	}
	timed(func() Result { return statusPage(running, c.Status) })
	link, rig := wayRead(), rigRead()
	timed(func() Result { return localClock(rig.options.Identity, time.Now()) })

	ctx, cancel := context.WithTimeout(ctx, l.network)
	defer cancel()
	afar(ctx, link, rig, tell)
}

// afar takes the steps that need the network.
func afar(ctx context.Context, link, rig found, tell func(Result)) {
	if link.err != nil {
		r := fail("link", link.err.Error(), "Put the file there, or correct [backend], [upload] and [network] in the configuration.")
		r.Means = "The agent does not start with it."
		tell(r)
		skipTheRest(tell, "the way is not known")
		return
	}
	if rig.err == nil {
		link = rig
	}
	backend, s3 := way(ctx, link.options, tell)
	began := time.Now()
	tell(identity(rig.options.Identity, rig.err, began).since(began))
	switch {
	case rig.err != nil:
		skipTheRest(tell, "it needs the device certificate and key")
	case !backend:
		skipTheRest(tell, "the way to the backend is closed")
	default:
		upload(ctx, rig.options, s3, tell)
	}
}

func skipTheRest(tell func(Result), why string) {
	for _, step := range []string{"ticket", "clock offset", "canary", "proof", "no overwriting"} {
		tell(skipped(step, why))
	}
}
