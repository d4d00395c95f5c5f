package queue

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// A process that is killed leaves names that are seen, but that a power cut could still take. The next one makes
// them durable before it relies on them.
func TestP1_NamesOfAKilledProcess(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, testOptions(dir))
	mustPut(t, q, frameOf("cam-1", 1))
	must(t, q.Close())
	must(t, os.Remove(q.markerPath()))
	n := frameOf("cam-1", 2)
	must(t, os.WriteFile(q.payloadPath(n.mustID()), n.Payload, 0o600)) // its rename was the last thing that was done

	f := &faults{}
	q = openFault(t, testOptions(dir), f.hook)
	mustPut(t, q, n) // is known, and its source may go
	wantStats(t, q, 2, 0, 0, 0, 0)
	steps := f.steps()
	commit := slices.Index(steps, "commit queue.db")
	for _, want := range []string{"syncdir " + filepath.Base(dir), "syncdir payload", "syncdir cam-1"} {
		if at := slices.Index(steps, want); at < 0 || at > commit {
			t.Errorf("no %q before the commit in %q", want, steps)
		}
	}
	if slices.Contains(steps, "syncdir "+filepath.Base(filepath.Dir(dir))) {
		t.Errorf("the database was there, and so the directory: %q", steps)
	}
}

// Before there is a database, the directory itself may have been made by the process that was killed.
func TestP1_NameOfTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "above", "queue")
	must(t, os.MkdirAll(dir, 0o700))
	f := &faults{}
	openFault(t, testOptions(dir), f.hook)
	if steps := f.steps(); !slices.Contains(steps, "syncdir above") {
		t.Errorf("no sync of the directory above in %q", steps)
	}
}

// A directory whose name could not be made durable is there, but is not relied upon.
func TestP1_DirectoryWithoutADurableName(t *testing.T) {
	f := &faults{}
	q := openFault(t, testOptions(t.TempDir()), f.hook)
	f.arm(2, "", syscall.EIO) // mkdir, then syncdir
	if _, err := q.Put(t.Context(), frameOf("cam-1", 1)); err == nil {
		t.Fatal("the fault did not fire")
	}
	f.arm(0, "", nil)
	mustPut(t, q, frameOf("cam-1", 1))
	if steps := f.steps(); steps[0] != "syncdir payload" {
		t.Errorf("the name is still not durable: %q", steps)
	}
	f.arm(0, "", nil)
	mustPut(t, q, frameOf("cam-1", 2))
	if steps := f.steps(); slices.Contains(steps, "syncdir payload") {
		t.Errorf("it was durable already: %q", steps)
	}
}

// Someone tidies up: the directory of a camera that has nothing left is removed. The stop is clean all the same.
func TestP4_DirectoryOfACameraIsRemoved(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	id := mustPut(t, q, frameOf("cam-1", 1)).ID
	mustLease(t, q, 1)
	must(t, q.Ack(t.Context(), id, Receipt{Proof: ProofStored}))
	must(t, os.Remove(q.payloadDir("cam-1")))
	q = reopen(t, q, true)
	if !q.Healed().Clean {
		t.Error("the stop was not clean")
	}
	mustPut(t, q, frameOf("cam-1", 2))
}
