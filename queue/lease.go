package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	bolt "go.etcd.io/bbolt"
)

// dueBatch limits how many deferrals that have fallen due are moved by one Lease beyond what it can hand out.
const dueBatch = 256

// Lease hands out up to n items that are ready, in Options.Order, and counts an attempt for each, durably, in one
// commit, before it returns. It does not wait: when it returns fewer than n, there is no more now, and Ready says
// when to ask again. Each item belongs to the caller until Ack, Defer, Bury, Drop or Release.
func (q *Queue) Lease(ctx context.Context, n int) ([]Item, error) {
	if err := q.enter(ctx); err != nil {
		return nil, err
	}
	defer q.calls.Done()
	var leased []Item
	for len(leased) < n {
		want := n - len(leased)
		got, err := q.leaseBatch(want)
		if err != nil {
			for _, it := range leased {
				q.freeLease(it.ID)
			}
			return nil, err
		}
		for _, it := range got {
			if it, ok := q.withDigests(it); ok {
				leased = append(leased, it)
			}
		}
		if len(got) < want {
			break
		}
	}
	return leased, nil
}

func (q *Queue) leaseBatch(n int) (leased []Item, err error) {
	err = q.do(func(t *txn) error {
		leased = leased[:0]
		t.wakeDue(time.Now(), max(n, dueBatch))
		for len(leased) < n {
			it, ok := t.pick()
			if !ok {
				break
			}
			it.Attempts++
			it.State = Leased
			t.update(it)
			t.leases[it.ID] = true
			leased = append(leased, it)
		}
		return nil
	})
	return leased, err
}

// wakeDue moves deferred items whose time has come to the ready ones. One that lies further ahead than any deferral
// may is due as well: the clock was wrong when it was deferred.
func (t *txn) wakeDue(now time.Time, limit int) {
	for range limit {
		c := t.bucket(bucketDue).Cursor()
		key, _ := c.First()
		if at, _ := splitDue(key); key != nil && at.After(now) {
			key, _ = c.Last()
			if at, _ := splitDue(key); !at.After(now.Add(MaxDeferral)) {
				return
			}
		}
		if key == nil {
			return
		}
		_, id := splitDue(key)
		t.delete(bucketDue, append([]byte(nil), key...))
		t.due = true
		if it, ok := t.find(id); ok && it.State == Deferred {
			t.take(it)
			it.State, it.NotBefore = Waiting, time.Time{}
			t.add(it)
		}
	}
}

// withDigests completes an item that was rebuilt from its name: the payload is read, and must have the SHA-256 that
// it is named after. False: it has not, and the item is parked.
func (q *Queue) withDigests(it Item) (Item, bool) {
	if it.MD5 != [16]byte{} {
		return it, true
	}
	unlock := q.keys.lock(it.ID)
	defer unlock()
	var err error
	it.MD5, it.Bytes, err = q.hashPayload(it)
	if err != nil {
		q.parkUnsound(it, err)
		return Item{}, false
	}
	err = q.do(func(t *txn) error {
		old, ok := t.find(it.ID)
		if !ok {
			return ErrNotFound
		}
		t.count(it.Camera, func(c *tally) { c.Bytes += it.Bytes - old.Bytes })
		t.update(it)
		return nil
	})
	if err != nil {
		q.log.Error("the digest of a rebuilt item cannot be recorded", "id", it.ID, "error", err)
		q.freeLease(it.ID)
		return Item{}, false
	}
	return it, true
}

// freeLease ends a lease in memory, where it cannot be ended on disk; the attempt stays counted. Only its holder
// may do so: another's lease must not end by it.
func (q *Queue) freeLease(id ID) {
	q.mu.Lock()
	delete(q.leased, id)
	q.mu.Unlock()
	signal(q.ready)
}

// parkUnsound parks an item whose payload is missing or is not what its name says. A payload that merely cannot be
// read now is left for another time. The caller holds the ID's lock.
func (q *Queue) parkUnsound(it Item, cause error) {
	reason, held := ReasonMissing, it.State == Leased
	switch {
	case errors.Is(cause, ErrDigest):
		reason = ReasonDamaged
		to, err := q.moveAside(q.payloadPath(it.ID), "payload", it.Camera)
		if err != nil {
			q.log.Error("a damaged payload cannot be moved aside", "id", it.ID, "error", err)
			break
		}
		cause = fmt.Errorf("%w; moved to %s", cause, to)
	case !errors.Is(cause, fs.ErrNotExist):
		q.log.Error("a payload cannot be read", "id", it.ID, "error", cause)
		q.deferUnread(it, cause)
		return
	}
	err := q.do(func(t *txn) error {
		if old, ok := t.find(it.ID); ok {
			t.take(old)
			it = old
		}
		it.State, it.Reason, it.LastError, it.NotBefore = Parked, reason, clip(cause.Error()), time.Time{}
		t.add(it)
		return nil
	})
	if err != nil {
		q.log.Error("an unsound item cannot be parked", "id", it.ID, "error", err)
		if held {
			q.freeLease(it.ID)
		}
		return
	}
	q.log.Error("an item is parked", "id", it.ID, "reason", reason, "error", cause)
	q.count(func(h *Healed) {
		if reason == ReasonMissing {
			h.Missing++
		} else {
			h.Damaged++
		}
	})
}

// unreadDelay keeps an item whose payload gives an I/O error from being tried in a loop.
const unreadDelay = time.Minute

func (q *Queue) deferUnread(it Item, cause error) {
	err := q.move(it.ID, func(it *Item) {
		it.State, it.NotBefore, it.LastError = Deferred, time.Now().Add(unreadDelay), clip(cause.Error())
	})
	if err != nil && it.State == Leased {
		q.freeLease(it.ID)
	}
}

// Ready is signalled when there may be something to lease: after Put, Release and Retry, when a deferral falls due,
// and after Open. It has room for one signal: lease until Lease gives fewer than asked for, then wait.
func (q *Queue) Ready() <-chan struct{} { return q.ready }

// NextDue returns when the earliest deferral falls due; false when there is none.
func (q *Queue) NextDue() (time.Time, bool) {
	var at time.Time
	found := false
	err := q.store.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketDue).Cursor()
		key, _ := c.First()
		if key == nil {
			return nil
		}
		found = true
		at, _ = splitDue(key)
		if last, _ := c.Last(); last != nil {
			if far, _ := splitDue(last); far.After(time.Now().Add(MaxDeferral)) {
				at = time.Now().UTC() // see wakeDue
			}
		}
		return nil
	})
	return at, found && err == nil
}
