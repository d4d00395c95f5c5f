package queue

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// leaseAll leases one at a time, as an uploader with one slot does, and acknowledges each.
func leaseAll(t *testing.T, q *Queue) (order []string) {
	t.Helper()
	for {
		items := mustLease(t, q, 1)
		if len(items) == 0 {
			return order
		}
		it := items[0]
		order = append(order, fmt.Sprintf("%s:%d", it.Camera, int(it.CapturedAt.Sub(day).Seconds())))
		must(t, q.Ack(context.Background(), it.ID, Receipt{Proof: ProofStored}))
	}
}

func TestLeaseOrder(t *testing.T) {
	for name, story := range map[string]struct {
		order Order
		put   map[string][]int
		want  []string
	}{
		"fresh first, every fourth from the backlog": {FreshFirst, map[string][]int{"a": {1, 2, 3, 4, 5, 6, 7, 8}},
			[]string{"a:8", "a:7", "a:6", "a:1", "a:5", "a:4", "a:3", "a:2"}},
		"cameras take turns": {FreshFirst, map[string][]int{"a": {1, 2, 3, 4, 5}, "b": {1, 2}, "c": {9}},
			[]string{"a:5", "b:2", "c:9", "a:1", "a:4", "b:1", "a:3", "a:2"}},
		"oldest first": {OldestFirst, map[string][]int{"a": {3, 1, 2}, "b": {9, 8}},
			[]string{"a:1", "b:8", "a:2", "b:9", "a:3"}},
		"names that begin alike": {OldestFirst, map[string][]int{"a": {1}, "a-b": {1, 2}, "a.b": {1}, "ab": {1}},
			[]string{"a:1", "a-b:1", "a.b:1", "ab:1", "a-b:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := testOptions(t.TempDir())
			opts.Order = story.order
			q := openTest(t, opts)
			for camera, seconds := range story.put {
				for _, n := range seconds {
					mustPut(t, q, frameOf(camera, n))
				}
			}
			if got := leaseAll(t, q); !slices.Equal(got, story.want) {
				t.Errorf("got  %v\nwant %v", got, story.want)
			}
		})
	}
}

func TestLeaseManyAtOnce(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	for n := range 10 {
		mustPut(t, q, frameOf("a", n))
		mustPut(t, q, frameOf("b", n))
	}
	seen := map[ID]bool{}
	for _, want := range []int{7, 7, 6, 0} {
		items := mustLease(t, q, 7)
		if len(items) != want {
			t.Fatalf("leased %d, want %d", len(items), want)
		}
		for _, it := range items {
			if seen[it.ID] {
				t.Errorf("%s was leased twice", it.ID)
			}
			seen[it.ID] = true
		}
	}
	wantStats(t, q, 0, 0, 20, 0, 0)
}

func TestReadySaysWhenToLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		q := openTest(t, testOptions(t.TempDir()))
		ready := func() bool {
			synctest.Wait()
			select {
			case <-q.Ready():
				return true
			default:
				return false
			}
		}
		if ready() {
			t.Error("an empty queue is ready")
		}
		a := mustPut(t, q, frameOf("a", 1)).ID
		if !ready() {
			t.Error("not ready after Put")
		}
		mustLease(t, q, 1)
		until := time.Now().Add(30 * time.Second)
		must(t, q.Defer(ctx, a, Deferral{Until: until, Reason: "link"}))
		if ready() {
			t.Error("ready after Defer")
		}
		if due, ok := q.NextDue(); !ok || !due.Equal(until.Truncate(time.Millisecond)) {
			t.Errorf("due %v %v, want %v", due, ok, until)
		}
		if got := mustLease(t, q, 1); len(got) != 0 {
			t.Errorf("leased %v before its time", got)
		}
		time.Sleep(30*time.Second + 20*time.Millisecond)
		if !ready() {
			t.Error("not ready when the deferral fell due")
		}
		if got := mustLease(t, q, 1); len(got) != 1 || got[0].Attempts != 2 || got[0].LastError != "link" || !got[0].NotBefore.IsZero() {
			t.Errorf("leased %+v", got)
		}
		must(t, q.Release(a))
		if !ready() {
			t.Error("not ready after Release")
		}
		must(t, q.Close())
	})
}

// The clock of a rig runs years ahead until NTP is reached: what was deferred meanwhile must not wait for years.
func TestDeferralsSurviveAClockThatIsSetBack(t *testing.T) {
	dir := t.TempDir()
	var id ID
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(50 * 365 * 24 * time.Hour) // the bubble's clock begins in 2000
		q := openTest(t, testOptions(dir))
		id = mustPut(t, q, frameOf("a", 1)).ID
		mustLease(t, q, 1)
		must(t, q.Defer(context.Background(), id, Deferral{Until: time.Now().Add(999 * time.Hour)}))
		if due, _ := q.NextDue(); due.After(time.Now().Add(MaxDeferral)) {
			t.Errorf("due %v", due)
		}
		must(t, q.Close())
	})
	synctest.Test(t, func(t *testing.T) {
		q := openTest(t, testOptions(dir))
		if got := mustLease(t, q, 1); len(got) != 1 || got[0].ID != id {
			t.Errorf("leased %v", got)
		}
		must(t, q.Close())
	})
}

func TestLeaseFindsDueItems(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	for n := range 300 {
		mustPut(t, q, frameOf("a", n))
	}
	for _, it := range mustLease(t, q, 300) {
		must(t, q.Defer(context.Background(), it.ID, Deferral{Until: time.Now().Add(-time.Second)}))
	}
	if got := len(mustLease(t, q, 290)); got != 290 {
		t.Errorf("leased %d of 290", got)
	}
	wantStats(t, q, 0, 10, 290, 0, 0) // the rest is due, and moved by the next Lease
}
