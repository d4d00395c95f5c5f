package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	fileSchema = "1"
	// lockTimeout is how long to wait for another process that has the file.
	lockTimeout = 3 * time.Second
	// gather is how long a Commit waits for others to share its fsync.
	gather = 2 * time.Millisecond
)

var (
	bucketMeta    = []byte("meta")
	bucketRecords = []byte("records")
	bucketDue     = []byte("due")
	keySchema     = []byte("schema")
)

// Errors of a file.
var (
	// ErrLocked says that another process has the file open.
	ErrLocked = errors.New("another process has it open, most likely a running server")
	// ErrDamaged says that what was read is not what was written.
	ErrDamaged = errors.New("it is damaged: restore it from a backup. Without one, start a new registry, and revoke again what was revoked")
)

// File is a Table in a bbolt file. It is one process's at a time.
type File struct {
	db  *bolt.DB
	now func() time.Time
}

var _ Table = (*File)(nil)

// MakeFile makes an empty registry where there is none, and reports whether it did. Its folder must be there.
func MakeFile(path string) (made bool, err error) {
	made, err = makeFile(path)
	if err != nil {
		return false, fmt.Errorf("registry %s: %w", path, err)
	}
	return made, nil
}

// OpenFile opens a file that MakeFile made. The error wraps ErrLocked or ErrDamaged when that is the reason, and
// fs.ErrNotExist when there is no file.
func OpenFile(path string) (*File, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	db, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("registry %s: %w", path, err)
	}
	db.MaxBatchDelay = gather
	return &File{db: db, now: time.Now}, nil
}

// openFile opens a file that exists. bbolt panics on some damage.
func openFile(path string) (db *bolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("%w (%v)", ErrDamaged, p)
		}
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%w; waited %s", ErrLocked, lockTimeout)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	case err != nil:
		return nil, err
	}
	err = db.View(func(tx *bolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil || tx.Bucket(bucketRecords) == nil || tx.Bucket(bucketDue) == nil {
			return fmt.Errorf("%w, or no registry", ErrDamaged)
		}
		if found := meta.Get(keySchema); string(found) != fileSchema {
			return fmt.Errorf("it has schema %q, this program knows %s; use a newer one", found, fileSchema)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// makeFile makes an empty registry that appears whole or not at all; a power cut during bbolt's own first
// initialisation would leave a file that cannot be opened. A link, unlike a rename, replaces nothing.
func makeFile(path string) (made bool, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".registry-*.tmp")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fresh := filepath.Join(dir, "new")
	if err := initFile(fresh); err != nil {
		return false, err
	}
	if err := os.Link(fresh, path); errors.Is(err, fs.ErrExist) {
		return false, nil // another process was faster
	} else if err != nil {
		return false, err
	}
	return true, syncDir(filepath.Dir(path))
}

func initFile(path string) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketRecords, bucketDue} {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySchema, []byte(fileSchema))
	})
	return errors.Join(err, db.Close())
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Close waits for what is running.
func (f *File) Close() error { return f.db.Close() }

// Get reads all keys as of one moment.
func (f *File) Get(_ context.Context, keys ...Key) ([]Record, error) {
	found := make([]Record, len(keys))
	err := f.db.View(func(tx *bolt.Tx) error {
		for i, key := range keys {
			record, err := load(tx, key)
			if err != nil {
				return err
			}
			found[i] = record
		}
		return nil
	})
	return found, err
}

// Commit shares one fsync with others that come at the same time.
func (f *File) Commit(_ context.Context, records ...Record) error {
	return f.db.Batch(func(tx *bolt.Tx) error {
		for _, record := range records {
			if err := save(tx, record); err != nil {
				return err
			}
		}
		return sweep(tx, f.now()) // last: what is written anew has a new end
	})
}

// Part walks the keys of a part, which lie together.
func (f *File) Part(_ context.Context, part string) ([]Record, error) {
	var found []Record
	err := f.db.View(func(tx *bolt.Tx) error {
		prefix := fileKey(Key{Part: part})
		cursor := tx.Bucket(bucketRecords).Cursor()
		for k, _ := cursor.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = cursor.Next() {
			record, err := load(tx, Key{Part: part, Name: string(k[len(prefix):])})
			if err != nil {
				return err
			}
			found = append(found, record)
		}
		return nil
	})
	return found, err
}
