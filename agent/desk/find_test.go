package desk

import (
	"errors"
	"slices"
	"testing"
	"time"

	"shelfagent/queue"
)

// findStory looks among frames that are there and frames that have gone.
func findStory(t *testing.T, r *rig, d Desk) {
	if found, err := d.Find(t.Context(), queue.Filter{}, 10); err != nil || len(found.Frames) != 0 || !found.ReceiptsSince.IsZero() {
		t.Errorf("an empty queue: %+v, %v", found, err)
	}
	before := time.Now()
	waiting, leased, deferred, parked, delivered := r.settled()
	for name, tc := range map[string]struct {
		filter queue.Filter
		want   []queue.ID
	}{
		"all, the ones that are there first": {queue.Filter{}, []queue.ID{parked, deferred, leased, waiting, delivered}},
		"of cam-1":                           {queue.Filter{Camera: "cam-1"}, []queue.ID{parked, delivered}},
		"a state is not looked at":           {queue.Filter{State: queue.Parked, Camera: "cam.3"}, []queue.ID{waiting}},
		"a delivered one by its name":        {queue.Filter{Source: "one.jpg"}, []queue.ID{delivered}},
		"by digest":                          {queue.Filter{SHA256: digits(delivered, 64)}, []queue.ID{delivered}},
		"by time":                            {queue.Filter{Since: day, Until: day.Add(3 * time.Second)}, []queue.ID{parked, delivered}},
	} {
		found, err := d.Find(t.Context(), tc.filter, 10)
		var got []queue.ID
		for _, f := range found.Frames {
			got = append(got, f.ID)
		}
		if err != nil || !slices.Equal(got, tc.want) || found.More {
			t.Errorf("%s: %v, more %v, %v; want %v", name, got, found.More, err, tc.want)
		}
		if found.ReceiptsSince.Before(before) || found.ReceiptsSince.After(time.Now()) {
			t.Errorf("%s: receipts since %v", name, found.ReceiptsSince)
		}
	}
	if found, err := d.Find(t.Context(), queue.Filter{}, 2); err != nil || len(found.Frames) != 3 || !found.More {
		t.Errorf("two at most of each: %+v, %v", found, err)
	}
	must(t, r.Close())
	if _, err := d.Find(t.Context(), queue.Filter{}, 2); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
