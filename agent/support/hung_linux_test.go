package support

import (
	"fmt"
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

// gathered makes the archive, whatever hangs.
func (r *rig) gathered(t *testing.T) Bundle {
	t.Helper()
	r.options.patience = 500 * time.Millisecond
	made := make(chan Bundle, 1)
	go func() { made <- Gather(t.Context(), r.options) }()
	select {
	case b := <-made:
		must(t, b.Write(filepath.Join(r.dir, "a.tar.gz"), now))
		return b
	case <-time.After(30 * time.Second):
		t.Fatal("no archive is made")
		return Bundle{}
	}
}

// TestAHungMount: the archive is made, tells which disk does not answer, and has what the others say.
func TestAHungMount(t *testing.T) {
	r := newRig(t)
	r.journal(t, "the link is down\n")
	hung(t, filepath.Join(r.dir, "cameras"))
	must(t, os.Mkdir(filepath.Join(r.dir, "state/queue/tmp"), 0o700))
	hung(t, filepath.Join(r.dir, "state/queue/tmp"))
	b := r.gathered(t)
	wants := map[string][]string{
		"disk.txt":   {"capture.dir " + filepath.Join(r.dir, "cameras") + ": " + noAnswer, "MB free of"},
		"queue.json": {`"problem": "` + noAnswer + `"`, fmt.Sprintf(`"bytes": %d`, len(photographed))},
		"logs.txt":   {"the link is down"},
	}
	for _, p := range b.Parts {
		for _, want := range wants[p.Name] {
			if !strings.Contains(string(p.Text), want) {
				t.Errorf("%s does not say %q:\n%s", p.Name, want, p.Text)
			}
		}
	}
	if said := strings.Join(b.Contents(), "\n"); strings.Count(said, "a disk does not answer, as it says") != 2 {
		t.Errorf("it is not said what is missing:\n%s", said)
	}
}

// TestAHungDiskOfTheCertificate: its key lies there, too.
func TestAHungDiskOfTheCertificate(t *testing.T) {
	r := newRig(t)
	r.journal(t, "")
	hung(t, filepath.Join(r.dir, "pki"))
	b := r.gathered(t)
	if said := strings.Join(b.Contents(), "\n"); !strings.Contains(said, noAnswer) || !strings.Contains(b.Name, "unknown-rig") {
		t.Errorf("%s\n%s", b.Name, said)
	}
}
