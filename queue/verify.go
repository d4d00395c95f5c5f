package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// FindingCode says what kind of thing Verify has found.
type FindingCode string

// The codes.
const (
	FindMissing    FindingCode = "payload_missing"    // a record, but no bytes
	FindDamaged    FindingCode = "payload_damaged"    // the bytes are not those that were queued
	FindUnreadable FindingCode = "payload_unreadable" // the disk gives an error instead of the bytes
	FindUnrecorded FindingCode = "payload_unrecorded" // bytes, but no record
	FindLeftover   FindingCode = "payload_leftover"   // the bytes of an item that has left
	FindRecord     FindingCode = "record_damaged"     // a record that fails its checksum, or has lost its due time
	FindStray      FindingCode = "stray_file"         // a file among the payloads that is none
)

// FindingCodes lists them all.
var FindingCodes = []FindingCode{FindMissing, FindDamaged, FindUnreadable, FindUnrecorded, FindLeftover, FindRecord, FindStray}

// Finding is one thing that is not as it should be.
type Finding struct {
	Code   FindingCode
	ID     ID     // "" for a stray file
	Path   string // of the file, below Options.Dir, with slashes
	Detail string // what was seen, in the disk's words or the queue's
}

// Verified says how much Verify has looked at.
type Verified struct {
	Records  int64
	Payloads int64
	Bytes    int64 // read and hashed
	Findings int64
}

// Verify compares records, payloads and digests, and hands over everything that is not right, as it is found. It
// changes nothing. The queue is in use meanwhile: Verify reads records in pages and holds back an item's Put or
// Ack only for the moment in which it makes sure of a finding about that item. What comes and goes while it looks
// may be left out, and is never a finding for it.
//
// Quick compares sizes instead of reading the bytes. Counters are not looked at: they are counted again after an
// unclean stop. On Windows a payload that is read at the moment of its removal is removed at the next Open.
//
// Errors: the context's, found's, ErrClosed, those of a disk whose directories cannot be listed.
func (q *Queue) Verify(ctx context.Context, quick bool, found func(Finding) error) (Verified, error) {
	v := &verification{q: q, quick: quick, found: found}
	if err := q.WaitHealed(ctx); err != nil { // what it is about to mend is no finding
		return v.done, err
	}
	err := v.payloads(ctx)
	if err == nil {
		err = v.records(ctx)
	}
	return v.done, err
}

// verification is one run of Verify. Payloads are held against their names, each once, whatever happens to their
// records meanwhile; records are then held against the payloads' sizes.
type verification struct {
	q     *Queue
	quick bool
	found func(Finding) error
	done  Verified
}

func (v *verification) report(code FindingCode, id ID, file string, detail any) error {
	if id != "" {
		file = string(id)
	}
	v.done.Findings++
	return v.found(Finding{Code: code, ID: id, Path: path.Join("payload", file), Detail: clip(fmt.Sprint(detail))})
}

