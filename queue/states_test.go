package queue

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestP1_PutIsThereAfterReopen(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	n := frameOf("cam-3", 0)
	put := mustPut(t, q, n)
	if want := "cam-3/20261122T011803.123Z-"; string(put.ID[:len(want)]) != want {
		t.Errorf("ID %q does not begin with %q", put.ID, want)
	}
	for _, clean := range []bool{true, false} {
		q = reopen(t, q, clean)
		got, err := q.Item(put.ID)
		must(t, err)
		if got.Source != n.Source || got.MD5 != md5.Sum(n.Payload) || got.SHA256 != n.SHA256 || got.Metadata["width"] != "3840" ||
			!got.EnqueuedAt.Equal(put.EnqueuedAt) || got.State != Waiting || got.Rebuilt {
			t.Errorf("clean=%v: %+v, put %+v", clean, got, put)
		}
		f, err := q.Payload(put.ID)
		must(t, err)
		bytes, err := io.ReadAll(f)
		must(t, errors.Join(err, f.Close()))
		if string(bytes) != string(n.Payload) {
			t.Errorf("payload %q", bytes)
		}
		wantStats(t, q, 1, 0, 0, 0, 0)
	}
}

// Each story begins with one leased item; what it does must hold before and after a crash.
func TestP2_Settling(t *testing.T) {
	ctx := context.Background()
	later := time.Now().Add(time.Hour)
	for name, story := range map[string]struct {
		do    func(q *Queue, id ID) error
		err   error
		state State
		tries int
		gone  bool
	}{
		"acknowledged with 200": {do: func(q *Queue, id ID) error { return q.Ack(ctx, id, Receipt{Proof: "200"}) },
			state: Delivered, tries: 1, gone: true},
		"acknowledged with 412": {do: func(q *Queue, id ID) error { return q.Ack(ctx, id, Receipt{Proof: "412"}) },
			state: Delivered, tries: 1, gone: true},
		"no proof": {do: func(q *Queue, id ID) error { return q.Ack(ctx, id, Receipt{}) },
			err: ErrProof, state: Waiting, tries: 1},
		"a person's word is no proof of delivery": {do: func(q *Queue, id ID) error {
			return q.Ack(ctx, id, Receipt{Proof: ProofDropped})
		}, err: ErrProof, state: Waiting, tries: 1},
		"dropped": {do: func(q *Queue, id ID) error { return q.Drop(ctx, id, "shows a person") },
			state: Dropped, tries: 1, gone: true},
		"dropped without a reason": {do: func(q *Queue, id ID) error { return q.Drop(ctx, id, " ") },
			err: ErrInvalid, state: Waiting, tries: 1},
		"deferred": {do: func(q *Queue, id ID) error { return q.Defer(ctx, id, Deferral{Until: later, Reason: "r"}) },
			state: Deferred, tries: 1},
		"deferred uncharged": {do: func(q *Queue, id ID) error {
			return q.Defer(ctx, id, Deferral{Until: later, Uncharged: true})
		}, state: Deferred, tries: 0},
		"deferred to now": {do: func(q *Queue, id ID) error { return q.Defer(ctx, id, Deferral{}) }, state: Waiting},
		"released":        {do: func(q *Queue, id ID) error { return q.Release(id) }, state: Waiting},
		"buried":          {do: func(q *Queue, id ID) error { return q.Bury(ctx, id, "c", "m") }, state: Parked, tries: 1},
		"buried, retried": {do: func(q *Queue, id ID) error {
			return errors.Join(q.Bury(ctx, id, "c", "m"), q.Retry(ctx, id))
		}, state: Waiting},
		"left alone": {do: func(*Queue, ID) error { return nil }, state: Waiting, tries: 1},
	} {
		t.Run(name, func(t *testing.T) {
			q := openTest(t, testOptions(t.TempDir()))
			id := mustPut(t, q, frameOf("cam-1", 1)).ID
			if got := mustLease(t, q, 2); len(got) != 1 || got[0].ID != id || got[0].Attempts != 1 || got[0].State != Leased {
				t.Fatalf("leased %+v", got)
			}
			if err := story.do(q, id); !errors.Is(err, story.err) {
				t.Fatalf("error %v, want %v", err, story.err)
			}
			if more := mustLease(t, q, 0); len(more) != 0 {
				t.Fatalf("leased %d of 0", len(more))
			}
			for _, clean := range []bool{true, false} {
				q = reopen(t, q, clean)
				it := stateOf(t, q, id)
				if it.State != story.state || it.Attempts != story.tries {
					t.Errorf("clean=%v: %v after %d attempts, want %v after %d", clean, it.State, it.Attempts, story.state, story.tries)
				}
				f, err := q.Payload(id)
				if err == nil {
					err = f.Close()
				}
				if errors.Is(err, fs.ErrNotExist) != story.gone {
					t.Errorf("clean=%v: payload: %v", clean, err)
				}
			}
		})
	}
}

func stateOf(t *testing.T, q *Queue, id ID) Item {
	t.Helper()
	it, err := q.Item(id)
	if errors.Is(err, ErrNotFound) {
		r, err := q.Receipt(id)
		must(t, err)
		return r.item()
	}
	must(t, err)
	return it
}

