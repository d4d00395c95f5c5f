package doctor

import (
	"context"
	"errors"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/status"
)

// Longest is the most that a whole walk takes of the network. A dead one is found out much sooner.
const Longest = 55 * time.Second

// asAgent is how to see with the agent's rights.
const asAgent = "sudo -u shelf-agent shelf-agent doctor"

// enrolAnew is how a rig gets a certificate.
const enrolAnew = "get a code from the cloud team, then sudo shelf-agent enroll"

// Walk takes the steps behind the configuration in order, and tells each result as it comes.
func Walk(ctx context.Context, c *config.Config, tell func(Result)) {
	ctx, cancel := context.WithTimeout(ctx, Longest)
	defer cancel()
	timed := func(step func() Result) {
		began := time.Now()
		tell(step().since(began))
	}
	var running asked
	timed(func() Result { running = askAgent(ctx, c.Status.Socket); return running.result() })
	timed(func() Result {
		return patient(diskTimeout, "capture folder", func() Result { return captureFolder(c.Capture.Dir) })
	})
	mayRun := !errors.Is(running.err, status.ErrNoAgent)
	timed(func() Result {
		return patient(diskTimeout, "watches", func() Result { return watches(c.Capture.Dir, mayRun) })
	})
	timed(func() Result { return patient(diskTimeout, "state folder", func() Result { return stateFolder(c) }) })
	timed(func() Result { return statusPage(running, c.Status) })

	link, broken := c.LinkOptions(nil)
	rig, unknown := c.UploaderOptions(nil)
	timed(func() Result { return localClock(rig.Identity, time.Now()) })
	if broken != nil {
		r := fail("link", broken.Error(), "Put the file there, or correct [backend], [upload] and [network] in the configuration.")
		r.Means = "The agent does not start with it."
		tell(r)
		skipTheRest(tell, "the way is not known")
		return
	}
	if unknown == nil {
		link = rig
	}
	backend, s3 := way(ctx, link, tell)
	timed(func() Result { return identity(rig.Identity, unknown, time.Now()) })
	switch {
	case unknown != nil:
		skipTheRest(tell, "it needs the device certificate and key")
	case !backend:
		skipTheRest(tell, "the way to the backend is closed")
	default:
		upload(ctx, rig, s3, tell)
	}
}

// diskTimeout ends the wait for a disk. A healthy one answers in milliseconds.
const diskTimeout = 10 * time.Second

// patient waits for a step so long and no longer: a network mount whose server is gone never answers, and nothing ends
// the wait for it but the end of this process.
func patient(most time.Duration, name string, step func() Result) Result {
	done := make(chan Result, 1)
	go func() { done <- step() }()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case r := <-done:
		return r
	case <-timer.C:
		r := fail(name, "the disk does not answer", "If the folder is on another machine, see whether that is there; then unmount it with umount -l, and mount it anew. "+
			"If it is a disk of this machine, see the system's log.")
		r.Means = "Frames can be neither read nor written there."
		return r
	}
}

func skipTheRest(tell func(Result), why string) {
	for _, step := range []string{"ticket", "clock offset", "canary", "proof", "no overwriting"} {
		tell(skipped(step, why))
	}
}
