package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unlinkBatch is how many removed payloads are remembered before their notes are cleared, and so how many Open
// may have to look at.
const unlinkBatch = 512

// Ack records that S3 holds an item's bytes, then removes the payload. r.Proof must be ProofStored or ProofExists;
// what r leaves empty is filled from the item. An item that has a receipt already is no error. With an error the
// item is still leased: try again, or Release. Errors: ErrProof, ErrNotFound, ErrBroken, those of the disk.
func (q *Queue) Ack(ctx context.Context, id ID, r Receipt) error {
	if r.Proof != ProofStored && r.Proof != ProofExists {
		return fmt.Errorf("%w: %q", ErrProof, r.Proof)
	}
	return q.leave(ctx, id, r, nil)
}

// Drop gives an item up, whatever its state: a person, or a written policy, has decided so and says why. Its
// payload is removed, and a receipt with ProofDropped and the reason stays.
func (q *Queue) Drop(ctx context.Context, id ID, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fmt.Errorf("%w reason: a frame is not dropped without one", ErrInvalid)
	}
	return q.leave(ctx, id, Receipt{Proof: ProofDropped, Note: clip(reason)}, nil)
}

// leave lets an item go, unless refuse has something against it.
func (q *Queue) leave(ctx context.Context, id ID, r Receipt, refuse func(Item) error) error {
	if err := q.enter(ctx); err != nil {
		return err
	}
	defer q.calls.Done()
	defer q.keys.lock(id)()
	err := q.do(func(t *txn) error {
		it, ok := t.find(id)
		if !ok {
			if _, gone := receiptOf(t.tx, id); gone {
				return nil
			}
			return fmt.Errorf("%w: %s", ErrNotFound, id)
		}
		if refuse != nil {
			if err := refuse(it); err != nil {
				return err
			}
		}
		t.settle(it, r.filled(it))
		return nil
	})
	if err != nil {
		return err
	}
	q.unlink(id)
	return nil
}

// filled completes a receipt from the item.
func (r Receipt) filled(it Item) Receipt {
	r.ID, r.Camera, r.SHA256 = it.ID, it.Camera, it.SHA256
	r.CapturedAt, r.EnqueuedAt, r.Bytes, r.Source = it.CapturedAt, it.EnqueuedAt, it.Bytes, it.Source
	if r.Attempts == 0 {
		r.Attempts = it.Attempts
	}
	if r.DeliveredAt.IsZero() {
		r.DeliveredAt = time.Now().UTC()
	}
	return r
}

// unlink removes a payload whose item has left. When it fails, the note in the database outlives it: Open tries
// again. The caller holds the ID's lock.
func (q *Queue) unlink(id ID) {
	if err := q.disk.remove(q.payloadPath(id)); err != nil {
		q.log.Warn("a payload that is no longer needed cannot be removed; it is tried again at the next start",
			"id", id, "error", err)
		return
	}
	q.mu.Lock()
	q.unlinked = append(q.unlinked, id)
	many := len(q.unlinked) >= unlinkBatch
	q.mu.Unlock()
	if many {
		signal(q.unlinks)
	}
}

// forgetUnlinked clears the notes of payloads that are gone, once their directories are durable without them.
func (q *Queue) forgetUnlinked() error {
	q.mu.Lock()
	ids := q.unlinked
	q.unlinked = nil
	q.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	var dirs []string
	seen := map[string]bool{}
	for _, id := range ids {
		camera := id.camera()
		if seen[camera] {
			continue
		}
		seen[camera] = true
		dir := q.payloadDir(camera)
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			dir = filepath.Dir(dir) // someone has removed it, and that is what must be durable
		}
		dirs = append(dirs, dir)
	}
	err := q.do(func(t *txn) error {
		for _, id := range ids {
			t.delete(bucketUnlink, []byte(id))
		}
		return nil
	}, dirs...)
	if err != nil {
		q.mu.Lock()
		q.unlinked = append(q.unlinked, ids...)
		q.mu.Unlock()
	}
	return err
}

// Defer puts a leased item off; the schedule is durable. With an error the item is still leased.
func (q *Queue) Defer(ctx context.Context, id ID, d Deferral) error {
	if d.Until.IsZero() {
		d.Uncharged = true
	}
	return q.settleLease(ctx, id, func(it *Item) {
		if d.Uncharged {
			it.Attempts = max(it.Attempts-1, 0)
		}
		it.LastError = clip(d.Reason)
		if d.Until.IsZero() {
			it.State = Waiting
			return
		}
		it.State, it.NotBefore = Deferred, d.Until.UTC().Truncate(time.Millisecond)
		if limit := time.Now().Add(MaxDeferral); it.NotBefore.After(limit) {
			it.NotBefore = limit.UTC().Truncate(time.Millisecond)
		}
	})
}

// Bury parks a leased item: nothing but a person can help it. The code is for programs, the message for people. With an
// error the item is still leased.
func (q *Queue) Bury(ctx context.Context, id ID, code, message string) error {
	return q.settleLease(ctx, id, func(it *Item) {
		it.State, it.Reason, it.LastError = Parked, clip(code), clip(message)
	})
}

// Retry lets a parked or deferred item go again at once, with its attempts forgotten: a person has removed the cause.
func (q *Queue) Retry(ctx context.Context, id ID) error {
	return q.settleLease(ctx, id, func(it *Item) {
		if it.State != Leased {
			it.retry()
		}
	})
}

// Release gives a leased item back: it is waiting at once, and its attempt is not counted. An item that is not
// leased is left alone. The lease ends even if this cannot be recorded; the attempt then stays counted.
func (q *Queue) Release(id ID) error {
	err := q.settleLease(context.Background(), id, func(it *Item) {
		if it.State == Leased {
			it.State, it.Attempts = Waiting, max(it.Attempts-1, 0)
		}
	})
	// Without an error the lease has ended with the commit, and may be another's by now.
	if err != nil {
		q.freeLease(id)
	}
	return err
}

func (q *Queue) settleLease(ctx context.Context, id ID, change func(*Item)) error {
	if err := q.enter(ctx); err != nil {
		return err
	}
	defer q.calls.Done()
	return q.move(id, change)
}

// move changes an item, and with its State the bucket that it is in.
func (q *Queue) move(id ID, change func(*Item)) error {
	return q.do(func(t *txn) error {
		old, ok := t.find(id)
		if !ok {
			return fmt.Errorf("%w: %s", ErrNotFound, id)
		}
		changed := old
		change(&changed)
		t.take(old)
		if changed.State == Leased {
			t.leases[id] = true // it was, and stays so
		}
		t.add(changed)
		return nil
	})
}

// clip keeps texts of others from growing a record.
func clip(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorText], "") + "…"
}
