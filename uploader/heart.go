package uploader

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"time"

	"shelfagent/uploader/ticket"
)

// How often a rig says how it is. A backend that has heard nothing for ten minutes may take it for dead.
const (
	beatEvery   = time.Minute     // in the mean, while the backend answers
	beatSlowest = 5 * time.Minute // at most, while it does not
	beatTimeout = 30 * time.Second
)

// Heart tells the backend once a minute how the rig is, and learns from it what time it is. Make it with
// Uploader.Heart.
//
// It has a client of its own, with one connection and a time limit for each beat of one or two kilobytes: transfers that
// fill the uplink, and requests for tickets that hang, leave it alone. It beats in outages and pauses too, when it is
// what tells a rig that waits from one that is dead; the breaker hears nothing of it, and the bandwidth windows do
// not count it.
type Heart struct {
	uploader *Uploader
	client   *http.Client
	url      string
	snapshot func() ticket.Heartbeat
}

// Heart returns the rig's heart. snapshot says how the rig is; it must not wait for anything.
func (u *Uploader) Heart(snapshot func() ticket.Heartbeat) *Heart {
	return &Heart{
		uploader: u, snapshot: snapshot, url: u.opts.Backend.JoinPath(ticket.HeartbeatPath).String(),
		client: u.opts.backendClient(1, func(netip.Addr) {}),
	}
}

// Run beats until ctx ends. A beat under way is then given up: the next start will tell.
func (h *Heart) Run(ctx context.Context) error {
	defer h.client.CloseIdleConnections()
	wait := jitter(max(h.uploader.opts.StartSpread, time.Millisecond))
	for failures := 0; ; {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		seen := h.beat(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if seen == nil {
			failures, wait = 0, around(beatEvery)
			continue
		}
		failures++
		wait = around(ceiling(beatEvery, beatSlowest*4/5, failures+1))
		wait = max(wait, min(seen.RetryAfter, maxRetryAfter)+jitter(linkDelayMost))
	}
}

// around draws from the quarter below to the quarter above, so that a fleet which began together soon does not beat
// together.
func around(mean time.Duration) time.Duration {
	return mean*3/4 + rand.N(mean/2) //nolint:gosec // chance, not secrecy
}

// beat sends one heartbeat, and returns what was seen unless all went well.
func (h *Heart) beat(stop context.Context) *Seen {
	ctx, cancel := context.WithTimeoutCause(stop, beatTimeout, errNoAnswer)
	defer cancel()
	var answer ticket.HeartbeatAnswer
	began := time.Now()
	seen := post(ctx, h.client, h.url, h.snapshot().Bounded(), nil, func(body io.Reader) (err error) {
		answer, err = ticket.ReadHeartbeatAnswer(body)
		return err
	})
	if seen != nil && stop.Err() == nil { // to be stopped is no problem
		h.uploader.lookAround(stop, seen)
		h.unheard(*seen)
	}
	if seen != nil {
		return seen
	}
	h.uploader.noteClock(ahead(answer.Time, began))
	h.heard(time.Now())
	return nil
}

func (h *Heart) heard(at time.Time) {
	u := h.uploader
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tally.unheard != nil {
		u.log.Debug("the backend hears this rig again")
	}
	u.tally.heard, u.tally.unheard, u.tally.lost = at.UTC(), nil, 0
}

func (h *Heart) unheard(seen Seen) {
	u := h.uploader
	u.mu.Lock()
	defer u.mu.Unlock()
	now := Outage{Cause: Judge(seen).Cause, Reason: Explain(seen), Since: time.Now()}
	if now.Cause == CauseLink {
		now.Place = PlaceOf(seen)
	}
	if u.tally.unheard == nil {
		u.log.Debug("the backend does not hear this rig", "reason", now.Reason)
	} else {
		now.Since = u.tally.unheard.Since
	}
	u.tally.unheard = &now
	u.tally.lost++
}
