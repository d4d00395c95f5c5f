package queue

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"testing"
	"time"
)

// day is when the pictures of the tests were taken.
var day = time.Date(2026, 11, 22, 1, 18, 3, 123_000_000, time.UTC)

// frameOf makes a frame that differs from all others by camera and number; n counts seconds of its capture time.
func frameOf(camera string, n int) New {
	payload := fmt.Appendf(nil, "picture %d of %s", n, camera)
	return New{Camera: camera, CapturedAt: day.Add(time.Duration(n) * time.Second), Ext: "jpg", ContentType: "image/jpeg",
		SHA256: sha256.Sum256(payload), Metadata: map[string]string{"width": "3840"},
		Source: fmt.Sprintf("%s/IMG_%04d.jpg", camera, n), Payload: payload}
}

func testOptions(dir string) Options {
	return Options{Dir: dir, MaxBytes: 1 << 40, MinFree: 1, Reserve: -1, LockTimeout: 10 * time.Second}
}

func openTest(t testing.TB, opts Options) *Queue {
	t.Helper()
	return openFault(t, opts, nil)
}

func openFault(t testing.TB, opts Options, fault func(step, string) error) *Queue {
	t.Helper()
	q, err := open(t.Context(), opts, fault)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = q.Close() })
	if err := q.WaitHealed(t.Context()); err != nil {
		t.Fatal(err)
	}
	return q
}

// reopen closes a queue and opens it again. The last stop counts as unclean if so is asked for.
func reopen(t testing.TB, q *Queue, clean bool) *Queue {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if !clean {
		_ = os.Remove(q.markerPath())
	}
	return openTest(t, q.opts)
}

func mustPut(t testing.TB, q *Queue, n New) Item {
	t.Helper()
	it, err := q.Put(context.Background(), n)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	return it
}

func mustLease(t testing.TB, q *Queue, n int) []Item {
	t.Helper()
	items, err := q.Lease(context.Background(), n)
	if err != nil {
		t.Fatalf("Lease: %v", err)
	}
	return items
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantStats compares the counts of states.
func wantStats(t testing.TB, q *Queue, waiting, deferred, leased, parked, delivered int64) {
	t.Helper()
	s := q.Stats()
	got := [...]int64{s.Waiting, s.Deferred, s.Leased, s.Parked, s.Delivered}
	want := [...]int64{waiting, deferred, leased, parked, delivered}
	if got != want {
		t.Errorf("waiting, deferred, leased, parked, delivered = %v, want %v", got, want)
	}
}

// mustID is the ID that a frame will have.
func (n New) mustID() ID {
	it, err := n.item(day)
	if err != nil {
		panic(err)
	}
	return it.ID
}