func TestP3_TheSameFrameTwice(t *testing.T) {
	ctx := context.Background()
	n := frameOf("cam-1", 1)
	q := openTest(t, testOptions(t.TempDir()))
	first := mustPut(t, q, n)
	if again := mustPut(t, q, n); again.ID != first.ID || again.State != Waiting || !again.EnqueuedAt.Equal(first.EnqueuedAt) {
		t.Errorf("waiting: %+v", again)
	}
	mustLease(t, q, 1)
	if again := mustPut(t, q, n); again.State != Leased || again.Attempts != 1 {
		t.Errorf("leased: %+v", again)
	}
	must(t, q.Bury(ctx, first.ID, "refused", "no"))
	if again := mustPut(t, q, n); again.State != Parked || again.Reason != "refused" {
		t.Errorf("parked: %+v", again)
	}
	must(t, q.Retry(ctx, first.ID))
	mustLease(t, q, 1)
	must(t, q.Ack(ctx, first.ID, Receipt{Proof: ProofStored, Key: "raw/x"}))
	must(t, q.Ack(ctx, first.ID, Receipt{Proof: ProofExists})) // a second proof changes nothing
	q = reopen(t, q, false)
	if again := mustPut(t, q, n); again.State != Delivered {
		t.Errorf("delivered: %+v", again)
	}
	wantStats(t, q, 0, 0, 0, 0, 1)
	r, err := q.Receipt(first.ID)
	must(t, err)
	if r.Key != "raw/x" || r.Proof != ProofStored || r.Source != n.Source || r.Attempts != 1 || r.DeliveredAt.IsZero() {
		t.Errorf("receipt %+v", r)
	}
}

// A payload of the right name and size whose content is not what it was: whoever brings the frame again mends it, and
// only then may let go of the source.
func TestP1_PutAgainMendsThePayload(t *testing.T) {
	n := frameOf("cam-1", 1)
	q := openTest(t, testOptions(t.TempDir()))
	first := mustPut(t, q, n)
	path := q.payloadPath(first.ID)
	torn, err := os.ReadFile(path)
	must(t, err)
	torn[len(torn)/2] ^= 1
	must(t, os.WriteFile(path, torn, 0o600))

	if again := mustPut(t, q, n); again.ID != first.ID {
		t.Errorf("another item: %+v", again)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, n.Payload) {
		t.Errorf("the payload was not mended: %v", err)
	}
	wantStats(t, q, 1, 0, 0, 0, 0)
}

func TestPutRefusesALie(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	for name, story := range map[string]struct {
		lie func(*New)
		err error
	}{
		"another SHA-256":    {func(n *New) { n.SHA256[0]++ }, ErrDigest},
		"camera is a path":   {func(n *New) { n.Camera = "../x" }, ErrInvalid},
		"camera in capitals": {func(n *New) { n.Camera = "Cam" }, ErrInvalid},
		"no format":          {func(n *New) { n.Ext = "" }, ErrInvalid},
		"before 1970":        {func(n *New) { n.CapturedAt = time.Time{} }, ErrInvalid},
		"endless metadata":   {func(n *New) { n.Metadata = map[string]string{"x": string(make([]byte, maxMetadata))} }, ErrInvalid},
	} {
		n := frameOf("cam-1", 1)
		story.lie(&n)
		if _, err := q.Put(context.Background(), n); !errors.Is(err, story.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantStats(t, q, 0, 0, 0, 0, 0)
}

// A frame that comes again after its receipt has been forgotten: the note that its first payload is to be removed must
// not take the second.
func TestP1_PutAgainOutlivesTheOldNote(t *testing.T) {
	opts := testOptions(t.TempDir())
	opts.Receipts = 1
	q := openTest(t, opts)
	for n := range 2 {
		id := mustPut(t, q, frameOf("cam-1", n)).ID
		mustLease(t, q, 1)
		must(t, q.Ack(context.Background(), id, Receipt{Proof: ProofStored}))
	}
	again := mustPut(t, q, frameOf("cam-1", 0))
	if again.State != Waiting {
		t.Fatalf("%+v", again)
	}
	// What a crash leaves now; Close would clear the notes.
	crashed := testOptions(t.TempDir())
	must(t, os.CopyFS(crashed.Dir, os.DirFS(opts.Dir)))
	q = openTest(t, crashed)
	if h := q.Healed(); h.Missing != 0 || h.Clean {
		t.Errorf("healed %+v", h)
	}
	must(t, countFiles(q))
	wantStats(t, q, 1, 0, 0, 0, 2)
}

// A Put must not overtake the removal of the payload that had the same name.
func TestP1_PutWaitsForTheUnlink(t *testing.T) {
	var q *Queue
	n := frameOf("cam-1", 1)
	put := make(chan error, 1)
	removing := false
	q = openFault(t, testOptions(t.TempDir()), func(s step, path string) error {
		if s != stepRemove || filepath.Ext(path) != ".jpg" || removing {
			return nil
		}
		removing = true
		go func() {
			_, err := q.Put(context.Background(), n)
			put <- err
		}()
		select {
		case err := <-put:
			t.Errorf("Put returned %v before the unlink", err)
			put <- err
		case <-time.After(20 * time.Millisecond): // long enough for two commits
		}
		return nil
	})
	id := mustPut(t, q, n).ID
	must(t, q.Drop(context.Background(), id, "test"))
	must(t, <-put)
	must(t, countFiles(q))
	wantStats(t, q, 1, 0, 0, 0, 0)
}
