package uploader

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Renewals begin at two thirds of a certificate's life, over a tenth of it: of rigs that were enrolled in one minute
// each has a moment of its own, and a quarter of the life is left for tries that fail.
const (
	renewAfter  = 2.0 / 3
	renewSpread = 0.1
)

// Delays of renewals.
const (
	// renewLook is how often the time is compared with the certificate again: the clock may be set meanwhile.
	renewLook = time.Hour
	// renewStart spreads the rigs that are switched on in one moment with a certificate that is due.
	renewStart = 10 * time.Minute
	// Between tries that fail. A certificate that ends soon is not given the full pause.
	renewDelayFirst, renewDelayMost = time.Minute, 30 * time.Minute
	// renewHear caps what a backend may ask for by Retry-After.
	renewHear = time.Hour
	// renewTrust is up to where the rig's own clock is believed; beyond it, the backend's.
	renewTrust = time.Minute
)

// RenewOptions are what a Renewer needs.
type RenewOptions struct {
	Issuer   Issuer
	Identity *Identity
	// Ahead is how far the backend's clock is ahead of this machine's, as far as is known.
	Ahead  func() time.Duration
	Logger *slog.Logger
}

// Renewer renews the device certificate for as long as the agent runs. Make it with NewRenewer, run it once with Run.
type Renewer struct {
	identity *Identity
	issuer   Issuer
	ahead    func() time.Duration
	log      *slog.Logger
	leaf     func() *x509.Certificate        // the one in use
	waiting  func() bool                     // whether there is work whatever the time
	renew    func(ctx context.Context) error // does it

	looked   bool      // owned by Run, as are the next two
	next     time.Time // nothing is done before
	failures int

	mu     sync.Mutex // guards status
	status RenewalStatus
}

// RenewalStatus is what people should know of renewals.
type RenewalStatus struct {
	// Problem is why the last try failed; empty when it did not.
	Problem string
	// Lasting is true when the problem will not go by itself.
	Lasting bool
	// Since is when tries began to fail.
	Since time.Time
}

// NewRenewer does nothing yet.
func NewRenewer(opts RenewOptions) *Renewer {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Renewer{identity: opts.Identity, issuer: opts.Issuer, ahead: opts.Ahead, log: opts.Logger, leaf: opts.Identity.Leaf}
	r.waiting, r.renew = r.unfinished, r.step
	return r
}

// Status may be called at any time.
func (r *Renewer) Status() RenewalStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Run renews until ctx ends. Whatever happens to a renewal, it goes on: without a certificate frames wait, and cameras
// are recorded all the same.
func (r *Renewer) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(r.turn(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// turn does what is due, and says how long nothing will be.
func (r *Renewer) turn(ctx context.Context) time.Duration {
	now := time.Now()
	leaf := r.leaf()
	wait := max(r.next.Sub(now), 0)
	if wait == 0 && !r.waiting() {
		wait = max(due(leaf).Sub(r.backendTime(now)), 0)
	}
	first := !r.looked
	r.looked = true
	switch {
	case wait > 0:
		return min(wait, renewLook)
	case first:
		r.next = now.Add(jitter(min(renewStart, life(leaf)/100)))
		return r.next.Sub(now)
	}
	if err := r.renew(ctx); err != nil {
		r.failed(ctx, err)
	} else {
		r.worked()
	}
	return min(max(time.Until(r.next), 0), renewLook)
}

// worked leaves a certificate its time, even where this clock takes it to be due already.
func (r *Renewer) worked() {
	leaf, now := r.leaf(), time.Now()
	r.failures, r.next = 0, now.Add(max(life(leaf)/2, renewDelayFirst))
	r.mu.Lock()
	r.status = RenewalStatus{}
	r.mu.Unlock()
}

func (r *Renewer) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the agent is stopping
	}
	now := time.Now()
	r.failures++
	left := r.leaf().NotAfter.Sub(r.backendTime(now))
	most := renewDelayMost
	if left > 0 {
		most = max(min(most, left/8), renewDelayFirst)
	}
	delay := jitter(ceiling(renewDelayFirst, most, r.failures))
	var answered *IssueError
	if errors.As(err, &answered) {
		delay += min(answered.Seen.RetryAfter, renewHear)
	}
	r.next = now.Add(delay)
	r.log.Debug("the device certificate was not renewed", "reason", err.Error(), "in", delay.Round(time.Second).String())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Problem == "" {
		r.status.Since = now.UTC()
	}
	r.status.Problem, r.status.Lasting = err.Error(), lasting(err)
}

// backendTime is now by the backend's clock, which decides how long a certificate is good for.
func (r *Renewer) backendTime(now time.Time) time.Time {
	if r.ahead == nil {
		return now
	}
	if ahead := r.ahead(); ahead.Abs() > renewTrust {
		return now.Add(ahead)
	}
	return now
}

// due is when a certificate is to be renewed. It depends on the certificate alone, so that a restart changes nothing.
func due(leaf *x509.Certificate) time.Time {
	digest := sha256.Sum256(leaf.Raw)
	draw := float64(binary.BigEndian.Uint64(digest[:])) / (1 << 64)
	return leaf.NotBefore.Add(time.Duration(float64(life(leaf)) * (renewAfter + draw*renewSpread)))
}

func life(leaf *x509.Certificate) time.Duration { return leaf.NotAfter.Sub(leaf.NotBefore) }
