package find

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/desk"
	"shelfagent/agent/trail"
	"shelfagent/queue"
)

var day = time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC)

// shop is a real queue and real folders.
type shop struct {
	t *testing.T
	q *queue.Queue
	Places
}

func newShop(t *testing.T) shop {
	t.Helper()
	dir := t.TempDir()
	q, err := queue.Open(t.Context(), queue.Options{Dir: filepath.Join(dir, "queue"), MaxBytes: 1 << 40, MinFree: 1, Reserve: -1})
	must(t, err)
	t.Cleanup(func() { _ = q.Close() })
	must(t, os.Mkdir(filepath.Join(dir, "cameras"), 0o700))
	return shop{t, q, Places{
		Desk:    desk.Local{Queue: q, Log: slog.New(slog.DiscardHandler)},
		Capture: capture.Options{Dir: filepath.Join(dir, "cameras"), Rejected: filepath.Join(dir, "rejected")},
	}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put queues a frame and leases it.
func (s shop) put(name, timeSource string) queue.ID {
	s.t.Helper()
	payload := []byte(name)
	it, err := s.q.Put(s.t.Context(), queue.New{
		Camera: "till", CapturedAt: day, Ext: "jpg", ContentType: "image/jpeg", SHA256: sha256.Sum256(payload),
		Payload: payload, Source: name, Metadata: map[string]string{"time_source": timeSource},
	})
	must(s.t, err)
	leased, err := s.q.Lease(s.t.Context(), 1)
	if err != nil || len(leased) != 1 || leased[0].ID != it.ID {
		s.t.Fatalf("leased %v: %v", leased, err)
	}
	return it.ID
}

// told is a trail as it is read.
func told(t trail.Trail) string {
	lines := []string{string(t.State)}
	for _, step := range t.Steps {
		lines = append(lines, fmt.Sprintf("%s: %s", step.What, step.Text))
	}
	return strings.Join(append(lines, t.Now, t.Do), "\n")
}

// TestEveryEndOfATrail tells one picture's way in each state that it can be in.
func TestEveryEndOfATrail(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	for _, tc := range []struct {
		name, source string
		settle       func(queue.ID) error
		state        trail.State
		says         []string
	}{
		{"leased", "exif", func(queue.ID) error { return nil }, trail.Leased,
			[]string{"leased.jpg, captured then by the camera's clock", "on its way: a transfer is under way", "being uploaded"}},
		{"delivered", "mtime", func(id queue.ID) error {
			return s.q.Ack(ctx, id, queue.Receipt{Proof: queue.ProofExists, Key: "raw/4711/a.jpg"})
		}, trail.Delivered, []string{"tried: 1 try was made", "the key names the SHA-256", "in the bucket, proven, at raw/4711/a.jpg."}},
		{"dropped", "mtime", func(id queue.ID) error {
			return errors.Join(s.q.Release(id), s.q.DropBy(ctx, id, "alice (uid 1000)", "shows a customer"))
		}, trail.Dropped, []string{"given up: by alice (uid 1000): shows a customer", "not in the bucket", "under a new name"}},
		{"expired", "mtime", func(id queue.ID) error { return s.q.Drop(ctx, id, "older than the policy allows") }, trail.Dropped,
			[]string{"by the agent: older than"}},
		{"parked", "exif_local", func(id queue.ID) error { return s.q.Bury(ctx, id, "frame_refused", "too large") }, trail.Parked,
			[]string{"read as the shop's local time", "parked: frame_refused: too large", "waits in the queue for a person", "queue retry "}},
		{"deferred", "mtime", func(id queue.ID) error {
			return s.q.Defer(ctx, id, queue.Deferral{Until: time.Now().Add(time.Hour), Reason: "an odd answer"})
		}, trail.Deferred, []string{"1 try was made; the last failed: an odd answer", "not before: ", "tried again by itself"}},
		{"again", "mtime", func(id queue.ID) error { return s.q.Defer(ctx, id, queue.Deferral{Reason: "the ticket was over"}) }, trail.Waiting,
			[]string{"for its turn. The last error: the ticket was over"}},
	} {
		must(t, tc.settle(s.put(tc.name+".jpg", tc.source)))
		a, err := Search(ctx, s.Places, trail.Query{File: tc.name + ".jpg"})
		if err != nil || len(a.Trails) != 1 || a.Trails[0].State != tc.state || !a.Trails[0].CapturedAt.Equal(day) {
			t.Errorf("%s: %+v, %v", tc.name, a, err)
			continue
		}
		for _, says := range tc.says {
			if got := told(a.Trails[0]); !strings.Contains(got, says) {
				t.Errorf("%s does not say %q:\n%s", tc.name, says, got)
			}
		}
	}
}

// TestNoMoreIsShownThanAPersonReads: a whole day of many cameras is no answer.
func TestNoMoreIsShownThanAPersonReads(t *testing.T) {
	s := newShop(t)
	for i := range Most + 1 {
		file := filepath.Join(s.Capture.Dir, fmt.Sprintf("%03d.jpg", i))
		must(t, os.WriteFile(file, nil, 0o600))
		must(t, os.Chtimes(file, day, day.Add(time.Duration(i)*time.Second)))
	}
	a, err := Search(t.Context(), s.Places, trail.Query{Since: day, Until: day.Add(time.Hour)})
	if err != nil || len(a.Trails) != Most || !a.More {
		t.Errorf("%d trails, more %v, %v", len(a.Trails), a.More, err)
	}
	s.put("one.jpg", "exif")
	a, err = Search(t.Context(), s.Places, trail.Query{Since: day, Until: day.Add(20 * time.Second)})
	if err != nil || len(a.Trails) != 21 || a.More {
		t.Errorf("%d trails, more %v, %v", len(a.Trails), a.More, err)
	}
	for i, trail := range a.Trails {
		if i > 0 && trail.CapturedAt.Before(a.Trails[i-1].CapturedAt) {
			t.Error("not in the order of capture")
		}
	}
}

// TestWhatCannotBeSearchedIsSaid: half an answer is one, and says that it is half.
func TestWhatCannotBeSearchedIsSaid(t *testing.T) {
	s := newShop(t)
	must(t, os.Remove(s.Capture.Dir))
	must(t, os.WriteFile(s.Capture.Rejected, nil, 0o600)) // no folder at all
	a, err := Search(t.Context(), s.Places, trail.Query{File: "a.jpg"})
	if err != nil || a.Searched.Capture || a.Searched.Rejected || !a.Searched.Queue || len(a.Searched.Problems) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	if got := strings.Join(a.Searched.Problems, "\n"); !strings.Contains(got, "its disk is not mounted") ||
		!strings.Contains(got, "The rejected folder could not be searched") {
		t.Error(got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Search(ended, s.Places, trail.Query{File: "a.jpg"}); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	must(t, s.q.Close())
	if _, err := Search(t.Context(), s.Places, trail.Query{File: "a.jpg"}); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
