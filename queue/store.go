package queue

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// allocBytes is how far ahead bbolt grows its file. Less than its default of 16 MiB, so that the reserve is
// enough for a step even where files are not sparse.
const allocBytes = 4 << 20

// errDamaged marks a database that cannot be believed.
var errDamaged = errors.New("queue: database is damaged")

var (
	bucketMeta       = []byte("meta")
	bucketReady      = []byte("ready")
	bucketDeferred   = []byte("deferred")
	bucketDue        = []byte("due")
	bucketParked     = []byte("parked")
	bucketReceipts   = []byte("receipts")
	bucketReceiptIDs = []byte("receipt_ids")
	bucketUnlink     = []byte("unlink")
	bucketCameras    = []byte("cameras")

	allBuckets = [][]byte{bucketMeta, bucketReady, bucketDeferred, bucketDue, bucketParked, bucketReceipts,
		bucketReceiptIDs, bucketUnlink, bucketCameras}

	keySchema = []byte("schema")
)

// store is the database. Only the committer writes and swaps it.
type store struct {
	path string

	mu sync.RWMutex // guards db, which compaction replaces
	db *bolt.DB     // nil when closed
}

// createDB makes an empty database that appears under its name whole or not at all: a crash during the first
// initialisation in place would leave a file that bbolt cannot open.
func createDB(d *disk, path string) error {
	tmp := filepath.Join(d.tmp, "create.db")
	if err := d.remove(tmp); err != nil {
		return err
	}
	if err := d.do(stepCreate, path, func() error { return initDB(tmp) }); err != nil {
		return fmt.Errorf("queue: creating %s: %w", path, err)
	}
	if err := d.rename(tmp, path); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

// initDB commits the buckets and the schema to a new file; bbolt syncs it.
func initDB(path string) error {
	db, err := bolt.Open(path, 0o600, boltOptions(time.Second))
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range allBuckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return setSchema(tx, schemaVersion)
	})
	return errors.Join(err, db.Close())
}

func boltOptions(timeout time.Duration) *bolt.Options {
	return &bolt.Options{Timeout: timeout, FreelistType: bolt.FreelistMapType}
}

// openStore opens a database that exists and brings it to our schema. A file that bbolt cannot open, or that is not
// ours, is errDamaged; one that the system does not let us open now is not.
func openStore(path string, timeout time.Duration) (*store, error) {
	s := &store{path: path}
	if err := s.open(timeout); err != nil {
		return nil, err
	}
	if err := s.upgrade(upgrades[:]); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.view(checkSchema); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) open(timeout time.Duration) error {
	return guarded(func() error {
		db, err := openBolt(s.path, boltOptions(timeout))
		switch {
		case errors.Is(err, berrors.ErrTimeout):
			return &LockedError{Path: s.path, Waited: timeout}
		case refused(err):
			return fmt.Errorf("queue: opening %s: %w", s.path, err)
		case err != nil:
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		db.AllocSize = allocBytes
		s.db = db
		return nil
	})
}

// openBolt opens a database that exists; a second time if the disk could not read it: what it can read then is not to be
// given up.
func openBolt(path string, opts *bolt.Options) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, opts)
	if unreadable(err) {
		return bolt.Open(path, 0o600, opts)
	}
	return db, err
}

// view runs f in a read transaction: a snapshot, whatever is committed meanwhile.
func (s *store) view(f func(tx *bolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return ErrClosed
	}
	return guarded(func() error { return s.db.View(f) })
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	db := s.db
	s.db = nil
	if db == nil {
		return nil
	}
	return guarded(db.Close)
}

// guarded turns a panic over a damaged page, and a fault in the mapped file, into errDamaged. What happens in
// goroutines of bbolt's own is out of its reach: that is why the check runs in a child.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}
