package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/devpki"
)

// TestP8_LifeOfARig: a machine becomes a rig by a code, is revoked in the middle of its work, films on meanwhile, says why
// nothing leaves, and comes back by another code, without a restart.
func TestP8_LifeOfARig(t *testing.T) {
	r := newRig(t, plan{bucket: bucketFor(t)})
	who := devpki.Rig{Store: store, Rig: "of-" + r.bucket}
	files := r.s3.PKI.RigFiles(who)
	for _, file := range []string{files.Cert, files.Key} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	r.enrols()
	r.startBackend()
	r.awaitBackend()

	r.enroll(who)
	r.startAgent()
	frames := newShop(r.path("capture"))
	frames.shootSome(t, 2)
	r.await("an enrolled rig delivers", recovery, allDelivered(2))

	r.run("shelf-backend", "rig", "revoke", "--config", r.path("backend.toml"), "--store", who.Store, "--rig", who.Rig, "--reason", "stolen")
	frames.shootSome(t, 2)
	const why = "the backend answered 403 revoked"
	r.await("the frames are safe, and the backend says no", recovery, func(s status.Snapshot) bool {
		return s.Queue.Waiting == 2 && reads("backend_denied", why)(s)
	})
	r.says("backend_denied", why)

	r.enroll(who, "--yes")
	r.await("everything is delivered", recovery, allDelivered(4))
	r.isWell()
	r.agent.stop()
	r.bucketHolds(frames)
	r.nothingIsLeft(4)
}

// enrols gives the backend a registry, and the authority that signs.
func (r *rig) enrols() {
	r.t.Helper()
	file, err := os.ReadFile(r.path("backend.toml"))
	if err != nil {
		r.t.Fatal(err)
	}
	ca := r.s3.PKI.CA
	r.write("backend.toml", fmt.Sprintf("%s\n[registry]\nkind = \"file\"\npath = %q\n[enrolment]\nurl = \"https://%s\"\nca_certificate = %q\nca_key = %q\n",
		file, r.path("registry.db"), r.backendAddr, ca.Cert, ca.Key))
}

// enroll does what the cloud team and the technician do.
func (r *rig) enroll(who devpki.Rig, flags ...string) {
	r.t.Helper()
	var invitation struct{ Code string }
	out := r.run("shelf-backend", "rig", "invite", "--config", r.path("backend.toml"), "--store", who.Store, "--rig", who.Rig, "--json")
	if err := json.Unmarshal(out, &invitation); err != nil || invitation.Code == "" {
		r.t.Fatalf("%v, %s", err, out)
	}
	r.run("shelf-agent", append([]string{"enroll", "--config", r.path("agent.toml"), "--code", invitation.Code}, flags...)...)
}

// run is one command to its end, which must be a good one.
func (r *rig) run(program string, args ...string) []byte {
	r.t.Helper()
	var problems strings.Builder
	cmd := exec.Command(filepath.Join(programs, program), args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("%s %v: %v\n%s%s", program, args, err, out, problems.String())
	}
	return out
}