func (v *verification) payloads(ctx context.Context) error {
	entries, err := os.ReadDir(filepath.Join(v.q.opts.Dir, "payload"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.IsDir() && validCamera(e.Name()):
			err = v.camera(ctx, e.Name())
		case !e.IsDir():
			err = v.stray(e.Name())
		default: // a lost+found, for one, is not ours to judge
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) camera(ctx context.Context, camera string) (err error) {
	dir, err := os.Open(v.q.payloadDir(camera))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	for {
		entries, err := dir.ReadDir(healBatch)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var ids []ID
		for _, e := range entries {
			id := ID(camera + "/" + e.Name())
			if _, err := parseID(id); err == nil && e.Type().IsRegular() {
				ids = append(ids, id)
			} else if err := v.stray(string(id)); err != nil {
				return err
			}
		}
		if err := v.payloadPage(ctx, ids); err != nil {
			return err
		}
	}
}

func (v *verification) stray(name string) error {
	info, err := os.Lstat(filepath.Join(v.q.opts.Dir, "payload", filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return v.report(FindStray, "", name, fmt.Sprintf("%v, %d bytes", info.Mode(), info.Size()))
}

func (v *verification) payloadPage(ctx context.Context, ids []ID) error {
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.payload(id); err != nil {
			return err
		}
	}
	without, err := v.q.withoutRecord(ids)
	if err != nil {
		return err
	}
	for _, id := range without {
		if err := v.unrecorded(id); err != nil {
			return err
		}
	}
	return nil
}

// payload holds one against its name.
func (v *verification) payload(id ID) error {
	v.done.Payloads++
	if v.quick {
		return nil
	}
	name, err := parseID(id)
	if err != nil {
		return err
	}
	_, size, err := v.q.hashPayload(Item{ID: id, SHA256: name.sha256})
	v.done.Bytes += size
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		v.done.Payloads-- // it has left meanwhile, or records tells
		return nil
	case errors.Is(err, ErrDigest):
		return v.report(FindDamaged, id, "", err)
	}
	return v.report(FindUnreadable, id, "", err)
}

// unrecorded makes sure that a payload has no record: a Put or an Ack of it may have been under way.
func (v *verification) unrecorded(id ID) error {
	unlock := v.q.keys.lock(id)
	recorded, left := false, false
	err := v.q.store.view(func(tx *bolt.Tx) error {
		recorded = hasRecord(tx, id)
		_, left = receiptOf(tx, id)
		return nil
	})
	_, there := os.Lstat(v.q.payloadPath(id))
	unlock()
	switch {
	case err != nil || recorded || there != nil:
		return err
	case left:
		return v.report(FindLeftover, id, "", "its receipt is there, its bytes should not be")
	}
	return v.report(FindUnrecorded, id, "", "no record names it")
}

func (v *verification) records(ctx context.Context) error {
	var after []byte
	for {
		page, err := v.q.recordsAfter(after)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for _, r := range page {
			v.done.Records++
			if err := v.record(r); err != nil {
				return err
			}
		}
		after = page[len(page)-1].key
	}
}

// recordsAfter reads a page of all states side by side, in one snapshot, so that an item that changes its state
// between two pages is met once all the same.
func (q *Queue) recordsAfter(after []byte) (page []seen, err error) {
	err = q.store.view(func(tx *bolt.Tx) error {
		var heads []*head
		for _, state := range stored {
			h := &head{state: state, cursor: tx.Bucket(bucketOf(state)).Cursor(), end: []byte{0xff}}
			if h.key, h.value = h.cursor.Seek(after); after != nil && string(h.key) == string(after) {
				h.key, h.value = h.cursor.Next()
			}
			h.stop()
			heads = append(heads, h)
		}
		for len(page) < healBatch {
			h := lowest(heads)
			if h == nil {
				return nil
			}
			page = append(page, see(tx, h.key, h.value, h.state))
			h.next()
		}
		return nil
	})
	return page, err
}

// record holds one against its checksum and its payload's size; the payload's bytes have had their turn.
func (v *verification) record(r seen) error {
	id := ID(r.key)
	if !r.sound {
		return v.report(FindRecord, id, "", "the record fails its checksum, or has no due time")
	}
	info, err := os.Lstat(v.q.payloadPath(id))
	switch {
	case err != nil:
	case !v.quick, !info.Mode().IsRegular(): // it has been held against its name, or found to be a stray
		return nil
	case info.Size() == r.item.Bytes && !r.item.bytesLost():
		return nil
	}
	return v.unsound(id)
}

// unsound makes sure that a payload is missing or has another size, now that nobody can put or unlink it.
func (v *verification) unsound(id ID) error {
	unlock := v.q.keys.lock(id)
	it, err := v.q.Item(id)
	info, statErr := os.Lstat(v.q.payloadPath(id))
	unlock()
	switch {
	case errors.Is(err, ErrNotFound):
		return nil // it has left
	case err != nil:
		return err
	case it.bytesLost() && it.Reason == ReasonDamaged:
		return v.report(FindDamaged, id, "", "parked: "+it.LastError)
	case it.bytesLost():
		return v.report(FindMissing, id, "", "parked: "+it.LastError)
	case errors.Is(statErr, fs.ErrNotExist):
		return v.report(FindMissing, id, "", "there is no such file")
	case statErr != nil:
		return v.report(FindUnreadable, id, "", statErr)
	case v.quick && info.Size() != it.Bytes:
		return v.report(FindDamaged, id, "", fmt.Sprintf("%d bytes, %d were queued", info.Size(), it.Bytes))
	}
	return nil
}
