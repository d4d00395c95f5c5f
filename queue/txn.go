package queue

import (
	"encoding/binary"
	"errors"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// txn is one transaction with the queue's view of it. What it changes in memory is published after the commit,
// and forgotten without one. Used by the committer only.
type txn struct {
	q  *Queue
	tx *bolt.Tx

	err      error            // the first failure to write; the whole transaction fails with it
	dirty    bool             // there is something to commit
	tallies  map[string]tally // cameras that were touched
	leases   map[ID]bool      // true: leased in this transaction; false: given back
	turn     turns
	receipts int  // kept
	wake     bool // there may be something to lease
	due      bool // the deferrals have changed
}

func (q *Queue) newTxn(tx *bolt.Tx) *txn {
	q.mu.Lock()
	defer q.mu.Unlock()
	return &txn{q: q, tx: tx, tallies: map[string]tally{}, leases: map[ID]bool{}, turn: q.turn, receipts: q.receipts}
}

// publish makes memory agree with what has been committed.
func (t *txn) publish() {
	q := t.q
	q.mu.Lock()
	for camera, now := range t.tallies {
		before := q.tallies[camera]
		q.total.add(now, before)
		q.tallies[camera] = now
	}
	for id, leased := range t.leases {
		if leased {
			q.leased[id] = struct{}{}
		} else {
			delete(q.leased, id)
		}
	}
	q.turn, q.receipts = t.turn, t.receipts
	q.mu.Unlock()
	if t.wake {
		signal(q.ready)
	}
	if t.due {
		signal(q.dues)
	}
}

func (t *txn) bucket(name []byte) *bolt.Bucket { return t.tx.Bucket(name) }

func (t *txn) put(bucket, key, value []byte) {
	t.dirty = true
	if err := t.bucket(bucket).Put(key, value); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *txn) delete(bucket, key []byte) {
	t.dirty = true
	if err := t.bucket(bucket).Delete(key); err != nil && t.err == nil {
		t.err = err
	}
}

// seal is seal for values that always encode; a failure fails the transaction.
func (t *txn) seal(bucket, key []byte, value any) {
	sealed, err := seal(key, value)
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.put(bucket, key, sealed)
}

// count changes the tally of a camera.
func (t *txn) count(camera string, change func(*tally)) {
	now, ok := t.tallies[camera]
	if !ok {
		t.q.mu.Lock()
		now = t.q.tallies[camera]
		t.q.mu.Unlock()
	}
	change(&now)
	t.tallies[camera] = now
}

// finish writes what is written once for the whole transaction.
func (t *txn) finish() error {
	for camera, now := range t.tallies {
		t.seal(bucketCameras, []byte(camera), now)
	}
	return t.err
}

func (t *txn) isLeased(id ID) bool {
	if leased, ok := t.leases[id]; ok {
		return leased
	}
	return t.q.isLeased(id)
}

// bucketOf is where items of a state are kept.
func bucketOf(state State) []byte {
	switch state {
	case Deferred:
		return bucketDeferred
	case Parked:
		return bucketParked
	default: // Waiting, Leased
		return bucketReady
	}
}

// stored are the states that have a bucket.
var stored = [...]State{Waiting, Deferred, Parked}

// find looks an item up. A record that fails its checksum is made again.
func (t *txn) find(id ID) (Item, bool) {
	it, ok := t.q.find(t.tx, id)
	if ok && it.State == Waiting && t.isLeased(id) {
		it.State = Leased
	}
	return it, ok
}

// find is txn.find for read transactions; it does not know of leases.
func (q *Queue) find(tx *bolt.Tx, id ID) (Item, bool) {
	for _, state := range stored {
		if value := tx.Bucket(bucketOf(state)).Get([]byte(id)); value != nil {
			it, err := q.decode([]byte(id), value, state)
			return it, err == nil
		}
	}
	return Item{}, false
}

// decode reads a record, or makes it again from its key and its payload. Its error is ErrInvalid: the key is no ID.
func (q *Queue) decode(key, value []byte, state State) (Item, error) {
	it, err := decodeItem(key, value, state)
	if !errors.Is(err, errRecord) {
		return it, err
	}
	var size int64
	now := time.Now().UTC()
	if info, err := os.Lstat(q.payloadPath(ID(key))); err == nil {
		size, now = info.Size(), info.ModTime().UTC()
	}
	it, err = rebuildItem(ID(key), size, now)
	it.State = state
	if state == Parked {
		it.Reason, it.LastError = ReasonRecord, "the record failed its checksum; why it was parked is lost"
	}
	return it, err
}

// add stores an item that is not there, in the bucket of its state.
func (t *txn) add(it Item) {
	value, err := encodeItem(it)
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.put(bucketOf(it.State), []byte(it.ID), value)
	if it.State == Deferred {
		t.put(bucketDue, dueKey(it.NotBefore, it.ID), nil)
		t.due = true
	}
	t.count(it.Camera, func(c *tally) {
		c.hold(it, 1)
		c.LastCaptured = max(c.LastCaptured, it.CapturedAt.UnixMilli())
	})
	t.wake = t.wake || it.State == Waiting
}

// take removes an item as find returned it.
func (t *txn) take(it Item) {
	t.delete(bucketOf(it.State), []byte(it.ID))
	if it.State == Deferred {
		t.delete(bucketDue, dueKey(it.NotBefore, it.ID))
		t.due = true
	}
	if it.State == Leased {
		t.leases[it.ID] = false
	}
	t.count(it.Camera, func(c *tally) { c.hold(it, -1) })
}

// update stores an item that is there and stays in its state.
func (t *txn) update(it Item) {
	value, err := encodeItem(it)
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.put(bucketOf(it.State), []byte(it.ID), value)
}

// settle lets an item go: the record becomes a receipt, and the payload is noted as to be removed.
func (t *txn) settle(it Item, r Receipt) {
	t.take(it)
	t.put(bucketUnlink, []byte(it.ID), nil)
	if old := t.bucket(bucketReceiptIDs).Get([]byte(it.ID)); old != nil {
		t.delete(bucketReceipts, append([]byte(nil), old...))
		t.receipts--
	}
	n, err := t.bucket(bucketReceipts).NextSequence()
	if err != nil {
		t.err = errors.Join(t.err, err)
		return
	}
	t.seal(bucketReceipts, receiptKey(n), r)
	t.put(bucketReceiptIDs, []byte(it.ID), receiptKey(n))
	t.receipts++
	for t.receipts > t.q.opts.Receipts {
		t.forgetReceipt()
	}
	t.count(it.Camera, func(c *tally) {
		if r.State() == Delivered {
			c.Delivered++
			c.Sent += r.Bytes
			c.Delay.took(r.DeliveredAt.Sub(r.CapturedAt))
		} else {
			c.Dropped++
		}
	})
}

// forgetReceipt removes the oldest.
func (t *txn) forgetReceipt() {
	t.receipts--
	key, value := t.bucket(bucketReceipts).Cursor().First()
	if key == nil {
		return
	}
	var r Receipt
	if unseal(key, value, &r) == nil {
		number := t.bucket(bucketReceiptIDs).Get([]byte(r.ID))
		if len(number) == 8 && binary.BigEndian.Uint64(number) == binary.BigEndian.Uint64(key) {
			t.delete(bucketReceiptIDs, []byte(r.ID))
		}
	}
	t.delete(bucketReceipts, append([]byte(nil), key...))
}

// receiptOf looks the receipt of an ID up. One that fails its checksum is as good as none: the frame would be sent
// again and meet its own key.
func receiptOf(tx *bolt.Tx, id ID) (Receipt, bool) {
	number := tx.Bucket(bucketReceiptIDs).Get([]byte(id))
	if number == nil {
		return Receipt{}, false
	}
	var r Receipt
	err := unseal(number, tx.Bucket(bucketReceipts).Get(number), &r)
	return r, err == nil
}
