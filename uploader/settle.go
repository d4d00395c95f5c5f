package uploader

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shelfagent/queue"
)

// CauseQueue stands for a queue that could not record an outcome: a full or failing disk.
const CauseQueue Cause = "queue"

// strayFrames is how many frames may fail, over a good link and with no delivery between, before the cause is
// taken to be something that they share. Without it a mistake in a bucket policy would park a whole backlog.
const strayFrames = 3

// maxCutters bounds Uploader.cutter: a few frames are to blame, or it is none of them.
const maxCutters = 1000

// settle judges an outcome and records the verdict in the queue. It runs to its end even while the agent
// stops: an outcome that is known must not be forgotten.
func (u *Uploader) settle(item queue.Item, seen Seen, d delivery, probe Probe) {
	verdict := u.weigh(item, seen, Judge(seen))
	if verdict.Cause == CauseLink {
		verdict.Place = PlaceOf(seen)
	}
	err := u.record(item, verdict, Explain(seen), d, probe)
	if errors.Is(err, queue.ErrNotFound) {
		err = nil // somebody has dropped the frame meanwhile
	}
	if err != nil {
		err = errors.Join(err, u.queue.Release(item.ID))
		u.trip(Failure{
			Cause: CauseQueue, Reason: "an outcome could not be recorded, the frame will be tried again: " + err.Error(), Probe: probe,
		})
		return
	}
	switch verdict.Link {
	case Good:
		u.pass()
	case Silent:
		u.breaker.Idle(probe)
	case Bad: // postpone has tripped the breaker
	}
	u.count(verdict.Cause, item.Bytes, verdict.Do == Ack)
}

// record returns when the verdict is durable.
func (u *Uploader) record(item queue.Item, v Verdict, reason string, d delivery, probe Probe) error {
	ctx := context.Background()
	switch v.Do {
	case Ack:
		return u.deliver(ctx, item, v, d)
	case Bury:
		return u.bury(ctx, item, v.Cause, reason)
	case Defer:
		return u.postpone(ctx, item, v, reason, probe)
	}
	return fmt.Errorf("nobody judged the outcome %q", v.Cause)
}

func (u *Uploader) bury(ctx context.Context, item queue.Item, cause Cause, reason string) error {
	u.forget(item.ID)
	u.log.Warn("frame parked: it needs a person", "frame", item.ID, "cause", cause, "reason", reason, "attempts", item.Attempts)
	return u.queue.Bury(ctx, item.ID, string(cause), reason)
}

// weigh turns a failure that several frames have shared into one of the link. One frame alone that fails again
// and again stays to blame itself, and so do odd frames among others: a delivery, or a ticket where it was the backend
// that found fault, clears the link.
func (u *Uploader) weigh(item queue.Item, seen Seen, v Verdict) Verdict {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case v.Do == Ack:
		clear(u.strays)
		return v
	case seen.Asked && isRequestFault(seen.Status) && !seen.Refused:
		if shared(u.unread, item.ID) {
			return Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}
		}
		return v
	case !v.Charged:
		return v
	case v.Link == Good && item.Attempts < 2:
		return v // S3 mends this itself: it answers the next try with 412, or ends the race
	}
	if !shared(u.strays, item.ID) {
		return v
	}
	v.Link, v.Charged = Bad, false
	switch v.Cause {
	case CauseUnreadable:
		v.Cause = CauseQueue // its disk, to be exact
	case CauseUnproven, CauseConflict, CauseDamaged: // something on the way answers for S3, or changes what is sent
		v.Cause = CauseUnknown
	}
	return v
}

// shared adds a frame to those that failed alike, and tells whether they are too many to be at fault.
func shared(failed map[queue.ID]bool, id queue.ID) bool {
	if len(failed) < strayFrames {
		failed[id] = true
	}
	return len(failed) >= strayFrames
}

// blame returns how often a frame has cut a link that others found good before and after it. One that is cut
// each time, by something on the way that looks into it, must not hold up the rest.
func (u *Uploader) blame(id queue.ID) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.cutter) >= maxCutters {
		clear(u.cutter)
	}
	u.cutter[id]++
	return u.cutter[id]
}

func (u *Uploader) forget(id queue.ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.cutter, id)
}

func (u *Uploader) deliver(ctx context.Context, item queue.Item, v Verdict, d delivery) error {
	proof := queue.ProofStored
	if v.Cause == CauseHeld {
		proof = queue.ProofExists
	}
	err := u.queue.Ack(ctx, item.ID, queue.Receipt{
		ID: item.ID, Key: d.key, ETag: d.etag, Proof: proof, DeliveredAt: time.Now().UTC(), CapturedAt: item.CapturedAt,
		Bytes: item.Bytes, Attempts: item.Attempts, Source: item.Source,
	})
	if err != nil {
		return err
	}
	u.forget(item.ID)
	u.log.Debug("frame delivered", "frame", item.ID, "key", d.key, "proof", proof, "attempts", item.Attempts)
	if v.Cause == CauseDelivered { // what S3 held already has not used the link
		u.pace.Done(item.Bytes, u.backlog.Load(), time.Now())
	}
	return nil
}

func (u *Uploader) postpone(ctx context.Context, item queue.Item, v Verdict, reason string, probe Probe) error {
	if v.Cause == CauseAborted {
		return u.queue.Release(item.ID)
	}
	if v.Charged && item.Attempts >= u.opts.MaxAttempts {
		return u.bury(ctx, item, CauseGaveUp, reason)
	}
	wait := max(v.After, jitter(ceiling(frameDelayFirst, frameDelayMost, item.Attempts)))
	if v.Link == Bad {
		tripped := u.trip(Failure{Cause: v.Cause, Place: v.Place, Reason: reason, Least: v.After, Probe: probe})
		if v.Slow && tripped.Counted {
			u.pace.Slow()
		}
		wait = tripped.Wait
		if tripped.Opened {
			wait = max(wait, jitter(ceiling(frameDelayFirst, frameDelayMost, u.blame(item.ID))))
		}
	} else {
		u.log.Info("frame will be tried again", "frame", item.ID, "cause", v.Cause, "reason", reason,
			"attempt", item.Attempts, "in", wait.Round(time.Millisecond).String())
	}
	return u.queue.Defer(ctx, item.ID, queue.Deferral{Until: time.Now().UTC().Add(wait), Reason: reason, Uncharged: !v.Charged})
}

// trip opens the breaker. What people should hear of it they hear from the conditions that Status feeds; here it
// is said once for each cause, for those who look closer.
func (u *Uploader) trip(f Failure) Tripped {
	tripped := u.breaker.Trip(f, time.Now())
	if tripped.News {
		u.log.Debug("uploads are waiting", "cause", f.Cause, "reason", f.Reason)
	}
	return tripped
}

func (u *Uploader) pass() {
	outage := u.breaker.Pass()
	if outage == nil {
		return
	}
	if outage.Cause != CauseTooFast { // the pace has been halved already
		u.pace.Restart()
	}
	u.log.Debug("uploads go on", "outage", time.Since(outage.Since).Round(time.Second).String())
}
