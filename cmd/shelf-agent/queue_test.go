package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"go.etcd.io/bbolt"

	"shelfagent/queue"
)

func TestQueueScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/queue",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": exitCode, "rig": makeRig, "start": start, "terminate": terminate, "frames": makeFrames, "flip": flip, "newer": newer, "truncate": truncate, "narrow": narrow,
		},
		Setup: func(env *testscript.Env) error {
			env.Values[runningKey{}] = &running{}
			return nil
		},
	})
}

// frames CAMERA=STATE... queues frames in state/queue, taken a second apart. $ID1 and so on are their IDs, $SHA1 the
// beginnings of their digests, $FILE1 their pictures.
func makeFrames(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: frames CAMERA=STATE...")
	}
	ids, err := queueFrames(ts.MkAbs("state/queue"), args)
	ts.Check(err)
	for i, id := range ids {
		_, digest, _ := strings.Cut(filepath.Base(string(id)), "-")
		ts.Setenv(fmt.Sprintf("ID%d", i+1), string(id))
		ts.Setenv(fmt.Sprintf("SHA%d", i+1), digest[:12])
		ts.Setenv(fmt.Sprintf("FILE%d", i+1), ts.MkAbs("state/queue/payload/"+string(id)))
	}
}

func queueFrames(dir string, specs []string) (ids []queue.ID, err error) {
	ctx := context.Background()
	q, err := queue.Open(ctx, queue.Options{Dir: dir, MinFree: 1, Reserve: -1})
	if err != nil {
		return nil, err
	}
	for i, spec := range specs {
		camera, state, _ := strings.Cut(spec, "=")
		payload := fmt.Appendf(nil, "picture %d of %s", i+1, camera)
		it, err := q.Put(ctx, queue.New{
			Camera: camera, CapturedAt: time.Date(2026, 11, 22, 1, 18, i, 0, time.UTC), Ext: "jpg", ContentType: "image/jpeg",
			SHA256: sha256.Sum256(payload), Payload: payload, Source: fmt.Sprintf("IMG_%04d.jpg", i+1),
			Metadata: map[string]string{"width": "3840"},
		})
		if err != nil {
			return nil, err
		}
		if err := settle(ctx, q, it.ID, state); err != nil {
			return nil, fmt.Errorf("%s: %w", spec, err)
		}
		ids = append(ids, it.ID)
	}
	return ids, q.Close()
}

// settle brings the one frame that has just been put to a state. Those before it must not be waiting.
func settle(ctx context.Context, q *queue.Queue, id queue.ID, state string) error {
	if state == "waiting" {
		return nil
	}
	items, err := q.Lease(ctx, 1)
	if err != nil || len(items) != 1 || items[0].ID != id {
		return fmt.Errorf("leased %v: %w", items, err)
	}
	switch state {
	case "parked":
		return q.Bury(ctx, id, "frame_refused", "the backend refuses frames of this camera, says its policy for the whole of this store")
	case "deferred":
		return q.Defer(ctx, id, queue.Deferral{Until: time.Now().Add(time.Hour), Reason: "an odd answer"})
	case "delivered":
		return q.Ack(ctx, id, queue.Receipt{Proof: queue.ProofStored, Key: "raw/4711/key.jpg"})
	}
	return fmt.Errorf("no state %q", state)
}

// flip FILE changes one bit of a file.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip FILE")
	}
	content := []byte(ts.ReadFile(args[0]))
	content[len(content)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

// truncate FILE leaves nothing in a file.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: truncate FILE")
	}
	ts.Check(os.Truncate(ts.MkAbs(args[0]), 0))
}

// newer makes the database in state/queue one of a later version.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: newer")
	}
	db, err := bbolt.Open(ts.MkAbs("state/queue/queue.db"), 0o600, &bbolt.Options{Timeout: time.Second})
	ts.Check(err)
	key, value := "schema", "\x01"+`{"version":99}` // as queue/doc.go describes it
	sum := crc32.Checksum([]byte(value[:1]+key+value[1:]), crc32.MakeTable(crc32.Castagnoli))
	ts.Check(db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte(key), []byte(value[:1]+string(binary.BigEndian.AppendUint32(nil, sum))+value[1:]))
	}))
	ts.Check(db.Close())
}

// narrow NAME holds an output against the width of a terminal.
func narrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: narrow stdout|stderr|FILE")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > columns {
			ts.Fatalf("%d columns: %s", n, line)
		}
	}
}

func TestSizesAndColumns(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9_940: "9.9 kB", 9_960: "10 kB", 482_113: "482 kB",
		999_600: "1.0 MB", 41_200_000_000: "41 GB", 1 << 62: "4612 PB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	digest := hex.EncodeToString(make([]byte, 32))
	for _, line := range wrapped("one two "+digest+digest+" three\x1b[31m\nfour", 20) {
		if utf8.RuneCountInString(line) > 20 || strings.ContainsRune(line, '\x1b') {
			t.Errorf("a line %q", line)
		}
	}
	if got := fit("a camera with a long name", 10); got != "a camera …" {
		t.Errorf("fit: %q", got)
	}
}
