package queue

import (
	"context"
	"crypto/md5" // Content-MD5 is part of the request; integrity rests on SHA-256
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"
)

const (
	// healBatch is how many payloads or records one step of the healing looks at.
	healBatch = 1024
	// verifyBytes is how much of adopted payloads is read at once, while the disk is needed by others; the rest is
	// read when it is leased.
	verifyBytes = 256 << 20
)

// adoptPayloads gives every payload a record.
func (q *Queue) adoptPayloads(ctx context.Context) error {
	cameras, err := os.ReadDir(filepath.Join(q.opts.Dir, "payload"))
	if err != nil {
		return err
	}
	budget := int64(verifyBytes)
	for _, camera := range cameras {
		// What is not a camera's directory, a lost+found for one, is not ours to judge.
		if !camera.IsDir() || !validCamera(camera.Name()) {
			continue
		}
		if err := q.adoptCamera(ctx, camera.Name(), &budget); err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) adoptCamera(ctx context.Context, camera string, budget *int64) (err error) {
	dir, err := os.Open(q.payloadDir(camera))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	for {
		entries, err := dir.ReadDir(healBatch)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err(), q.Err()); err != nil {
			return err
		}
		var ids []ID
		for _, e := range entries {
			id := ID(camera + "/" + e.Name())
			if _, err := parseID(id); err != nil || !e.Type().IsRegular() {
				q.asideStray(camera, e.Name())
				continue
			}
			ids = append(ids, id)
		}
		if ids, err = q.withoutRecord(ids); err != nil {
			return err
		}
		if err := q.adopt(ids, budget); err != nil {
			return err
		}
	}
}

// asideStray moves what is no payload out of the way, and says so.
func (q *Queue) asideStray(camera, name string) {
	to, err := q.moveAside(filepath.Join(q.payloadDir(camera), name), "payload", camera)
	if err != nil {
		q.log.Error("a file that is no payload cannot be moved aside", "camera", camera, "name", name, "error", err)
		return
	}
	q.log.Warn("a file that is no payload was moved aside", "camera", camera, "name", name, "moved_to", to)
	q.count(func(h *Healed) { h.Aside++ })
}

func (q *Queue) withoutRecord(ids []ID) (without []ID, err error) {
	err = q.store.view(func(tx *bolt.Tx) error {
		for _, id := range ids {
			if !hasRecord(tx, id) {
				without = append(without, id)
			}
		}
		return nil
	})
	return without, err
}

func hasRecord(tx *bolt.Tx, id ID) bool {
	for _, state := range stored {
		if tx.Bucket(bucketOf(state)).Get([]byte(id)) != nil {
			return true
		}
	}
	return false
}

// adopt gives payloads of one camera their records, in one commit. One that has a receipt had been delivered: its
// removal did not survive the crash, and is made up for.
func (q *Queue) adopt(ids []ID, budget *int64) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids) // the order of the database's pages
	var items []Item
	for _, id := range ids {
		// A Put or an Ack of this ID may be under way: its outcome is awaited.
		defer q.keys.lock(id)()
		it, err := q.adoptable(id, budget)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			q.log.Error("a payload cannot be adopted now", "id", id, "error", err)
			continue
		}
		items = append(items, it)
	}
	var adopted, gone []ID
	err := q.do(func(t *txn) error {
		adopted, gone = nil, nil
		for _, it := range items {
			if hasRecord(t.tx, it.ID) {
				continue
			}
			if hasLeft(t.tx, it.ID) {
				t.put(bucketUnlink, []byte(it.ID), nil)
				gone = append(gone, it.ID)
				continue
			}
			t.add(it)
			adopted = append(adopted, it.ID)
		}
		return nil
		// A killed process may not have come to sync what it had renamed: the names are seen, but are not durable.
	}, q.payloadDir(ids[0].camera()))
	if err != nil {
		return err
	}
	for _, id := range gone {
		q.unlink(id)
	}
	if len(adopted) > 0 {
		q.log.Warn("payloads without a record were adopted", "count", len(adopted), "first", adopted[0])
	}
	q.count(func(h *Healed) { h.Adopted += len(adopted); h.Unlinked += len(gone) })
	return nil
}

// hasLeft tells whether a payload without a record is one whose removal failed, which the note says, or did not survive the
// crash, which the receipt says. A receipt of a dropped frame alone does not: it may have been put again since.
func hasLeft(tx *bolt.Tx, id ID) bool {
	if key, _ := tx.Bucket(bucketUnlink).Cursor().Seek([]byte(id)); string(key) == string(id) {
		return true
	}
	r, ok := receiptOf(tx, id)
	return ok && r.State() == Delivered
}

// adoptable makes the record of a payload, which is read while the budget lasts. One that is not what its name says is
// moved to damaged/, and its record is a parked one.
func (q *Queue) adoptable(id ID, budget *int64) (Item, error) {
	info, err := os.Lstat(q.payloadPath(id))
	if err != nil {
		return Item{}, err
	}
	it, err := rebuildItem(id, info.Size(), info.ModTime().UTC())
	if err != nil || *budget < it.Bytes {
		return it, err
	}
	*budget -= it.Bytes
	it.MD5, it.Bytes, err = q.hashPayload(it)
	if !errors.Is(err, ErrDigest) {
		return it, err
	}
	to, asideErr := q.moveAside(q.payloadPath(id), "payload", it.Camera)
	if asideErr != nil {
		return it, asideErr
	}
	it.State, it.Reason, it.LastError = Parked, ReasonDamaged, clip(fmt.Sprintf("%v; moved to %s", err, to))
	q.log.Error("a payload that is not what its name says was moved aside", "id", id, "moved_to", to)
	q.count(func(h *Healed) { h.Damaged++ })
	return it, nil
}

// hashPayload reads a payload and returns its MD5 and size. An ErrDigest says that it is not what it was.
func (q *Queue) hashPayload(it Item) (sum [16]byte, size int64, err error) {
	f, err := q.Payload(it.ID)
	if err != nil {
		return sum, it.Bytes, err
	}
	defer func() { _ = f.Close() }() // read only
	m, s := md5.New(), sha256.New()
	if size, err = io.Copy(io.MultiWriter(m, s), f); err != nil {
		return sum, it.Bytes, err
	}
	if got := [32]byte(s.Sum(nil)); got != it.SHA256 {
		return sum, it.Bytes, fmt.Errorf("%w: SHA-256 %x of %d bytes, named %x", ErrDigest, got, size, it.SHA256)
	}
	return [16]byte(m.Sum(nil)), size, nil
}
