package e2e

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/doctor"
)

// steps are what a doctor said, by step.
type steps map[string]doctor.Result

// readSteps reads what `shelf-agent doctor --json` printed.
func readSteps(t *testing.T, out []byte) steps {
	t.Helper()
	said := steps{}
	for line := range strings.Lines(string(out)) {
		var r doctor.Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		said[r.Step] = r
	}
	return said
}

// doctor runs one on the rig.
func (r *rig) doctor() steps {
	r.t.Helper()
	return readSteps(r.t.(*testing.T), r.tell("doctor", "--json", "--config", r.path("agent.toml"))) //nolint:forcetypeassert // no benchmark asks
}

// reads fails the test unless a step has this outcome and these words.
func (s steps) reads(t *testing.T, step string, outcome doctor.Outcome, saw, do string) {
	t.Helper()
	got := s[step]
	if got.Outcome != outcome || !strings.Contains(got.Saw, saw) || !strings.Contains(got.Do, do) {
		t.Errorf("%s: %+v, want %s, %q, %q", step, got, outcome, saw, do)
	}
}

// backendListens returns when a doctor would meet the backend.
func (r *rig) backendListens() {
	r.t.Helper()
	for deadline := time.Now().Add(recovery); ; <-time.After(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", r.backendAddr)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal(err)
		}
	}
}

// proven fails the test unless the whole way was gone.
func (s steps) proven(t *testing.T) {
	t.Helper()
	for _, step := range []string{"ticket", "clock offset", "canary", "proof", "no overwriting"} {
		s.reads(t, step, doctor.OK, "", "")
	}
}

// TestDoctorBesideTheAgent: it goes the whole way while the agent does, and leaves it alone.
func TestDoctorBesideTheAgent(t *testing.T) {
	r := newRig(t, plan{})
	r.startBackend()
	r.backendListens()
	r.doctor().proven(t) // no agent has run here
	r.startAgent()
	frames := newShop(r.path("capture"))
	frames.shootSome(t, 3)
	r.await("everything is delivered", recovery, allDelivered(3))
	said := r.doctor()
	said.proven(t)
	said.reads(t, "agent", doctor.OK, "it runs, as process ", "")
	r.agent.stop()
	r.bucketHolds(frames)
	r.nothingIsLeft(3)
	if keys := r.s3.Keys(t, r.bucket, "canary/"); len(keys) != 2 {
		t.Errorf("canaries %q, want two", keys)
	}
}
