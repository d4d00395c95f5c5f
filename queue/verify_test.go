package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// verify returns the findings as "code path", and what was looked at.
func verify(t *testing.T, q *Queue, quick bool) (findings []string, done Verified) {
	t.Helper()
	done, err := q.Verify(t.Context(), quick, func(f Finding) error {
		if f.Detail == "" {
			t.Errorf("%v says nothing of what was seen", f)
		}
		findings = append(findings, string(f.Code)+" "+f.Path)
		return nil
	})
	must(t, err)
	if done.Findings != int64(len(findings)) {
		t.Errorf("%d findings were counted of %q", done.Findings, findings)
	}
	return findings, done
}

// rot changes a payload without its length.
func rot(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	content[len(content)/2] ^= 1
	must(t, os.WriteFile(path, content, 0o600))
}

// spoilRecord flips a bit of a record in the ready bucket.
func spoilRecord(t *testing.T, q *Queue, id ID) {
	t.Helper()
	must(t, q.do(func(t *txn) error {
		value := append([]byte(nil), t.bucket(bucketReady).Get([]byte(id))...)
		value[len(value)-2] ^= 1
		t.put(bucketReady, []byte(id), value)
		return nil
	}))
}

func TestVerifyFindsWhatIsWrongAndNothingElse(t *testing.T) {
	ctx := context.Background()
	write := func(q *Queue, name string, content string) error {
		return os.WriteFile(filepath.Join(q.opts.Dir, "payload", name), []byte(content), 0o600)
	}
	for story, tc := range map[string]struct {
		spoil func(t *testing.T, q *Queue, id ID)
		want  FindingCode // of the item; "": nothing is wrong
		path  string      // of what is found, if it is not the item's
		quick bool        // it is found without reading as well
	}{
		"all is well": {spoil: func(*testing.T, *Queue, ID) {}},
		"an item in each state": {spoil: func(t *testing.T, q *Queue, id ID) {
			mustLease(t, q, 1)
			must(t, q.Defer(ctx, id, Deferral{Until: time.Now().Add(time.Hour)}))
			parked := mustPut(t, q, frameOf("cam-1", 8)).ID
			mustLease(t, q, 1)
			must(t, q.Bury(ctx, parked, "refused", "no"))
			mustPut(t, q, frameOf("cam-1", 9))
			mustLease(t, q, 1)
			must(t, q.Drop(ctx, mustPut(t, q, frameOf("cam-2", 10)).ID, "test"))
		}},
		"the payload is gone": {want: FindMissing, quick: true, spoil: func(t *testing.T, q *Queue, id ID) {
			must(t, os.Remove(q.payloadPath(id)))
		}},
		"one bit has flipped": {want: FindDamaged, spoil: func(t *testing.T, q *Queue, id ID) {
			rot(t, q.payloadPath(id))
		}},
		"the payload has been cut": {want: FindDamaged, quick: true, spoil: func(t *testing.T, q *Queue, id ID) {
			must(t, os.Truncate(q.payloadPath(id), 3))
		}},
		"parked for its missing payload": {want: FindMissing, quick: true, spoil: func(t *testing.T, q *Queue, id ID) {
			mustLease(t, q, 1)
			must(t, os.Remove(q.payloadPath(id)))
			must(t, q.Bury(ctx, id, ReasonMissing, "gone"))
		}},
		"a payload that no record names": {want: FindUnrecorded, quick: true, path: "payload/" + string(frameOf("cam-1", 7).mustID()),
			spoil: func(t *testing.T, q *Queue, _ ID) {
				n := frameOf("cam-1", 7)
				it, err := n.item(day)
				must(t, errors.Join(err, q.putPayload(it, n.Payload)))
			}},
		"a payload that outlived its item": {want: FindLeftover, quick: true, spoil: func(t *testing.T, q *Queue, id ID) {
			must(t, q.Drop(ctx, id, "test"))
			must(t, write(q, string(id), string(frameOf("cam-1", 1).Payload)))
		}},
		"a file that is no payload": {want: FindStray, quick: true, path: "payload/cam-1/notes.txt",
			spoil: func(t *testing.T, q *Queue, _ ID) { must(t, write(q, "cam-1/notes.txt", "x")) }},
		"a file beside the cameras": {want: FindStray, quick: true, path: "payload/notes.txt",
			spoil: func(t *testing.T, q *Queue, _ ID) { must(t, write(q, "notes.txt", "x")) }},
		"a folder of the file system's own": {spoil: func(t *testing.T, q *Queue, _ ID) {
			must(t, os.Mkdir(filepath.Join(q.opts.Dir, "payload", "lost+found"), 0o700))
		}},
		"a link with a payload's name": {want: FindStray, quick: true, spoil: func(t *testing.T, q *Queue, id ID) {
			other := filepath.Join(q.opts.Dir, "elsewhere")
			must(t, errors.Join(os.Rename(q.payloadPath(id), other), os.Symlink(other, q.payloadPath(id))))
		}},
		"a record with a flipped bit": {want: FindRecord, quick: true, spoil: func(t *testing.T, q *Queue, id ID) { spoilRecord(t, q, id) }},
		"a deferral without its time": {want: FindRecord, quick: true, spoil: func(t *testing.T, q *Queue, id ID) {
			mustLease(t, q, 1)
			must(t, q.Defer(ctx, id, Deferral{Until: time.Now().Add(time.Hour)}))
			it, err := q.Item(id)
			must(t, err)
			must(t, q.do(func(t *txn) error { t.delete(bucketDue, dueKey(it.NotBefore, id)); return nil }))
		}},
	} {
		t.Run(story, func(t *testing.T) {
			q := openTest(t, testOptions(t.TempDir()))
			id := mustPut(t, q, frameOf("cam-1", 1)).ID
			mustPut(t, q, frameOf("cam-2", 2))
			tc.spoil(t, q, id)
			if tc.path == "" {
				tc.path = "payload/" + string(id)
			}
			for _, quick := range []bool{false, true} {
				want := ""
				if tc.want != "" && (!quick || tc.quick) {
					want = string(tc.want) + " " + tc.path
				}
				found, done := verify(t, q, quick)
				if got := strings.Join(found, "; "); got != want {
					t.Errorf("quick=%v: found %q, want %q", quick, got, want)
				}
				if read := done.Bytes > 0; read == quick {
					t.Errorf("quick=%v: %+v", quick, done)
				}
			}
		})
	}
}

