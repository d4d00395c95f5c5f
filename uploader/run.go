package uploader

import (
	"context"
	"time"

	"shelfagent/uploader/ticket"
)

// Run drains the queue until ctx ends. It then starts nothing new, gives what is under way StopGrace to
// finish, aborts the rest, and returns when every outcome is recorded.
func (u *Uploader) Run(ctx context.Context) error {
	work, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	defer func() {
		for _, c := range u.clients {
			c.CloseIdleConnections()
		}
	}()
	u.awaitTurn(ctx)
	for ctx.Err() == nil {
		u.progress(stepPatience)
		wake := u.step(work)
		u.progress(max(time.Until(wake), 0) + stepPatience)
		timer := time.NewTimer(time.Until(wake))
		select {
		case <-ctx.Done():
		case <-u.freed:
			u.inFlight.Add(-1)
			u.gather(ctx)
		case <-u.queue.Ready():
		case <-u.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
	u.progress(0)
	grace := time.AfterFunc(u.opts.StopGrace, func() { abort(errAborted) })
	defer grace.Stop()
	u.wg.Wait()
	return nil
}

// awaitTurn lets this rig's share of StartSpread pass.
func (u *Uploader) awaitTurn(ctx context.Context) {
	if u.opts.StartSpread <= 0 {
		return
	}
	share := jitter(u.opts.StartSpread)
	u.setBegins(time.Now().Add(share))
	defer u.setBegins(time.Time{})
	turn := time.NewTimer(share)
	defer turn.Stop()
	select {
	case <-turn.C:
	case <-ctx.Done():
	}
}

func (u *Uploader) setBegins(at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.begins = at
}

// Times of the loop.
const (
	// idle is how long Run sleeps when nothing is due: a safety net under Ready, not a schedule, and how late a clock that
	// was put right may be noticed.
	idle = time.Minute
	// nap is how soon Run looks again for what was due and could not be leased.
	nap = 50 * time.Millisecond
	// gatherFor is how long gather waits at most.
	gatherFor = 5 * time.Millisecond
	// stepPatience is how long a step may take: it leases, which waits for a flush of the disk.
	stepPatience = 5 * time.Minute
)

func (u *Uploader) progress(within time.Duration) {
	if u.opts.Progress != nil {
		u.opts.Progress(within)
	}
}

// gather waits a moment for more slots to become free while a backlog waits: frames that are leased together share a
// flush of the queue and a request for tickets. It is nothing beside a transfer over a shop's line, and half of the work
// beside one in the same room.
func (u *Uploader) gather(ctx context.Context) {
	if !u.backlog.Load() {
		return
	}
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	for int(u.inFlight.Load()) > u.pace.Limit()/2 {
		select {
		case <-ctx.Done():
			return
		case <-u.freed:
			u.inFlight.Add(-1)
		case <-timer.C:
			return
		}
	}
}

// step fills the free slots, and returns when to look again if nothing happens before.
func (u *Uploader) step(ctx context.Context) (wake time.Time) {
	now := time.Now()
	wake = now.Add(idle)
	clock := u.clockAt(now)
	limit := u.hours.turn(clock)
	if left := limit.Until.Sub(clock); !limit.Until.IsZero() && left < idle {
		wake = now.Add(left)
	}
	if limit.Paused {
		return wake
	}
	free, probe, next := u.breaker.Allow(u.pace.Limit()-int(u.inFlight.Load()), now)
	if !next.IsZero() && next.Before(wake) {
		wake = next
	}
	if free == 0 {
		return wake
	}
	wanted := min(free, ticket.MaxUploads)
	items, err := u.queue.Lease(ctx, wanted)
	if err != nil {
		u.trip(Failure{Cause: CauseQueue, Reason: "the queue cannot be read: " + err.Error(), Probe: probe})
		return now // the breaker says when
	}
	u.backlog.Store(len(items) == wanted)
	if len(items) > 0 {
		u.inFlight.Add(int64(len(items)))
		u.wg.Go(func() { u.carry(ctx, items, probe) })
		return now // there may be more
	}
	u.breaker.Idle(probe)
	if outage := u.breaker.Outage(); outage != nil && outage.Cause == CauseQueue {
		u.pass() // the queue answers, and there is no frame to find out more with
	}
	if due, ok := u.queue.NextDue(); ok && due.Before(wake) {
		wake = due
		if soon := now.Add(nap); wake.Before(soon) {
			wake = soon
		}
	}
	return wake
}
