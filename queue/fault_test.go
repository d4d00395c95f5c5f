package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// faults fails the nth step from now, and keeps the trace of all.
type faults struct {
	mu    sync.Mutex
	trace []string
	in    int   // steps until the fault; 0: none
	err   error // of the step that fails
	only  step  // "": any
}

func (f *faults) hook(s step, path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := filepath.Base(path)
	f.trace = append(f.trace, string(s)+" "+name)
	if f.in == 0 || f.only != "" && f.only != s {
		return nil
	}
	if f.in--; f.in == 0 {
		return &os.PathError{Op: string(s), Path: path, Err: f.err}
	}
	return nil
}

func (f *faults) arm(in int, only step, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.in, f.only, f.err, f.trace = in, only, err, nil
}

// fired tells whether the fault has happened.
func (f *faults) fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.in == 0
}

func (f *faults) steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.trace)
}

// The order of the writes is the promise; a power cut between any two of them must find it kept.
func TestP1_OrderOfWrites(t *testing.T) {
	f := &faults{}
	q := openFault(t, testOptions(t.TempDir()), f.hook)
	mustPut(t, q, frameOf("cam-1", 1)) // makes the camera's directory
	f.arm(0, "", nil)
	it := mustPut(t, q, frameOf("cam-1", 2))
	name := filepath.Base(string(it.ID))
	want := []string{"create " + name, "write " + name, "sync " + name, "rename " + name, "syncdir cam-1", "commit queue.db"}
	if got := f.steps(); !slices.Equal(got, want) {
		t.Errorf("Put: %q", got)
	}
	mustLease(t, q, 2)
	f.arm(0, "", nil)
	must(t, q.Ack(context.Background(), it.ID, Receipt{Proof: ProofStored}))
	if got := f.steps(); !slices.Equal(got, []string{"commit queue.db", "remove " + name}) {
		t.Errorf("Ack: %q", got)
	}
	f.arm(0, "", nil)
	must(t, q.Close())
	if got, want := f.steps(), []string{"syncdir cam-1", "commit queue.db", "create clean", "write clean", "sync clean",
		"rename clean", "syncdir " + filepath.Base(q.opts.Dir)}; !slices.Equal(got, want) {
		t.Errorf("Close: %q", got)
	}
}

func TestP1_OrderOfCreation(t *testing.T) {
	f := &faults{}
	dir := filepath.Join(t.TempDir(), "new", "queue")
	q := openFault(t, testOptions(dir), f.hook)
	mustPut(t, q, frameOf("cam-1", 1))
	steps := strings.Join(f.steps(), "\n")
	for _, want := range []string{"mkdir new\nsyncdir ", "mkdir queue\nsyncdir new", "mkdir payload\nsyncdir queue",
		"create queue.db\nrename queue.db\nsyncdir queue", "mkdir cam-1\nsyncdir payload"} {
		if !strings.Contains(steps, want) {
			t.Errorf("%q is not in\n%s", want, steps)
		}
	}
}