// A queue of more than one page, used while it is verified: items that change their state, come and go are no findings
// and hide none.
func TestVerifyLetsTheQueueWork(t *testing.T) {
	ctx := context.Background()
	q := openTest(t, testOptions(t.TempDir()))
	n := healBatch + 50
	var puts sync.WaitGroup // together, so that they share their commits
	for w := range 32 {
		puts.Go(func() {
			for i := w; i < n; i += 32 {
				mustPut(t, q, frameOf("cam-1", i))
			}
		})
	}
	puts.Wait()
	gone := frameOf("cam-1", n-1).mustID()
	must(t, os.Remove(q.payloadPath(gone)))
	stirred := 0
	stir := func() {
		stirred++
		for _, it := range mustLease(t, q, 4) {
			if it.ID != gone && stirred%2 == 0 {
				must(t, q.Ack(ctx, it.ID, Receipt{Proof: ProofStored}))
			} else {
				must(t, q.Defer(ctx, it.ID, Deferral{Until: time.Now().Add(time.Hour)}))
			}
		}
		mustPut(t, q, frameOf("cam-2", n+stirred))
	}
	must(t, os.WriteFile(filepath.Join(q.payloadDir("cam-1"), "stray"), nil, 0o600))
	var found []string
	done, err := q.Verify(ctx, false, func(f Finding) error {
		stir()
		found = append(found, string(f.Code))
		return nil
	})
	must(t, err)
	if got := fmt.Sprint(found); got != "[stray_file payload_missing]" {
		t.Errorf("found %v of %+v", got, done)
	}
	if done.Records < int64(n-8) {
		t.Errorf("%d records were looked at of %d", done.Records, n)
	}
}

func TestVerifyEnds(t *testing.T) {
	q := openTest(t, testOptions(t.TempDir()))
	must(t, os.Remove(q.payloadPath(mustPut(t, q, frameOf("cam-1", 1)).ID)))
	enough := errors.New("enough")
	if _, err := q.Verify(t.Context(), false, func(Finding) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("found's error: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Verify(ctx, false, func(Finding) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	must(t, q.Close())
	if _, err := q.Verify(t.Context(), false, func(Finding) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed queue: %v", err)
	}
}
