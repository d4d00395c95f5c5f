package queue

import (
	"context"
	"crypto/md5" // Content-MD5 is part of the request; integrity rests on SHA-256
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Limits on what describes a frame, so that records stay small.
const (
	maxMetadata    = 8 << 10 // bytes, keys and values together
	maxSource      = 4 << 10
	maxContentType = 255
	maxErrorText   = 1 << 10
)

// Put queues a frame and returns when it is durable; see the package comment for the order. A frame that is queued
// already is returned as it is, one that has been delivered as Delivered; neither is stored again. An item whose
// payload has been lost, or is not what it was, gets it back. Errors: ErrInvalid, ErrDigest, *FullError, ErrBroken, ErrClosed. With an error
// the frame is not in the queue, unless the queue is broken, and the source must stay.
func (q *Queue) Put(ctx context.Context, n New) (Item, error) {
	if err := q.enter(ctx); err != nil {
		return Item{}, err
	}
	defer q.calls.Done()
	it, err := n.item(time.Now())
	if err != nil {
		return Item{}, err
	}
	defer q.keys.lock(it.ID)()
	if known, ok, err := q.known(it.ID); err != nil || ok {
		return known, err
	}
	room, err := q.space.take(it.Bytes, q.usedBytes())
	if err != nil {
		return Item{}, err
	}
	defer room()
	if err := q.putPayload(it, n.Payload); err != nil {
		return Item{}, q.space.explain(err, it.Bytes)
	}
	err = q.do(func(t *txn) error {
		if old, ok := t.find(it.ID); ok {
			t.take(old)
		}
		t.delete(bucketUnlink, []byte(it.ID))
		t.add(it)
		return nil
	}, q.payloadDir(it.Camera))
	if err == nil {
		return it, nil
	}
	// A broken queue may have committed: the payload must stay for the healing to find.
	if !errors.Is(err, ErrBroken) {
		err = errors.Join(err, q.takeBack(it.ID))
	}
	return Item{}, q.space.explain(err, it.Bytes)
}

// takeBack removes a payload whose record could not be committed. One that stays is found by the next Open, for which this
// stop does not count as clean.
func (q *Queue) takeBack(id ID) error {
	err := q.disk.remove(q.payloadPath(id))
	if err != nil {
		q.mu.Lock()
		q.strays = true
		q.mu.Unlock()
	}
	return err
}

// item checks a New against the rules and its own digest.
func (n New) item(now time.Time) (Item, error) {
	i := identity{camera: n.Camera, captured: n.CapturedAt, sha256: n.SHA256, ext: n.Ext}
	if err := i.validate(); err != nil {
		return Item{}, err
	}
	metadata := 0
	for k, v := range n.Metadata {
		metadata += len(k) + len(v)
	}
	switch {
	case metadata > maxMetadata:
		return Item{}, fmt.Errorf("%w metadata: %d bytes, the limit is %d", ErrInvalid, metadata, maxMetadata)
	case len(n.Source) > maxSource:
		return Item{}, fmt.Errorf("%w source: %d bytes, the limit is %d", ErrInvalid, len(n.Source), maxSource)
	case len(n.ContentType) > maxContentType:
		return Item{}, fmt.Errorf("%w content type: %d bytes, the limit is %d", ErrInvalid, len(n.ContentType), maxContentType)
	}
	if got := sha256.Sum256(n.Payload); got != n.SHA256 {
		return Item{}, fmt.Errorf("%w: SHA-256 %x, said %x", ErrDigest, got, n.SHA256)
	}
	return Item{ID: i.id(), Camera: n.Camera, CapturedAt: n.CapturedAt.UTC().Truncate(time.Millisecond),
		EnqueuedAt: now.UTC().Truncate(time.Millisecond), Bytes: int64(len(n.Payload)), ContentType: n.ContentType,
		SHA256: n.SHA256, MD5: md5.Sum(n.Payload), Metadata: n.Metadata, Source: n.Source, State: Waiting}, nil
}

// known returns the item that is there already, whole, or the one that has been delivered. The caller holds the
// ID's lock. A dropped frame is not known: who brings it again wants it.
func (q *Queue) known(id ID) (it Item, ok bool, err error) {
	err = q.store.view(func(tx *bolt.Tx) error {
		if it, ok = q.find(tx, id); ok {
			return nil
		}
		var r Receipt
		if r, ok = receiptOf(tx, id); ok {
			it = r.item()
			ok = it.State == Delivered
		}
		return nil
	})
	if err != nil || !ok || it.State == Delivered {
		return it, ok, err
	}
	if it.State == Waiting && q.isLeased(id) {
		it.State = Leased
	}
	// The source goes when this Put returns, so the payload is read: a name and a size prove nothing about a disk
	// that has been through a crash.
	_, _, err = q.hashPayload(it)
	if ignoreMissing(err) != nil && !errors.Is(err, ErrDigest) {
		return Item{}, false, err
	}
	return it, err == nil, nil
}

func (q *Queue) putPayload(it Item, payload []byte) error {
	if err := q.disk.mkdir(q.payloadDir(it.Camera)); err != nil {
		return err
	}
	return q.disk.place(q.payloadPath(it.ID), func(w io.Writer) error {
		_, err := w.Write(payload)
		return err
	})
}

// usedBytes is what the payloads of the queue use.
func (q *Queue) usedBytes() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total.Bytes
}

// Payload opens the bytes of an item for reading. The caller closes it, before Ack. The error is fs.ErrNotExist when
// there are none.
func (q *Queue) Payload(id ID) (*os.File, error) {
	if _, err := parseID(id); err != nil {
		return nil, err
	}
	return os.Open(q.payloadPath(id))
}
