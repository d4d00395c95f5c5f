package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// The database is made small again when it is larger than compactFrom, at least three quarters of it are free pages,
// and what is in use is at most compactUsed: that is copied while operations wait.
const (
	compactFrom = 32 << 20
	compactUsed = 16 << 20
	compactTx   = 1 << 20 // bytes copied in one transaction
)

// compactable tells whether it is worth it. The caller is the committer, or nothing is committed.
func (s *store) compactable() bool {
	info, err := os.Stat(s.path)
	if err != nil || info.Size() < compactFrom {
		return false
	}
	stats := s.db.Stats()
	free := int64(stats.FreePageN+stats.PendingPageN) * int64(s.db.Info().PageSize)
	return free >= info.Size()/4*3 && info.Size()-free <= compactUsed
}

// compact replaces the database by a copy without free pages. Up to the rename the old one is untouched; behind it
// the copy is whole. An error that is errDamaged says that the database cannot be used any more: it is not open, or
// its new name is not durable, so that what is committed from now on could be lost with it.
func (s *store) compact(d *disk) error {
	tmp := filepath.Join(d.tmp, "compact.db")
	if err := d.remove(tmp); err != nil {
		return err
	}
	if err := s.copyTo(d, tmp); err != nil {
		return errors.Join(fmt.Errorf("queue: compacting: %w", err), d.remove(tmp))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Windows does not rename over an open file.
	old := s.db
	s.db = nil
	if err := guarded(old.Close); err != nil {
		return fmt.Errorf("%w: closing it for compaction: %w", errDamaged, err)
	}
	renamed := d.rename(tmp, s.path)
	if renamed == nil {
		if err := d.syncDir(filepath.Dir(s.path)); err != nil {
			return fmt.Errorf("%w: its name after compaction is not durable: %w", errDamaged, err)
		}
	}
	if err := s.open(time.Second); err != nil {
		return fmt.Errorf("%w: opening it after compaction: %w", errDamaged, err)
	}
	return renamed
}

// copyTo writes what is in use to a new database, synced by bbolt's own commits. Readers go on meanwhile.
func (s *store) copyTo(d *disk, path string) error {
	return d.do(stepCreate, path, func() error { return s.copy(path) })
}

func (s *store) copy(path string) error {
	return guarded(func() (err error) {
		to, err := bolt.Open(path, 0o600, boltOptions(time.Second))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, to.Close()) }()
		return bolt.Compact(to, s.db, compactTx)
	})
}

// compact is done by the committer, between two commits.
func (q *Queue) compact() {
	before, _ := os.Stat(q.store.path)
	err := q.store.compact(q.disk)
	if errors.Is(err, errDamaged) {
		q.fail(err)
		return
	}
	after, statErr := os.Stat(q.store.path)
	if err != nil || statErr != nil || before == nil {
		q.log.Warn("the database cannot be made smaller now", "error", errors.Join(err, statErr))
		return
	}
	q.log.Info("the database was made smaller", "bytes_before", before.Size(), "bytes", after.Size())
}
