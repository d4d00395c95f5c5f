//go:build amd64 || arm64

package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/doctor"
)

// TestDoctorWithAWrongClock: the clock is named, and the words say to set it first.
func TestDoctorWithAWrongClock(t *testing.T) {
	r := newRig(t, plan{})
	r.startBackend()
	r.backendListens()
	for name, ahead := range map[string]time.Duration{"ahead": 20 * time.Minute, "behind": -20 * time.Minute} {
		wrong := &clock{}
		wrong.jump(ahead)
		out := r.path(name + ".json")
		p := start(t, out, wrong, nil, "shelf-agent", "doctor", "--json", "--config", r.path("agent.toml"))
		err := <-p.ended
		p.ended <- err
		text, readErr := os.ReadFile(out)
		if err == nil || readErr != nil {
			t.Fatalf("it ended with %v (%v)", err, readErr)
		}
		said := readSteps(t, text)
		side := map[string]string{"ahead": "1200 s behind", "behind": "1200 s ahead of"}[name]
		if off := said["clock offset"].ClockOffset; off == nil || (time.Duration(*off*float64(time.Second))+ahead).Abs() > 3*time.Second {
			t.Errorf("%s: %+v", name, said["clock offset"])
		}
		said.reads(t, "ticket", doctor.Fail, "ticket refused (", "Set this machine's clock: sudo timedatectl set-ntp true")
		if got := said["clock offset"]; got.Outcome != doctor.Fail || got.Condition != "clock_wrong" || !strings.Contains(strings.ReplaceAll(got.Saw, "1199", "1200"), side) {
			t.Errorf("%s: %+v", name, got)
		}
		said.reads(t, "canary", doctor.Skipped, "there is no ticket", "")
	}
}
