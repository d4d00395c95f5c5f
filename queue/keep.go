package queue

import (
	"context"
	"errors"
	"time"
)

// keepEvery is how often the keeper looks around without being woken: for a clock that has been set, a disk that
// has room for the reserve again, and a database that could shrink.
const keepEvery = time.Minute

// keepLoop heals, then does what has to be done without being asked for. It runs until ctx is done.
func (q *Queue) keepLoop(ctx context.Context) {
	defer close(q.kept)
	if err := q.heal(ctx); err == nil {
		q.count(func(h *Healed) { h.Done = true })
	} else if !errors.Is(err, context.Canceled) {
		q.log.Error("healing has not come to its end; it is tried again at the next start", "error", err)
	}
	close(q.healed)
	for {
		q.keepStep()
		timer := time.NewTimer(q.nap())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-q.dues:
		case <-q.unlinks:
		}
		timer.Stop()
	}
}

// nap is how long the keeper has nothing to do.
func (q *Queue) nap() time.Duration {
	at, ok := q.NextDue()
	if !ok {
		return keepEvery
	}
	return min(max(time.Until(at), 10*time.Millisecond), keepEvery)
}

func (q *Queue) keepStep() {
	if q.Err() != nil {
		return
	}
	if at, ok := q.NextDue(); ok && !at.After(time.Now()) {
		signal(q.ready)
	}
	q.mu.Lock()
	many := len(q.unlinked) >= unlinkBatch
	q.mu.Unlock()
	if many {
		if err := q.forgetUnlinked(); err != nil {
			q.log.Warn("notes of removed payloads cannot be cleared", "error", err)
		}
	}
	if time.Since(q.tidied) >= keepEvery {
		q.tidied = time.Now()
		q.tidy()
	}
	if err := q.reserve.grow(q.space.roomy); err != nil {
		q.log.Warn("the reserve for a full disk cannot be made", "error", err)
	}
}
