package queue

import (
	"context"
	"errors"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// compareRecords looks for the payload of every record, and makes records again that fail their checksum.
func (q *Queue) compareRecords(ctx context.Context) error {
	for _, state := range stored {
		var after []byte
		for {
			page, err := q.recordPage(state, after)
			if err := errors.Join(err, ctx.Err(), q.Err()); err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			for _, r := range page {
				if err := q.compareRecord(r); err != nil {
					return err
				}
			}
			after = page[len(page)-1].key
		}
	}
	return nil
}

// seen is a record as healing and Verify read it.
type seen struct {
	key   []byte
	item  Item
	sound bool // its checksum was right, and a deferral has its place in the order of due times
}

func (q *Queue) recordPage(state State, after []byte) (page []seen, err error) {
	err = q.store.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketOf(state)).Cursor()
		key, value := c.Seek(after)
		if after != nil && string(key) == string(after) {
			key, value = c.Next()
		}
		for ; key != nil && len(page) < healBatch; key, value = c.Next() {
			page = append(page, see(tx, key, value, state))
		}
		return nil
	})
	return page, err
}

// see reads a record as it is, without making it again.
func see(tx *bolt.Tx, key, value []byte, state State) seen {
	it, err := decodeItem(key, value, state)
	sound := err == nil
	if sound && state == Deferred {
		k, _ := tx.Bucket(bucketDue).Cursor().Seek(dueKey(it.NotBefore, it.ID))
		sound = string(k) == string(dueKey(it.NotBefore, it.ID))
	}
	return seen{key: append([]byte(nil), key...), item: it, sound: sound}
}

func (q *Queue) compareRecord(r seen) error {
	id := ID(r.key)
	if !r.sound {
		if err := q.remake(id); err != nil {
			return err
		}
	}
	if r.item.Reason == ReasonMissing || r.item.Reason == ReasonDamaged {
		return nil
	}
	info, err := os.Lstat(q.payloadPath(id))
	if err == nil && (!r.sound || info.Size() == r.item.Bytes) {
		return nil
	}
	defer q.keys.lock(id)()
	var it Item
	var there bool
	viewErr := q.store.view(func(tx *bolt.Tx) error {
		it, there = q.find(tx, id)
		return nil
	})
	if viewErr != nil || !there || q.isLeased(id) {
		return viewErr // it has left, or its user will find out
	}
	if _, _, err = q.hashPayload(it); err != nil {
		q.parkUnsound(it, err)
	}
	return nil
}

// remake stores a record again that failed its checksum. A deferral whose time is lost is ready.
func (q *Queue) remake(id ID) error {
	err := q.move(id, func(it *Item) {
		if it.State == Deferred {
			it.State, it.NotBefore = Waiting, time.Time{}
		}
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		q.log.Warn("a record that failed its checksum was made again from its payload", "id", id)
		q.count(func(h *Healed) { h.Records++ })
	}
	return err
}

// recount counts what the counters should say, in the same snapshot as the counters, and corrects them by the
// difference, whatever has been counted since.
func (q *Queue) recount() error {
	wrong := map[string]tally{}
	err := q.store.view(func(tx *bolt.Tx) error {
		counted := map[string]tally{}
		for _, state := range stored {
			err := tx.Bucket(bucketOf(state)).ForEach(func(key, value []byte) error {
				it, err := q.decode(key, value, state)
				if err != nil {
					return nil //nolint:nilerr // a rotten key is not counted
				}
				c := counted[it.Camera]
				c.hold(it, 1)
				c.LastCaptured = max(c.LastCaptured, it.CapturedAt.UnixMilli())
				counted[it.Camera] = c
				return nil
			})
			if err != nil {
				return err
			}
		}
		return compareTallies(tx, counted, wrong)
	})
	if err != nil || len(wrong) == 0 {
		return err
	}
	q.log.Warn("counters were wrong and are corrected", "cameras", len(wrong))
	q.count(func(h *Healed) { h.Recount += len(wrong) })
	return q.do(func(t *txn) error {
		t.dirty = true
		for camera, diff := range wrong {
			t.count(camera, func(c *tally) { c.add(diff, tally{}) })
		}
		return nil
	})
}

// compareTallies collects by how much the counters of a snapshot are off, the damaged ones by their whole value.
func compareTallies(tx *bolt.Tx, counted, wrong map[string]tally) error {
	err := tx.Bucket(bucketCameras).ForEach(func(key, value []byte) error {
		var said tally
		damaged := unseal(key, value, &said) != nil
		diff := tally{}
		diff.add(counted[string(key)], said)
		diff.Delivered, diff.Dropped, diff.Sent, diff.Delay = 0, 0, 0, Delays{}
		delete(counted, string(key))
		if damaged || diff.Ready != 0 || diff.Deferred != 0 || diff.Parked != 0 || diff.Bytes != 0 || diff.Lost != 0 {
			wrong[string(key)] = diff
		}
		return nil
	})
	for camera, c := range counted {
		wrong[camera] = c // it has no counters at all
	}
	return err
}
