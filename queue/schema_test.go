package queue

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	opts := testOptions(t.TempDir())
	closedQueue(t, opts)
	path := filepath.Join(opts.Dir, "queue.db")
	db, err := bolt.Open(path, 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bolt.Tx) error {
		value, err := seal(keySchema, schema{Version: schemaVersion + 1})
		return errors.Join(err, tx.Bucket(bucketMeta).Put(keySchema, value))
	}))
	must(t, db.Close())
	before, err := os.ReadFile(path)
	must(t, err)
	for range 2 {
		if _, err := Open(t.Context(), opts); !errors.Is(err, ErrNewerSchema) {
			t.Fatalf("Open: %v", err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was touched: %v", err)
	}
}

// oldQueues are queues as earlier versions of this package left them, each with what closedQueue puts into one.
const oldQueues = "../testdata/queue"

// TestOldQueuesOpen is the promise to every rig that is updated. QUEUE_TEST_WRITE_OLD=1 writes the queue of this version, once.
func TestOldQueuesOpen(t *testing.T) {
	if os.Getenv("QUEUE_TEST_WRITE_OLD") != "" {
		writeOldQueue(t, filepath.Join(oldQueues, "schema-1"))
	}
	old, err := os.ReadDir(oldQueues)
	must(t, err)
	if len(old) != schemaVersion {
		t.Errorf("%d old queues, and %d schemas", len(old), schemaVersion)
	}
	for _, dir := range old {
		opts := testOptions(t.TempDir())
		must(t, os.CopyFS(opts.Dir, os.DirFS(filepath.Join(oldQueues, dir.Name()))))
		q := openTest(t, opts)
		if h := q.Healed(); !h.Clean || h.Damage != "" {
			t.Errorf("%s: healed %+v", dir.Name(), h)
		}
		wantStats(t, q, 1, 1, 0, 1, 1)
		it := mustLease(t, q, 1)[0]
		if it.Source == "" || it.Metadata["width"] == "" || it.Attempts < 1 || it.EnqueuedAt.IsZero() || it.MD5 == [16]byte{} {
			t.Errorf("%s: %+v", dir.Name(), it)
		}
		receipts, err := q.Receipts(10)
		if err != nil || len(receipts) != 1 || receipts[0].Proof != ProofStored {
			t.Errorf("%s: %+v, %v", dir.Name(), receipts, err)
		}
		parked, _, err := q.Items(context.Background(), Filter{State: Parked}, Page{})
		if err != nil || len(parked) != 1 || parked[0].Reason != "refused" || parked[0].LastError != "policy" {
			t.Errorf("%s: %+v, %v", dir.Name(), parked, err)
		}
		if v, err := q.Verify(context.Background(), false, func(f Finding) error { t.Errorf("%s: %+v", dir.Name(), f); return nil }); err != nil || v.Records != 3 {
			t.Errorf("%s: %+v, %v", dir.Name(), v, err)
		}
	}
}

func writeOldQueue(t *testing.T, dir string) {
	t.Helper()
	opts := testOptions(dir)
	closedQueue(t, opts)
	q := openTest(t, opts)
	must(t, q.Close())
	for _, name := range []string{"tmp", "damaged", "lock"} {
		must(t, os.RemoveAll(filepath.Join(dir, name)))
	}
}

// A database is upgraded by the steps that it lacks, whole or not at all.
func TestUpgrade(t *testing.T) {
	opts := testOptions(t.TempDir())
	closedQueue(t, opts)
	path := filepath.Join(opts.Dir, "queue.db")
	var taken []string
	step := func(name string, err error) upgrade {
		return func(tx *bolt.Tx) error {
			taken = append(taken, name)
			return errors.Join(err, tx.Bucket(bucketMeta).Put([]byte(name), nil))
		}
	}
	upgradeTo := func(steps ...upgrade) (version int, left []string, err error) {
		t.Helper()
		taken = nil
		s := &store{path: path}
		must(t, s.open(time.Second))
		defer func() { must(t, s.close()) }()
		err = s.upgrade(steps)
		must(t, s.view(func(tx *bolt.Tx) (err error) {
			version, err = schemaOf(tx)
			for _, name := range []string{"one", "two", "three"} {
				if v := tx.Bucket(bucketMeta).Get([]byte(name)); v != nil {
					left = append(left, name)
				}
			}
			return err
		}))
		return version, left, err
	}
	failure := errors.New("no")
	if version, left, err := upgradeTo(step("one", nil), step("two", failure)); !errors.Is(err, failure) || version != 1 || len(left) > 0 {
		t.Errorf("a step fails: schema %d, left %q, %v", version, left, err)
	}
	if version, left, err := upgradeTo(step("one", nil), step("two", nil)); err != nil || version != 3 || len(left) != 2 {
		t.Errorf("two steps: schema %d, left %q, %v", version, left, err)
	}
	if version, _, err := upgradeTo(step("one", nil), step("two", nil), step("three", nil)); err != nil || version != 4 || len(taken) != 1 {
		t.Errorf("one more: schema %d, taken %q, %v", version, taken, err)
	}
	if version, _, err := upgradeTo(step("one", nil)); err != nil || version != 4 || len(taken) > 0 {
		t.Errorf("a newer one: schema %d, taken %q, %v", version, taken, err)
	}
	if _, err := openStore(path, time.Second); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("and it is not opened: %v", err)
	}
}
