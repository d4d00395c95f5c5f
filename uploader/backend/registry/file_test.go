package registry

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func openTest(t *testing.T, path string) *File {
	t.Helper()
	if _, err := MakeFile(path); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.now = func() time.Time { return noon }
	t.Cleanup(func() { f.Close() })
	return f
}

func put(t *testing.T, f *File, r Record) {
	t.Helper()
	found, err := f.Get(t.Context(), r.Key)
	if err != nil {
		t.Fatal(err)
	}
	r.Version = found[0].Version
	if err := f.Commit(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, f *File, bucket []byte) (n int) {
	t.Helper()
	if err := f.db.View(func(tx *bolt.Tx) error { n = tx.Bucket(bucket).Stats().KeyN; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// What has ended goes by itself, a bounded number with each commit; what was given a new end stays until then.
func TestEndedRecordsAreDeleted(t *testing.T) {
	f := openTest(t, filepath.Join(t.TempDir(), "r.db"))
	var records []Record
	for i := range sweepMost + 44 {
		records = append(records, Record{Key: Key{"old", fmt.Sprint(i)}, Value: []byte("{}"), Ends: noon.Add(time.Hour)})
	}
	if err := f.Commit(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
	keep := Record{Key: Key{"keep", "-"}, Value: []byte("{}"), Ends: noon.Add(time.Hour)}
	put(t, f, keep)
	forever := Record{Key: Key{"forever", "-"}, Value: []byte("{}")}
	put(t, f, forever)

	f.now = func() time.Time { return noon.Add(2 * time.Hour) }
	keep.Ends = noon.Add(3 * time.Hour) // ended, not yet deleted, and written anew
	put(t, f, keep)
	if n := count(t, f, bucketRecords); n != 44+2 {
		t.Errorf("%d records after one commit, want %d", n, 44+2)
	}
	put(t, f, forever)
	if n, due := count(t, f, bucketRecords), count(t, f, bucketDue); n != 2 || due != 1 {
		t.Errorf("%d records, %d ends; want 2 and 1", n, due)
	}
	f.now = func() time.Time { return noon.Add(4 * time.Hour) }
	put(t, f, forever)
	if n, due := count(t, f, bucketRecords), count(t, f, bucketDue); n != 1 || due != 0 {
		t.Errorf("%d records, %d ends; want 1 and 0", n, due)
	}
}

func TestFileIsKeptOverARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.db")
	f := openTest(t, path)
	put(t, f, Record{Key: Key{"a", "b"}, Value: []byte(`{"n":1}`)})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, path)
	found, err := again.Get(t.Context(), Key{"a", "b"})
	if err != nil || string(found[0].Value) != `{"n":1}` {
		t.Errorf("%+v, %v", found, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".registry-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLockedFileSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.db")
	openTest(t, path)
	if _, err := OpenFile(path); !errors.Is(err, ErrLocked) {
		t.Errorf("%v, want ErrLocked", err)
	}
}

// One flipped bit in a record is found out, and never taken for "not revoked".
func TestDamageIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.db")
	f := openTest(t, path)
	put(t, f, Record{Key: Key{"a", "b"}, Value: []byte(`{"reason":"stolen"}`)})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(raw, []byte("stolen"), []byte("stoleo")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openTest(t, path).Get(t.Context(), Key{"a", "b"}); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}

func TestFilesThatAreNoRegistry(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other.db")
	db, err := bolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database\n"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{other, text} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFile(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", path, err)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s was changed", path)
		}
	}
	if _, err := MakeFile(filepath.Join(dir, "none", "r.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	absent := filepath.Join(dir, "absent.db")
	if _, err := OpenFile(absent); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(absent); err == nil {
		t.Error("opening made a file: an empty registry in the place of a lost one")
	}
	for _, want := range []bool{true, false} {
		if made, err := MakeFile(absent); err != nil || made != want {
			t.Errorf("made %v, %v; want %v", made, err, want)
		}
	}
}
