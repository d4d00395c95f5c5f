package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/capture/deafmount"
)

// hung mounts a file system on dir that does not answer, as a network mount whose server is gone.
func hung(t *testing.T, dir string) {
	t.Helper()
	deafmount.Mount(t, t.TempDir(), dir).Deafen()
}

// TestHungDisksTakeNothingOfTheNetworksTime: they are waited for longer than the network may take, and it is found well.
func TestHungDisksTakeNothingOfTheNetworksTime(t *testing.T) {
	r := newRig(t, cloud(t))
	r.begin(t)
	hung(t, r.c.Capture.Dir)
	hung(t, r.c.StateDir)
	r.limits = limits{disks: 4 * time.Second, network: 3 * time.Second}
	began := time.Now()
	results := r.walk(t)
	if took := time.Since(began); took > r.limits.disks+r.limits.network {
		t.Errorf("it took %s", took)
	}
	for _, step := range []string{"capture folder", "watches", "state folder"} {
		if got := find(results, step, ""); got.Outcome != Fail || got.Saw != "the disk does not answer" {
			t.Errorf("%+v", got)
		}
	}
	for _, step := range []string{"backend tls", "identity", "ticket", "canary", "proof", "no overwriting"} {
		if got := find(results, step, ""); got.Outcome != OK {
			t.Errorf("%+v", got)
		}
	}
}

// TestAHungDiskOfTheCertificate ends no walk: where the files lie that it needs, nobody answers.
func TestAHungDiskOfTheCertificate(t *testing.T) {
	r := newRig(t, cloud(t))
	r.begin(t)
	dir := filepath.Join(r.dir, "identity")
	must(t, os.Mkdir(dir, 0o700))
	hung(t, dir)
	r.c.Backend.Certificate = filepath.Join(dir, "rig.pem")
	r.limits.disks = time.Second
	results := r.walk(t)
	if got := find(results, "identity", ""); got.Outcome != Fail || !strings.Contains(got.Saw, "does not answer") {
		t.Errorf("%+v", got)
	}
	if got := find(results, "backend tls", ""); got.Outcome != OK {
		t.Errorf("the way needs no certificate to be looked at: %+v", got)
	}
}
