package queue

import (
	"context"
	"os"
	"sync"
	"syscall"
	"testing"
)

// drained returns a queue whose database is large and almost empty.
func drained(t *testing.T, f *faults) (q *Queue, left ID) {
	t.Helper()
	q = openFault(t, testOptions(t.TempDir()), f.hook)
	left = mustPut(t, q, frameOf("cam-9", 1)).ID
	const n = 90_000
	fill(t, q, n, false)
	for done := 0; done < n; done += 10_000 {
		must(t, q.do(func(t *txn) error {
			for i := done; i < done+10_000; i++ {
				it, err := emptyFrame(i).item(day)
				if err != nil {
					return err
				}
				t.take(it)
			}
			return nil
		}))
	}
	return q, left
}

func databaseSize(t *testing.T, q *Queue) int64 {
	t.Helper()
	info, err := os.Stat(q.store.path)
	must(t, err)
	return info.Size()
}

func TestP9_DatabaseShrinksWhileInUse(t *testing.T) {
	f := &faults{}
	q, left := drained(t, f)
	before := databaseSize(t, q)
	if before < compactFrom {
		t.Fatalf("only %d bytes", before)
	}
	// A step that fails leaves the old database in use.
	for _, s := range []step{stepCreate, stepRename} {
		f.arm(1, s, syscall.ENOSPC)
		q.tidy()
		if !f.fired() || q.Err() != nil || databaseSize(t, q) != before {
			t.Errorf("%s: fired %v, %v, %d bytes", s, f.fired(), q.Err(), databaseSize(t, q))
		}
		wantStats(t, q, 1, 0, 0, 0, 0)
	}
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			if _, err := q.Put(context.Background(), frameOf("cam-9", 100+n)); err != nil {
				t.Error(err)
			}
			if _, err := q.Item(left); err != nil {
				t.Error(err)
			}
		})
	}
	q.tidy()
	wg.Wait()
	if after := databaseSize(t, q); after > 4<<20 {
		t.Errorf("%d bytes of %d", after, before)
	}
	wantStats(t, q, 51, 0, 0, 0, 0)
	q = reopen(t, q, false)
	if h := q.Healed(); h.Damage != "" || h.Adopted+h.Missing != 0 {
		t.Errorf("healed %+v", h)
	}
	wantStats(t, q, 51, 0, 0, 0, 0)
}

// What is committed to a file without a durable name would be lost with it.
func TestP1_CompactedNameIsNotDurable(t *testing.T) {
	f := &faults{}
	q, left := drained(t, f)
	f.arm(1, stepSyncDir, syscall.EIO)
	q.tidy()
	if q.Err() == nil {
		t.Fatal("the queue goes on")
	}
	_ = q.Close()
	q = openTest(t, q.opts)
	if _, err := q.Item(left); err != nil {
		t.Error(err)
	}
}
