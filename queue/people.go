package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrLeased says that an item is on its way to the bucket at this moment.
var ErrLeased = errors.New("queue: item is being delivered")

// DropBy is Drop on behalf of a person, whom the receipt names. An item that is leased is refused with ErrLeased: its
// bytes may be in the bucket already, and "dropped" would then be a lie.
func (q *Queue) DropBy(ctx context.Context, id ID, by, reason string) error {
	if strings.TrimSpace(reason) == "" || strings.TrimSpace(by) == "" {
		return fmt.Errorf("%w drop: a frame is not dropped without a reason and a name", ErrInvalid)
	}
	return q.leave(ctx, id, Receipt{Proof: ProofDropped, Note: clip(reason), By: clip(by)}, func(it Item) error {
		if it.State == Leased {
			return fmt.Errorf("%w: %s", ErrLeased, id)
		}
		return nil
	})
}

// RetryPage is Retry for one page of what a filter selects, in one commit. State must be Parked or Deferred. Items whose
// bytes are lost stay where they are: another try cannot help them. The next page's After is "" at the end, as with
// Items.
func (q *Queue) RetryPage(ctx context.Context, f Filter, p Page) (retried []ID, next Page, err error) {
	if f.State != Parked && f.State != Deferred {
		return nil, Page{}, fmt.Errorf("%w state %v: only parked and deferred items are retried together", ErrInvalid, f.State)
	}
	if err := q.enter(ctx); err != nil {
		return nil, Page{}, err
	}
	defer q.calls.Done()
	items, next, err := q.Items(ctx, f, p)
	if err != nil {
		return nil, Page{}, err
	}
	err = q.do(func(t *txn) error {
		retried = retried[:0]
		for _, listed := range items {
			it, ok := t.find(listed.ID)
			if !ok || it.State != f.State || it.bytesLost() {
				continue
			}
			t.take(it)
			it.retry()
			t.add(it)
			retried = append(retried, it.ID)
		}
		return nil
	})
	if err != nil {
		return nil, Page{}, err
	}
	return retried, next, nil
}

// retry makes an item one that has never been tried.
func (it *Item) retry() {
	it.State, it.Reason, it.NotBefore, it.Attempts = Waiting, "", time.Time{}, 0
}

// bytesLost tells whether an item is parked because its payload is missing or damaged.
func (it *Item) bytesLost() bool {
	return it.State == Parked && (it.Reason == ReasonMissing || it.Reason == ReasonDamaged)
}
