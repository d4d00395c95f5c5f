package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Healed says what Open found and did. Numbers grow while healing goes on, and when a damaged record or payload is
// met later.
type Healed struct {
	Done     bool   // the comparison of payloads and records has ended
	Clean    bool   // the last stop was clean: nothing had to be looked at
	Damage   string // what was wrong with the database; "": nothing
	MovedTo  string // the damaged database, or ""
	Adopted  int    // payloads that had no record
	Missing  int    // items parked because they have no payload
	Damaged  int    // items parked because their payload is not what was queued
	Aside    int    // files in payload/ that are no payloads, moved to damaged/
	Records  int    // records that failed their checksum and were made again
	Unlinked int    // payloads of settled items, removed late
	Recount  int    // cameras whose counters were wrong
}

// Healed returns what recovery has done so far.
func (q *Queue) Healed() Healed {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.report
}

// WaitHealed returns when healing has ended, or with the context's error.
func (q *Queue) WaitHealed(ctx context.Context) error {
	select {
	case <-q.healed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *Queue) healDone() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.report.Done
}

func (q *Queue) count(change func(*Healed)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(&q.report)
}

// emptyTmp removes what a crash left unfinished.
func (q *Queue) emptyTmp() error {
	entries, err := os.ReadDir(q.disk.tmp)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(q.disk.tmp, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// openDatabase opens the database, or moves a damaged one aside and begins a new one, which healing fills.
func (q *Queue) openDatabase(ctx context.Context) error {
	path := q.databasePath()
	_, err := os.Lstat(path)
	if !q.report.Clean {
		if err := q.secureNames(errors.Is(err, fs.ErrNotExist)); err != nil {
			return err
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		q.report.Clean = false // payloads may be there all the same
		err = q.createDatabase()
	} else if err == nil && !q.report.Clean {
		err = q.check(ctx, path)
	}
	if err == nil {
		q.store, err = openStore(path, q.opts.LockTimeout)
	}
	if !errors.Is(err, errDamaged) {
		return err
	}
	moved, asideErr := q.moveAside(path)
	if asideErr != nil {
		return errors.Join(err, asideErr)
	}
	q.log.Error("the database is damaged: it was moved aside, and its records are made again from the payloads; "+
		"attempts, metadata and receipts are lost", "error", err, "moved_to", moved)
	q.report.Clean, q.report.Damage, q.report.MovedTo = false, err.Error(), moved
	if err := q.createDatabase(); err != nil {
		return err
	}
	q.store, err = openStore(path, q.opts.LockTimeout)
	return err
}

// createDatabase makes an empty database; on a full disk in the place of the reserve, for without one nothing is delivered,
// and no room is made.
func (q *Queue) createDatabase() error {
	err := createDB(q.disk, q.databasePath())
	if isFull(err) && q.reserve.giveUp() {
		q.log.Warn("disk is full: the reserve is given up to begin a new database", "bytes", q.opts.Reserve)
		err = createDB(q.disk, q.databasePath())
	}
	return err
}

// secureNames makes the names durable that a killed process had given and had not come to sync. They are seen, but a power
// cut could still take them, and with them all that is below. The names of payloads follow when they are adopted.
func (q *Queue) secureNames(first bool) error {
	for _, dir := range []string{q.opts.Dir, filepath.Join(q.opts.Dir, "payload")} {
		if err := q.disk.syncDir(dir); err != nil {
			return err
		}
	}
	if !first {
		return nil
	}
	err := q.disk.syncDir(filepath.Dir(q.opts.Dir))
	if errors.Is(err, fs.ErrPermission) {
		return nil // a directory that we may not read was not written to by us
	}
	return err
}

// moveAside moves a file to a folder of damaged/ that is named after the time.
func (q *Queue) moveAside(path string, below ...string) (string, error) {
	into := filepath.Join(append([]string{q.opts.Dir, "damaged", time.Now().UTC().Format("20060102T150405Z")}, below...)...)
	return q.disk.aside(path, into)
}

// load reads the counters. They are counted again if one of them cannot be believed.
func (q *Queue) load() error {
	return q.store.view(func(tx *bolt.Tx) error {
		counted := true
		err := tx.Bucket(bucketCameras).ForEach(func(key, value []byte) error {
			var c tally
			if unseal(key, value, &c) != nil {
				counted = false
				return nil
			}
			q.tallies[string(key)] = c
			return nil
		})
		if err != nil {
			return err
		}
		if !counted {
			q.report.Clean = false // the healer recounts, and writes what it has counted
		}
		for _, c := range q.tallies {
			q.total.add(c, tally{})
		}
		q.receipts = tx.Bucket(bucketReceipts).Stats().KeyN
		return nil
	})
}

// finishUnlinks removes the payloads of items that had left when the process ended.
func (q *Queue) finishUnlinks() error {
	return q.store.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketUnlink).ForEach(func(key, _ []byte) error {
			if _, err := parseID(ID(key)); err != nil {
				return nil //nolint:nilerr // a rotten key names no payload
			}
			_, err := os.Lstat(q.payloadPath(ID(key)))
			if err == nil {
				q.report.Unlinked++
			}
			q.unlink(ID(key))
			return nil
		})
	})
}

// heal compares payloads and records, in steps that let other operations through.
func (q *Queue) heal(ctx context.Context) error {
	if q.Healed().Clean {
		return nil
	}
	if err := q.adoptPayloads(ctx); err != nil {
		return fmt.Errorf("adopting payloads: %w", err)
	}
	if err := q.compareRecords(ctx); err != nil {
		return fmt.Errorf("comparing records: %w", err)
	}
	if err := q.recount(); err != nil {
		return fmt.Errorf("counting: %w", err)
	}
	return nil
}
