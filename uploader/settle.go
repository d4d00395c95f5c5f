package uploader

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/netip"
	"time"

	"shelfagent/queue"
)

// CauseQueue stands for a queue that could not record an outcome: a full or failing disk.
const CauseQueue Cause = "queue"

// strayFrames is how many frames in a row may fail, over a good link, before the cause is taken to be
// something that they share. Without it a mistake in a bucket policy would park a whole backlog.
const strayFrames = 3

// settle judges an outcome and records the verdict in the queue. It runs to its end even while the agent
// stops: an outcome that is known must not be forgotten.
func (u *Uploader) settle(item queue.Item, seen Seen, d delivery) {
	ctx := context.Background()
	verdict := Judge(seen)
	reason := Explain(seen)
	verdict = u.weigh(verdict)

	var err error
	switch verdict.Do {
	case Ack:
		err = u.deliver(ctx, item, verdict, d)
	case Bury:
		u.log.Warn("frame parked: it needs a person", "frame", item.ID, "cause", verdict.Cause, "reason", reason)
		err = u.queue.Bury(ctx, item.ID, string(verdict.Cause), reason)
	case Defer:
		err = u.postpone(ctx, item, verdict, reason)
	}
	if err != nil {
		err = errors.Join(err, u.queue.Release(item.ID))
		u.trip(CauseQueue, "an outcome could not be recorded, the frame will be tried again: "+err.Error(), 0)
		return
	}
	if verdict.Slow {
		u.pace.Slow()
	}
	switch verdict.Link {
	case Good:
		u.pass()
	case Silent:
		u.breaker.Idle()
	case Bad: // postpone has tripped the breaker
	}
	u.count(verdict.Cause, item.Bytes, verdict.Do == Ack)
}

// weigh turns a failure that several frames in a row have shared into one of the link.
func (u *Uploader) weigh(v Verdict) Verdict {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case v.Do == Ack:
		u.streak = 0
	case v.Cause == CauseS3Denied, v.Cause == CauseUnknown:
		u.streak++
		if u.streak >= strayFrames {
			v.Link, v.Charged = Bad, false
		}
	}
	return v
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
	u.log.Debug("frame delivered", "frame", item.ID, "key", d.key, "proof", proof, "attempts", item.Attempts)
	u.pace.Done(item.Bytes, int(u.inFlight.Load()) >= u.pace.Limit(), time.Now())
	return nil
}

func (u *Uploader) postpone(ctx context.Context, item queue.Item, v Verdict, reason string) error {
	if v.Cause == CauseAborted {
		return u.queue.Release(item.ID)
	}
	if v.Charged && item.Attempts >= u.opts.MaxAttempts {
		u.log.Warn("frame parked after too many tries", "frame", item.ID, "attempts", item.Attempts, "reason", reason)
		return u.queue.Bury(ctx, item.ID, "gave_up", reason)
	}
	wait := max(v.After, jitter(ceiling(frameDelayFirst, frameDelayMost, item.Attempts)))
	if v.Link == Bad {
		wait = u.trip(v.Cause, reason, v.After)
	} else {
		u.log.Info("frame will be tried again", "frame", item.ID, "cause", v.Cause, "reason", reason,
			"attempt", item.Attempts, "in", wait.Round(time.Millisecond))
	}
	return u.queue.Defer(ctx, item.ID, queue.Deferral{Until: time.Now().UTC().Add(wait), Reason: reason, Uncharged: !v.Charged})
}

// trip opens the breaker, says so once, and returns how long the frame that met the failure should wait.
func (u *Uploader) trip(cause Cause, reason string, least time.Duration) time.Duration {
	wait, opened := u.breaker.Trip(cause, reason, least, time.Now())
	if opened {
		u.log.Error("uploads are waiting", "cause", cause, "reason", reason)
	}
	return wait
}

func (u *Uploader) pass() {
	outage, closed := u.breaker.Pass(time.Now())
	if !closed {
		return
	}
	u.pace.Restart()
	u.log.Info("uploads go on", "outage", outage.Round(time.Second))
}

// tally is what Status reports beyond the breaker and the pace.
type tally struct {
	outcomes  map[Cause]uint64
	bytes     uint64
	delivered time.Time
	speed     float64 // bytes per second, decaying
	speedAt   time.Time
	clock     *time.Duration
	backend   netip.Addr
	s3        netip.Addr
}

// speedMemory is the time in which an old measure loses two thirds of its weight.
const speedMemory = time.Minute

func (u *Uploader) count(cause Cause, bytes int64, delivered bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tally.outcomes[cause]++
	if !delivered {
		return
	}
	at := time.Now()
	u.tally.speed = u.tally.speedNow(at) + float64(bytes)/speedMemory.Seconds()
	u.tally.speedAt, u.tally.delivered = at, at.UTC()
	u.tally.bytes += uint64(max(bytes, 0))
}

func (t *tally) speedNow(at time.Time) float64 {
	if t.speedAt.IsZero() {
		return 0
	}
	return t.speed * math.Exp(-at.Sub(t.speedAt).Seconds()/speedMemory.Seconds())
}

// Status is what the uploader knows of the link, as JSON in the status document.
type Status struct {
	// Outage is nil while uploads run.
	Outage *Outage `json:"outage,omitempty"`
	// Slots is how many transfers may run at once now.
	Slots int `json:"slots"`
	// LastDelivered is zero before the first delivery since the start.
	LastDelivered time.Time `json:"last_delivered,omitzero"`
	// Bytes delivered since the start, and how many a second lately.
	Bytes          uint64  `json:"bytes"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	// Outcomes counts what became of tries since the start, by cause.
	Outcomes map[Cause]uint64 `json:"outcomes"`
	// ClockOffset is how far the backend's clock is ahead of this machine's, in seconds; nil when unknown.
	ClockOffset *float64 `json:"clock_offset_seconds,omitempty"`
	// BackendAddress and S3Address were dialled last. S3Private is nil before the first dial.
	BackendAddress     string    `json:"backend_address,omitempty"`
	S3Address          string    `json:"s3_address,omitempty"`
	S3Private          *bool     `json:"s3_private,omitempty"`
	CertificateExpires time.Time `json:"certificate_expires"`
}

// Status may be called at any time.
func (u *Uploader) Status() Status {
	s := Status{
		Outage: u.breaker.Outage(), Slots: u.pace.Limit(), CertificateExpires: u.opts.Identity.Expires().UTC(),
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	s.LastDelivered, s.Bytes, s.BytesPerSecond = u.tally.delivered, u.tally.bytes, u.tally.speedNow(time.Now())
	s.Outcomes = maps.Clone(u.tally.outcomes)
	if u.tally.clock != nil {
		seconds := u.tally.clock.Seconds()
		s.ClockOffset = &seconds
	}
	if u.tally.backend.IsValid() {
		s.BackendAddress = u.tally.backend.String()
	}
	if u.tally.s3.IsValid() {
		private := u.tally.s3.IsPrivate() || u.tally.s3.IsLoopback()
		s.S3Address, s.S3Private = u.tally.s3.String(), &private
	}
	return s
}
