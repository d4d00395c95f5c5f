package queue

import (
	"bytes"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// backlogEvery makes one of so many slots the backlog's, however many fresh frames keep coming.
const backlogEvery = 4

// turns remembers whose turn it is, so that no camera starves another.
type turns struct {
	slot    int    // counts leases, modulo backlogEvery
	fresh   string // the camera that was served last with its newest frame
	backlog string // … with its oldest
}

// pick chooses the next item to lease and takes the turn. False: there is none.
func (t *txn) pick() (Item, bool) {
	last, seek := &t.turn.fresh, t.newest
	if t.q.opts.Order == OldestFirst || t.turn.slot == backlogEvery-1 {
		last, seek = &t.turn.backlog, t.oldest
	}
	for _, camera := range t.camerasAfter(*last) {
		for {
			key, value := seek(camera)
			if key == nil {
				break
			}
			it, err := t.q.decode(key, value, Waiting)
			if err != nil {
				// The check refuses a database with such keys; this one rotted since.
				t.q.log.Error("a key that is no id is removed from the ready items", "key", string(key))
				t.delete(bucketReady, key)
				continue
			}
			*last = camera
			t.turn.slot = (t.turn.slot + 1) % backlogEvery
			return it, true
		}
	}
	return Item{}, false
}

// camerasAfter returns the cameras that have something ready, beginning with the one whose turn follows last.
func (t *txn) camerasAfter(last string) []string {
	t.q.mu.Lock()
	defer t.q.mu.Unlock()
	var names []string
	for camera, c := range t.q.tallies {
		if now, touched := t.tallies[camera]; touched {
			c = now
		}
		if c.Ready > 0 {
			names = append(names, camera)
		}
	}
	for camera, c := range t.tallies {
		if _, known := t.q.tallies[camera]; !known && c.Ready > 0 {
			names = append(names, camera)
		}
	}
	slices.Sort(names)
	at, found := slices.BinarySearch(names, last)
	if found {
		at++
	}
	return append(slices.Clone(names[at:]), names[:at]...)
}

// oldest returns a camera's first ready item that is not leased. What is leased is skipped: there are never more
// of those than there are upload slots.
func (t *txn) oldest(camera string) (key, value []byte) {
	c := t.bucket(bucketReady).Cursor()
	from, to := cameraRange(camera)
	for key, value = c.Seek(from); key != nil && bytes.Compare(key, to) < 0; key, value = c.Next() {
		if !t.isLeased(ID(key)) {
			return bytes.Clone(key), value
		}
	}
	return nil, nil
}

// newest returns a camera's last ready item that is not leased.
func (t *txn) newest(camera string) (key, value []byte) {
	c := t.bucket(bucketReady).Cursor()
	from, to := cameraRange(camera)
	for key, value = seekBefore(c, to); key != nil && bytes.Compare(key, from) >= 0; key, value = c.Prev() {
		if !t.isLeased(ID(key)) {
			return bytes.Clone(key), value
		}
	}
	return nil, nil
}

// cameraRange returns the keys between which all IDs of a camera are; '0' follows '/'.
func cameraRange(camera string) (from, to []byte) { return []byte(camera + "/"), []byte(camera + "0") }

// seekBefore moves to the last key before one.
func seekBefore(c *bolt.Cursor, key []byte) (k, v []byte) {
	if k, _ := c.Seek(key); k == nil {
		return c.Last()
	}
	return c.Prev()
}
