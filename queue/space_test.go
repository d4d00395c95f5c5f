package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func TestP9_MaxBytesHoldsForManyAtOnce(t *testing.T) {
	opts := testOptions(t.TempDir())
	n := frameOf("cam-1", 10)
	opts.MaxBytes = 5*int64(len(n.Payload)) + 3
	q := openTest(t, opts)
	var stored, full atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := q.Put(context.Background(), frameOf("cam-1", 10+i))
			var fe *FullError
			switch {
			case err == nil:
				stored.Add(1)
			case errors.Is(err, ErrFull) && errors.As(err, &fe) && fe.What == "max_bytes" && fe.Limit == opts.MaxBytes:
				full.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s := q.Stats(); stored.Load() != s.Waiting || s.Bytes > opts.MaxBytes || stored.Load()+full.Load() != 20 || s.Waiting == 0 {
		t.Errorf("%d stored, %d refused, %+v", stored.Load(), full.Load(), s)
	}
	// What leaves makes room.
	for _, it := range mustLease(t, q, 20) {
		must(t, q.Ack(context.Background(), it.ID, Receipt{Proof: ProofStored}))
	}
	mustPut(t, q, frameOf("cam-1", 99))
	must(t, countFiles(q))
}

func TestP9_MinFree(t *testing.T) {
	opts := testOptions(t.TempDir())
	opts.MinFree = 1 << 60
	q := openTest(t, opts)
	_, err := q.Put(context.Background(), frameOf("cam-1", 1))
	var full *FullError
	if !errors.As(err, &full) || full.What != "min_free" || full.Free <= 0 || full.Limit != opts.MinFree {
		t.Errorf("%v", err)
	}
}

func TestDefaultLimits(t *testing.T) {
	total, _, err := diskSpace(t.TempDir())
	must(t, err)
	q := openTest(t, Options{Dir: t.TempDir(), Reserve: -1})
	if s := q.Stats(); s.MaxBytes != total/5*4 || s.MinFree != max(total/20, 512<<20) {
		t.Errorf("%+v of %d", s, total)
	}
}

func TestRoomIsAskedWithoutOpening(t *testing.T) {
	dir := t.TempDir()
	total, _, err := diskSpace(dir)
	must(t, err)
	free, keep, err := Options{Dir: dir}.Room()
	if err != nil || free <= 0 || keep != max(total/20, 512<<20) {
		t.Errorf("%d free, %d to stay so, %v", free, keep, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if _, _, err := (Options{Dir: filepath.Join(dir, "absent")}).Room(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no disk: %v", err)
	}
}

// A disk that is full to the last byte: a delivery is recorded with the room of the reserve, which comes back.
func TestP2_ReserveRecordsDeliveries(t *testing.T) {
	f := &faults{}
	opts := testOptions(t.TempDir())
	opts.Reserve = 64 << 10
	q := openFault(t, opts, f.hook)
	reservePath := filepath.Join(opts.Dir, "reserve")
	id := mustPut(t, q, frameOf("cam-1", 1)).ID
	mustLease(t, q, 1)
	must(t, q.reserve.grow(q.space.roomy)) // the keeper may not have come to it yet
	if info, err := os.Stat(reservePath); err != nil || info.Size() != opts.Reserve {
		t.Fatalf("reserve: %v, %v", info, err)
	}
	f.arm(1, stepCommit, syscall.ENOSPC)
	must(t, q.Ack(context.Background(), id, Receipt{Proof: ProofStored}))
	if _, err := os.Stat(reservePath); err == nil {
		t.Error("the reserve was not given up")
	}
	wantStats(t, q, 0, 0, 0, 0, 1)
	q.keepStep()
	if info, err := os.Stat(reservePath); err != nil || info.Size() != opts.Reserve {
		t.Errorf("the reserve has not grown again: %v, %v", info, err)
	}
}

// Whoever only looked at a queue on a full disk has not failed: the next start just looks at everything.
func TestCloseOnAFullDisk(t *testing.T) {
	f := &faults{}
	q := openFault(t, testOptions(t.TempDir()), f.hook)
	mustPut(t, q, frameOf("cam-1", 1))
	f.arm(1, stepWrite, syscall.ENOSPC)
	must(t, q.Close())
	if !f.fired() {
		t.Error("nothing was written")
	}
	q = openTest(t, q.opts)
	if h := q.Healed(); h.Clean || h.Adopted != 0 {
		t.Errorf("healed %+v", h)
	}
	wantStats(t, q, 1, 0, 0, 0, 0)
}