// Each step of each operation fails once: the operation fails, nothing has changed, it works the second time, and a
// reopened queue agrees.
func TestP1_P2_EveryStepFailsOnce(t *testing.T) {
	ctx := context.Background()
	for name, story := range map[string]struct {
		do     func(q *Queue, id ID) error
		before [5]int64 // waiting, deferred, leased, parked, delivered
		after  [5]int64
		after2 [5]int64 // after a crash
	}{
		"Put": {func(q *Queue, _ ID) error { _, err := q.Put(ctx, frameOf("cam-2", 2)); return err },
			[5]int64{0, 0, 1}, [5]int64{1, 0, 1}, [5]int64{2}},
		"Lease":   {func(q *Queue, _ ID) error { _, err := q.Lease(ctx, 9); return err }, [5]int64{0, 0, 1}, [5]int64{0, 0, 1}, [5]int64{1}},
		"Release": {func(q *Queue, id ID) error { return q.Release(id) }, [5]int64{0, 0, 1}, [5]int64{1}, [5]int64{1}},
		"Defer": {func(q *Queue, id ID) error { return q.Defer(ctx, id, Deferral{Until: time.Now().Add(time.Hour)}) },
			[5]int64{0, 0, 1}, [5]int64{0, 1}, [5]int64{0, 1}},
		"Bury": {func(q *Queue, id ID) error { return q.Bury(ctx, id, "c", "m") }, [5]int64{0, 0, 1}, [5]int64{3: 1}, [5]int64{3: 1}},
		"Ack": {func(q *Queue, id ID) error { return q.Ack(ctx, id, Receipt{Proof: ProofStored}) },
			[5]int64{0, 0, 1}, [5]int64{4: 1}, [5]int64{4: 1}},
		"Drop": {func(q *Queue, id ID) error { return q.Drop(ctx, id, "reason") }, [5]int64{0, 0, 1}, [5]int64{}, [5]int64{}},
	} {
		for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
			for n := 1; ; n++ {
				f := &faults{}
				q := openFault(t, testOptions(t.TempDir()), f.hook)
				id := mustPut(t, q, frameOf("cam-1", 1)).ID
				mustLease(t, q, 1)
				f.arm(n, "", cause)
				err := story.do(q, id)
				at := fmt.Sprintf("%s, step %d (%v), %v", name, n, f.steps(), cause)
				done := !f.fired()
				f.arm(0, "", nil)
				if done {
					must(t, q.Close())
					break
				}
				if err != nil {
					if !errors.Is(err, cause) {
						t.Errorf("%s: error %v", at, err)
					}
					if name == "Put" && errors.Is(cause, syscall.ENOSPC) != errors.Is(err, ErrFull) {
						t.Errorf("%s: error %v", at, err)
					}
					if name != "Release" {
						wantCounts(t, q, at+": failed", story.before)
					}
					must(t, story.do(q, id))
				}
				wantCounts(t, q, at+": again", story.after)
				q = reopen(t, q, false)
				wantCounts(t, q, at+": reopened", story.after2)
				must(t, countFiles(q))
				must(t, q.Close())
			}
		}
	}
}

func wantCounts(t *testing.T, q *Queue, at string, want [5]int64) {
	t.Helper()
	s := q.Stats()
	if got := [...]int64{s.Waiting, s.Deferred, s.Leased, s.Parked, s.Delivered}; got != want {
		t.Errorf("%s: waiting, deferred, leased, parked, delivered = %v, want %v", at, got, want)
	}
}

func TestOpenFailsAndWorksTheSecondTime(t *testing.T) {
	for n := 1; ; n++ {
		f := &faults{}
		f.arm(n, "", syscall.EIO)
		opts := testOptions(filepath.Join(t.TempDir(), "queue"))
		q, err := open(t.Context(), opts, f.hook)
		done := !f.fired()
		f.arm(0, "", nil)
		if done {
			must(t, errors.Join(err, q.Close()))
			if n < 10 {
				t.Errorf("only %d steps", n)
			}
			return
		}
		if err == nil {
			must(t, q.Close())
		}
		q = openTest(t, opts)
		mustPut(t, q, frameOf("cam-1", 1))
		must(t, q.Close())
	}
}

// A payload that cannot be unlinked is unlinked at the next start, and not sent again.
func TestP3_UnlinkFails(t *testing.T) {
	f := &faults{}
	q := openFault(t, testOptions(t.TempDir()), f.hook)
	id := mustPut(t, q, frameOf("cam-1", 1)).ID
	mustLease(t, q, 1)
	f.arm(1, stepRemove, syscall.EIO)
	must(t, q.Ack(context.Background(), id, Receipt{Proof: ProofStored}))
	if _, err := os.Lstat(q.payloadPath(id)); err != nil {
		t.Fatal("the fault did not fire")
	}
	q = reopen(t, q, true)
	if h := q.Healed(); h.Unlinked != 1 {
		t.Errorf("healed %+v", h)
	}
	wantStats(t, q, 0, 0, 0, 0, 1)
	must(t, countFiles(q))
}

