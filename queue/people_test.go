package queue

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

func TestP2_DropByAPersonIsRecorded(t *testing.T) {
	ctx := context.Background()
	q := openTest(t, testOptions(t.TempDir()))
	id := mustPut(t, q, frameOf("cam-1", 1)).ID
	for _, wrong := range [][2]string{{"", "why"}, {"who", " "}} {
		if err := q.DropBy(ctx, id, wrong[0], wrong[1]); !errors.Is(err, ErrInvalid) {
			t.Errorf("by %q for %q: %v", wrong[0], wrong[1], err)
		}
	}
	mustLease(t, q, 1)
	if err := q.DropBy(ctx, id, "alice", "test picture"); !errors.Is(err, ErrLeased) {
		t.Errorf("leased: %v", err)
	}
	wantStats(t, q, 0, 0, 1, 0, 0)
	must(t, q.Release(id))
	must(t, q.DropBy(ctx, id, "alice", "test picture"))
	q = reopen(t, q, false)
	r, err := q.Receipt(id)
	must(t, err)
	if r.By != "alice" || r.Note != "test picture" || r.State() != Dropped || time.Since(r.DeliveredAt) > time.Minute {
		t.Errorf("receipt %+v", r)
	}
	wantStats(t, q, 0, 0, 0, 0, 0)
}

func TestRetryPageHelpsWhatCanBeHelped(t *testing.T) {
	ctx := context.Background()
	q := openTest(t, testOptions(t.TempDir()))
	var ids []ID
	for n := range 6 {
		ids = append(ids, mustPut(t, q, frameOf("cam-1", n)).ID)
	}
	mustLease(t, q, 6)
	must(t, os.Remove(q.payloadPath(ids[0])))
	must(t, q.Bury(ctx, ids[0], ReasonMissing, "gone"))
	for _, id := range ids[1:4] {
		must(t, q.Bury(ctx, id, "refused", "no"))
	}
	must(t, q.Defer(ctx, ids[4], Deferral{Until: time.Now().Add(time.Hour)}))
	wantStats(t, q, 0, 1, 1, 4, 0) // ids[5] is still leased

	if _, _, err := q.RetryPage(ctx, Filter{}, Page{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("all states at once: %v", err)
	}
	total, pages := 0, 0
	for page := (Page{Limit: 2}); pages == 0 || page.After != ""; pages++ {
		retried, next, err := q.RetryPage(ctx, Filter{State: Parked}, page)
		must(t, err)
		total, page = total+len(retried), next
	}
	if total != 3 || pages != 2 {
		t.Errorf("%d retried on %d pages", total, pages)
	}
	wantStats(t, q, 3, 1, 1, 1, 0)
	retried, _, err := q.RetryPage(ctx, Filter{State: Deferred}, Page{})
	must(t, err)
	if len(retried) != 1 || retried[0] != ids[4] {
		t.Errorf("retried %v", retried)
	}
	q = reopen(t, q, true)
	it, err := q.Item(ids[1])
	must(t, err)
	if it.State != Waiting || it.Attempts != 0 || it.Reason != "" {
		t.Errorf("retried: %+v", it)
	}
	wantStats(t, q, 5, 0, 0, 1, 0)
}
