package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/health"
	"shelfagent/uploader"
	"shelfagent/uploader/device"
)

// identity says who this rig is, or why that cannot be said: err is what came of reading the files.
func identity(id *uploader.Identity, err error, now time.Time) Result {
	const step = "identity"
	if err != nil {
		return noIdentity(step, err)
	}
	name, left := id.Name(), id.Expires().Sub(now)
	who, when := fmt.Sprintf("store %s, rig %s", name.Store, name.Rig), id.Expires().UTC().Format("2006-01-02 15:04 MST")
	switch {
	case left <= 0:
		return fail(step, who+"; the certificate ended on "+when,
			"Check that this machine's clock is right. If it is, the rig has to be enrolled anew: "+enrolAnew+".").is(health.CertificateEnded)
	case id.EndsSoon(now):
		return warn(step, who+"; the certificate ends soon, on "+when, "A running agent should have renewed it: see what "+
			"`shelf-agent status` says. If nothing helps, "+enrolAnew+".").is(health.CertificateEnds)
	}
	return ok(step, who+"; the certificate ends on "+when)
}

func noIdentity(step string, err error) Result {
	var sealed *config.SealedError
	if errors.As(err, &sealed) {
		return sealedKey(step, sealed)
	}
	r := fail(step, err.Error(), "Do what is said above. If the certificate itself is wrong, ask the cloud team for a new one of this rig: "+enrolAnew+".")
	r.Means = "Without its certificate and key the rig gets no tickets."
	var missing *device.MissingError
	switch {
	case errors.As(err, &missing):
		r.Do = "If this rig was never enrolled: " + enrolAnew + ". If it was, put the file there, or correct its place in [backend]."
	case errors.Is(err, fs.ErrNotExist):
		r.Do = "Put the file there, or correct its place in [backend] or [upload]."
	case errors.Is(err, fs.ErrPermission):
		r.Saw += ": only the agent's user and root may"
		r.Means = "That is as it should be, but what needs the key cannot be tried by this user."
		r.Do = "Try as the agent's user: " + asAgent + ". If it is the same there, make that user the owner of the file."
	}
	return r
}

// sealedKey is no fault: the service has the key, and nobody else can try what needs it.
func sealedKey(step string, sealed *config.SealedError) Result {
	r := skipped(step, sealed.Error())
	r.Means = "What needs the key cannot be tried by hand. A running agent has it, and says whether backend and S3 take its frames."
	r.Do = "Ask the agent: sudo shelf-agent status. Do not enrol for this."
	if sealed.Maybe {
		r.Do += " If no agent runs: sudo ls " + filepath.Dir(sealed.File) + ". If the key is not there either, it is lost: " + enrolAnew + "."
	}
	return r
}
