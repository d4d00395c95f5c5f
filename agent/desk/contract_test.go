package desk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfagent/queue"
)

var day = time.Date(2026, 11, 22, 1, 18, 3, 123_000_000, time.UTC)

// rig is an open queue and what its agent logs.
type rig struct {
	*queue.Queue
	t   *testing.T
	dir string
	log *bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	q, err := queue.Open(t.Context(), queue.Options{Dir: dir, MaxBytes: 1 << 40, MinFree: 1, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return &rig{Queue: q, t: t, dir: dir, log: &bytes.Buffer{}}
}

func (r *rig) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r.log, nil)) }

func payloadOf(camera string, n int) []byte { return fmt.Appendf(nil, "picture %d of %s", n, camera) }

// put queues frame n of a camera, taken n seconds after the first.
func (r *rig) put(camera string, n int, source string) queue.ID {
	r.t.Helper()
	payload := payloadOf(camera, n)
	it, err := r.Put(context.Background(), queue.New{
		Camera: camera, CapturedAt: day.Add(time.Duration(n) * time.Second), Ext: "jpg", ContentType: "image/jpeg",
		SHA256: sha256.Sum256(payload), Payload: payload, Source: source,
		Metadata: map[string]string{"width": "3840", "odd": "a&b=c é\n"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return it.ID
}

func (r *rig) file(id queue.ID) string {
	return filepath.Join(r.dir, "payload", filepath.FromSlash(string(id)))
}

// settled is a queue with a frame in each state.
func (r *rig) settled() (waiting, leased, deferred, parked, delivered queue.ID) {
	r.t.Helper()
	ctx := context.Background()
	delivered = r.put("cam-1", 1, "one.jpg")
	r.lease(1)
	must(r.t, r.Ack(ctx, delivered, queue.Receipt{Proof: queue.ProofStored, Key: "raw/key", ETag: "tag"}))
	parked = r.put("cam-1", 2, "two.jpg")
	r.lease(1)
	must(r.t, r.Bury(ctx, parked, "frame_refused", "the policy says no"))
	deferred = r.put("cam-2", 3, "three.jpg")
	r.lease(1)
	must(r.t, r.Defer(ctx, deferred, queue.Deferral{Until: time.Now().Add(time.Hour), Reason: "odd answer"}))
	leased = r.put("cam-2", 4, "four.jpg")
	r.lease(1)
	waiting = r.put("cam.3", 5, "five.jpg")
	return waiting, leased, deferred, parked, delivered
}

func (r *rig) lease(n int) {
	r.t.Helper()
	items, err := r.Lease(context.Background(), n)
	if err != nil || len(items) != n {
		r.t.Fatalf("leased %d of %d: %v", len(items), n, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func digits(id queue.ID, n int) string {
	_, digest, _ := strings.Cut(filepath.Base(string(id)), "-")
	return digest[:n]
}

// asAgent serves a queue as an agent does, with a limit for answers that none would keep.
func asAgent(t *testing.T, r *rig) Desk {
	t.Helper()
	dir, err := os.MkdirTemp("", "desk-") // a socket's path must be short
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	server := &http.Server{
		Handler: Handler(r.Queue, r.logger()), ConnContext: ConnContext,
		ReadTimeout: 10 * time.Second, WriteTimeout: time.Nanosecond,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	client := Dial(listener.Addr().String())
	t.Cleanup(client.Close)
	return client
}

// TestContract holds the queue itself and the one over the socket to the same stories.
func TestContract(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *rig) Desk{
		"local": func(_ *testing.T, r *rig) Desk {
			return Local{Queue: r.Queue, Who: Person(os.Geteuid()), Log: r.logger()}
		},
		"over the socket": asAgent,
	} {
		t.Run(name, func(t *testing.T) {
			for story, tell := range map[string]func(*testing.T, *rig, Desk){
				"show": showStory, "names": namesStory, "list": listStory, "pages": pagesStory, "payload": payloadStory, "find": findStory,
				"retry": retryStory, "retry all": retryAllStory, "drop": dropStory, "drop refused": dropRefusedStory,
				"verify": verifyStory, "stats": statsStory, "closed": closedStory, "cancelled": cancelledStory,
			} {
				t.Run(story, func(t *testing.T) {
					r := newRig(t)
					tell(t, r, open(t, r))
				})
			}
		})
	}
}

func showStory(t *testing.T, r *rig, d Desk) {
	waiting, leased, deferred, parked, delivered := r.settled()
	for id, state := range map[queue.ID]queue.State{waiting: queue.Waiting, leased: queue.Leased, deferred: queue.Deferred,
		parked: queue.Parked, delivered: queue.Delivered} {
		f, err := d.Show(t.Context(), string(id))
		if err != nil || f.ID != id || f.State != state || f.Left() != (state == queue.Delivered) {
			t.Errorf("%v: %+v, %v", state, f, err)
		}
	}
	f, err := d.Show(t.Context(), string(waiting))
	must(t, err)
	if f.Camera != "cam.3" || !f.CapturedAt.Equal(day.Add(5*time.Second)) || f.Source != "five.jpg" ||
		f.Metadata["odd"] != "a&b=c é\n" || f.Bytes != int64(len(payloadOf("cam.3", 5))) || f.ContentType != "image/jpeg" {
		t.Errorf("waiting: %+v", f)
	}
	if f, err = d.Show(t.Context(), string(parked)); err != nil || f.Reason != "frame_refused" || f.LastError != "the policy says no" {
		t.Errorf("parked: %+v, %v", f, err)
	}
	if f, err = d.Show(t.Context(), string(delivered)); err != nil || f.Key != "raw/key" || f.Proof != "200" || f.LeftAt.IsZero() {
		t.Errorf("delivered: %+v, %v", f, err)
	}
}

func namesStory(t *testing.T, r *rig, d Desk) {
	waiting, _, _, _, delivered := r.settled()
	for _, ref := range []string{digits(waiting, 4), strings.ToUpper(digits(waiting, 12)), digits(waiting, 64), digits(delivered, 8)} {
		f, err := d.Show(t.Context(), ref)
		if err != nil || digits(f.ID, 4) != strings.ToLower(ref[:4]) {
			t.Errorf("%s: %+v, %v", ref, f, err)
		}
	}
	for ref, want := range map[string]error{
		"": queue.ErrInvalid, "abc": queue.ErrInvalid, "no frame": queue.ErrInvalid, digits(waiting, 64) + "0": queue.ErrInvalid,
		"0123456789": queue.ErrNotFound, "cam-1/../../etc/passwd": queue.ErrNotFound, string(waiting) + "x": queue.ErrNotFound,
	} {
		if f, err := d.Show(t.Context(), ref); !errors.Is(err, want) {
			t.Errorf("%q: %+v, %v; want %v", ref, f, err, want)
		}
	}
	// The same picture from two cameras.
	payload := payloadOf("cam.3", 5)
	twin, err := r.Put(t.Context(), queue.New{Camera: "cam-9", CapturedAt: day, Ext: "jpg", SHA256: sha256.Sum256(payload),
		Payload: payload})
	must(t, err)
	var ambiguous *AmbiguousError
	for what, err := range map[string]error{
		"show":  second(d.Show(t.Context(), digits(waiting, 10))),
		"retry": second(d.Retry(t.Context(), digits(waiting, 10), "")),
		"drop":  second(d.Drop(t.Context(), digits(waiting, 10), "", "why")),
	} {
		if !errors.As(err, &ambiguous) || !slices.Contains(ambiguous.IDs, twin.ID) || !slices.Contains(ambiguous.IDs, waiting) ||
			ambiguous.Ref != digits(waiting, 10) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := r.Stats(); got.Dropped != 0 {
		t.Errorf("a frame was dropped that nobody named: %+v", got)
	}
}

func second[T any](_ T, err error) error { return err }

func listStory(t *testing.T, r *rig, d Desk) {
	waiting, leased, deferred, parked, _ := r.settled()
	for name, tc := range map[string]struct {
		filter queue.Filter
		want   []queue.ID
	}{
		"all":        {queue.Filter{}, []queue.ID{parked, deferred, leased, waiting}},
		"parked":     {queue.Filter{State: queue.Parked}, []queue.ID{parked}},
		"leased":     {queue.Filter{State: queue.Leased}, []queue.ID{leased}},
		"of cam-2":   {queue.Filter{Camera: "cam-2"}, []queue.ID{deferred, leased}},
		"of nobody":  {queue.Filter{Camera: "cam-7"}, nil},
		"since then": {queue.Filter{Since: day.Add(4 * time.Second)}, []queue.ID{leased, waiting}},
		"until then": {queue.Filter{Until: day.Add(4 * time.Second)}, []queue.ID{parked, deferred}},
		"by name":    {queue.Filter{Source: "three.jpg"}, []queue.ID{deferred}},
		"by digest":  {queue.Filter{SHA256: digits(waiting, 6)}, []queue.ID{waiting}},
	} {
		frames, next, err := d.List(t.Context(), tc.filter, queue.Page{})
		var got []queue.ID
		for _, f := range frames {
			got = append(got, f.ID)
		}
		if err != nil || !slices.Equal(got, tc.want) || next.After != "" {
			t.Errorf("%s: %v, %v, %v; want %v", name, got, next, err, tc.want)
		}
	}
	if _, _, err := d.List(t.Context(), queue.Filter{State: queue.Delivered}, queue.Page{}); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("delivered: %v", err)
	}
}

func pagesStory(t *testing.T, r *rig, d Desk) {
	for n := range 7 {
		r.put("cam-1", n, "")
	}
	var sizes []int
	for page := (queue.Page{Limit: 3}); ; {
		frames, next, err := d.List(t.Context(), queue.Filter{}, page)
		must(t, err)
		sizes = append(sizes, len(frames))
		if next.After == "" {
			break
		}
		page = next
	}
	if !slices.Equal(sizes, []int{3, 3, 1}) {
		t.Errorf("pages of %v", sizes)
	}
	n := 0
	must(t, Each(t.Context(), d, queue.Filter{}, func(f Frame) error { n++; return nil }))
	enough := errors.New("enough")
	if err := Each(t.Context(), d, queue.Filter{}, func(Frame) error { return enough }); n != 7 || !errors.Is(err, enough) {
		t.Errorf("each: %d, %v", n, err)
	}
}

func payloadStory(t *testing.T, r *rig, d Desk) {
	id := r.put("cam-1", 1, "")
	read := func() ([]byte, error) {
		p, err := d.Payload(t.Context(), id)
		if err != nil {
			return nil, err
		}
		defer func() { _ = p.Close() }()
		return io.ReadAll(p)
	}
	if got, err := read(); err != nil || !bytes.Equal(got, payloadOf("cam-1", 1)) {
		t.Errorf("got %q, %v", got, err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 100_000) // several pieces, and as it is
	must(t, os.WriteFile(r.file(id), large, 0o600))
	if got, err := read(); err != nil || !bytes.Equal(got, large) {
		t.Errorf("got %d bytes of %d, %v", len(got), len(large), err)
	}
	must(t, os.Remove(r.file(id)))
	if _, err := read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, odd := range []queue.ID{"", "../queue.db", "cam-1/../../queue.db"} {
		if _, err := d.Payload(t.Context(), odd); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%q: %v", odd, err)
		}
	}
}

func retryStory(t *testing.T, r *rig, d Desk) {
	waiting, leased, deferred, parked, delivered := r.settled()
	for id, want := range map[queue.ID]queue.State{waiting: queue.Waiting, leased: queue.Leased, deferred: queue.Waiting, parked: queue.Waiting} {
		f, err := d.Retry(t.Context(), digits(id, 16), "alice")
		if err != nil || f.ID != id || f.State != want || want == queue.Waiting && f.Attempts != 0 {
			t.Errorf("%s: %+v, %v", id, f, err)
		}
	}
	if _, err := d.Retry(t.Context(), string(delivered), "alice"); !errors.Is(err, ErrLeft) {
		t.Errorf("delivered: %v", err)
	}
	if got := r.log.String(); strings.Count(got, "alice, as "+Person(os.Geteuid())) != 4 {
		t.Errorf("the log does not say who:\n%s", got)
	}
}

func retryAllStory(t *testing.T, r *rig, d Desk) {
	_, _, _, parked, _ := r.settled()
	lost := r.put("cam-4", 6, "")
	must(t, r.Drop(t.Context(), r.put("cam-4", 7, ""), "test"))
	r.lease(2)
	must(t, r.Bury(t.Context(), lost, queue.ReasonDamaged, "flipped"))
	if n, err := RetryAll(t.Context(), d, queue.Filter{Camera: "cam-7"}, ""); n != 0 || err != nil {
		t.Errorf("of nobody: %d, %v", n, err)
	}
	if n, err := RetryAll(t.Context(), d, queue.Filter{State: queue.Parked}, ""); n != 1 || err != nil {
		t.Errorf("parked: %d, %v", n, err)
	}
	if n, err := RetryAll(t.Context(), d, queue.Filter{}, ""); n != 1 || err != nil {
		t.Errorf("all: %d, %v", n, err)
	}
	if got := r.Stats(); got.Deferred != 0 || got.Parked != 1 {
		t.Errorf("after: %+v", got)
	}
	if f, err := d.Show(t.Context(), string(parked)); err != nil || f.State != queue.Waiting || f.Attempts != 0 {
		t.Errorf("parked: %+v, %v", f, err)
	}
	if _, _, err := d.RetryPage(t.Context(), queue.Filter{}, queue.Page{}, ""); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("of no state: %v", err)
	}
	if got := r.log.String(); strings.Count(got, "frames are to be tried again") != 2 {
		t.Errorf("log:\n%s", got)
	}
}

func dropStory(t *testing.T, r *rig, d Desk) {
	waiting, _, deferred, parked, _ := r.settled()
	reason := "shows a person & <b>é</b>"
	for _, id := range []queue.ID{waiting, deferred, parked} {
		f, err := d.Drop(t.Context(), digits(id, 16), "alice", reason)
		if err != nil || f.ID != id || f.State != queue.Dropped || f.Note != reason || f.LeftAt.IsZero() ||
			f.By != "alice, as "+Person(os.Geteuid()) {
			t.Errorf("%+v, %v", f, err)
		}
		if again, err := d.Show(t.Context(), string(id)); err != nil || again.By != f.By || again.Note != reason {
			t.Errorf("the receipt: %+v, %v", again, err)
		}
		if _, err := os.Lstat(r.file(id)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the picture is still there: %v", err)
		}
		if _, err := d.Drop(t.Context(), string(id), "", reason); !errors.Is(err, ErrLeft) {
			t.Errorf("twice: %v", err)
		}
	}
	// Who brings a dropped frame again wants it: the digest means the one that is there, not its receipt.
	again := r.put("cam.3", 5, "five.jpg")
	if f, err := d.Show(t.Context(), digits(again, 16)); again != waiting || err != nil || f.State != queue.Waiting {
		t.Errorf("queued again: %+v, %v", f, err)
	}
	if got := r.log.String(); strings.Count(got, "frame is dropped") != 3 || strings.Count(got, "shows a person") != 3 {
		t.Errorf("log:\n%s", got)
	}
}

func dropRefusedStory(t *testing.T, r *rig, d Desk) {
	waiting, leased, _, _, delivered := r.settled()
	for name, tc := range map[string]struct {
		ref    string
		reason string
		want   error
	}{
		"on its way":       {string(leased), "why", queue.ErrLeased},
		"delivered":        {string(delivered), "why", ErrLeft},
		"without a reason": {string(waiting), " ", queue.ErrInvalid},
		"nobody knows it":  {"0123456789", "why", queue.ErrNotFound},
		"a whole queue's":  {"", "why", queue.ErrInvalid},
	} {
		if _, err := d.Drop(t.Context(), tc.ref, "alice", tc.reason); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if f, err := d.Show(t.Context(), string(leased)); err != nil || f.State != queue.Leased {
		t.Errorf("leased: %+v, %v", f, err)
	}
}

func verifyStory(t *testing.T, r *rig, d Desk) {
	r.settled()
	check := func(quick bool, want ...string) {
		t.Helper()
		var got []string
		done, err := d.Verify(t.Context(), quick, func(f Finding) error {
			got = append(got, string(f.Code)+" "+f.Path)
			if f.Means == "" || f.Do == "" || f.Saw == "" {
				t.Errorf("nobody can make sense of %+v", f)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) || done.Findings != int64(len(want)) || done.Records != 4 ||
			done.Bytes > 0 == quick {
			t.Errorf("quick=%v: %q, %+v, %v; want %q", quick, got, done, err, want)
		}
	}
	check(false)
	check(true)
	frames, _, err := d.List(t.Context(), queue.Filter{}, queue.Page{})
	must(t, err)
	must(t, os.Remove(r.file(frames[3].ID)))
	must(t, os.WriteFile(r.file(frames[1].ID), bytes.ToUpper(payloadOf("cam-2", 3)), 0o600))
	must(t, os.WriteFile(r.file("cam-1/notes.txt"), nil, 0o600))
	missing := "payload_missing payload/" + string(frames[3].ID)
	check(false, "stray_file payload/cam-1/notes.txt", "payload_damaged payload/"+string(frames[1].ID), missing)
	check(true, "stray_file payload/cam-1/notes.txt", missing)
	enough := errors.New("enough")
	if _, err := d.Verify(t.Context(), true, func(Finding) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("enough: %v", err)
	}
}

func statsStory(t *testing.T, r *rig, d Desk) {
	r.settled()
	s, err := d.Stats(t.Context())
	must(t, err)
	if s.Waiting != 1 || s.Leased != 1 || s.Deferred != 1 || s.Parked != 1 || s.Delivered != 1 || s.Bytes == 0 ||
		s.MaxBytes != 1<<40 || s.NextDue.IsZero() || len(s.Cameras) != 3 || s.Cameras[0].Camera != "cam-1" || s.Cameras[0].Parked != 1 {
		t.Errorf("%+v", s)
	}
}

func closedStory(t *testing.T, r *rig, d Desk) {
	id := r.put("cam-1", 1, "")
	must(t, r.Close())
	for what, err := range map[string]error{
		"show":   second(d.Show(t.Context(), string(id))),
		"retry":  second(d.Retry(t.Context(), string(id), "")),
		"drop":   second(d.Drop(t.Context(), string(id), "", "why")),
		"verify": second(d.Verify(t.Context(), false, func(Finding) error { return nil })),
	} {
		if !errors.Is(err, queue.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func cancelledStory(t *testing.T, r *rig, d Desk) {
	r.put("cam-1", 1, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := d.List(ctx, queue.Filter{}, queue.Page{}); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	if _, err := d.Verify(ctx, false, func(Finding) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("verify: %v", err)
	}
}

func TestEveryFindingIsExplained(t *testing.T) {
	for _, code := range queue.FindingCodes {
		if w := findingWords[code]; len(w.means) < 20 || len(w.do) < 10 {
			t.Errorf("%s: %+v", code, w)
		}
	}
}

func sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