// Nor at the next start: what was dropped does not come back, whatever else that start has to heal.
func TestP2_UnlinkFailsAgainAndAgain(t *testing.T) {
	f := &faults{}
	q := openFault(t, testOptions(t.TempDir()), f.hook)
	id := mustPut(t, q, frameOf("cam-1", 1)).ID
	f.arm(1, stepRemove, syscall.EIO)
	must(t, q.Drop(context.Background(), id, "nobody wants it"))
	must(t, q.Close())
	must(t, os.Remove(q.markerPath()))
	opts := q.opts
	q = openFault(t, opts, func(s step, path string) error {
		if s == stepRemove && path == q.payloadPath(id) {
			return &os.PathError{Op: "remove", Path: path, Err: syscall.EIO}
		}
		return nil
	})
	wantStats(t, q, 0, 0, 0, 0, 0)
	if _, err := os.Lstat(q.payloadPath(id)); err != nil {
		t.Fatal("the fault did not fire")
	}
	q = reopen(t, q, true)
	wantStats(t, q, 0, 0, 0, 0, 0)
	must(t, countFiles(q))
}

// A Put whose record cannot be committed, and whose payload cannot be taken back: the next Open finds it, even after an
// orderly stop.
func TestP1_PayloadThatCannotBeTakenBack(t *testing.T) {
	failing := false
	opts := testOptions(t.TempDir())
	q := openFault(t, opts, func(s step, path string) error {
		if failing && (s == stepCommit || s == stepRemove) {
			return &os.PathError{Op: string(s), Path: path, Err: syscall.EIO}
		}
		return nil
	})
	failing = true
	n := frameOf("cam-1", 1)
	if _, err := q.Put(context.Background(), n); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrBroken) {
		t.Fatalf("Put: %v", err)
	}
	failing = false
	must(t, q.Close())
	q = openTest(t, opts)
	if h := q.Healed(); h.Clean || h.Adopted != 1 {
		t.Errorf("healed %+v", h)
	}
	must(t, countFiles(q))
	if it := mustPut(t, q, n); !it.Rebuilt {
		t.Errorf("P3: put again: %+v", it)
	}
}

// An unlink that a power cut takes back: the payload is there again, its note is not.
func TestP3_UnlinkIsTakenBack(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	n := frameOf("cam-1", 1)
	id := mustPut(t, q, n).ID
	mustLease(t, q, 1)
	must(t, q.Ack(context.Background(), id, Receipt{Proof: ProofStored}))
	must(t, q.Close())
	must(t, os.Remove(q.markerPath()))
	must(t, os.WriteFile(q.payloadPath(id), n.Payload, 0o600))
	q = openTest(t, q.opts)
	if h := q.Healed(); h.Unlinked != 1 || h.Adopted != 0 {
		t.Errorf("healed %+v", h)
	}
	must(t, countFiles(q))
}

// A database that rots under a running queue: it stops, says so, and heals when it is opened again.
func TestP4_BrokenWhileRunning(t *testing.T) {
	f := &faults{}
	q := openFault(t, testOptions(t.TempDir()), func(s step, path string) error {
		if s == stepCommit {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.only == stepCommit {
				panic("page 7: not a leaf")
			}
		}
		return nil
	})
	n := frameOf("cam-1", 1)
	mustPut(t, q, n)
	f.arm(0, stepCommit, nil)
	lost := frameOf("cam-1", 2)
	if _, err := q.Put(context.Background(), lost); !errors.Is(err, ErrBroken) {
		t.Fatalf("Put: %v", err)
	}
	if _, err := q.Lease(context.Background(), 1); !errors.Is(err, ErrBroken) {
		t.Errorf("Lease: %v", err)
	}
	if err := q.Err(); !errors.Is(err, ErrBroken) {
		t.Errorf("Err: %v", err)
	}
	_ = q.Close()
	q = openTest(t, q.opts)
	if q.Healed().Clean {
		t.Error("counts as a clean stop")
	}
	wantStats(t, q, 2, 0, 0, 0, 0) // the outcome was open, and the payload was kept
}
