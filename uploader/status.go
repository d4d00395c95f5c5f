package uploader

import (
	"maps"
	"math"
	"net/netip"
	"time"
)

// tally is what Status reports beyond the breaker and the pace.
type tally struct {
	outcomes  map[Cause]uint64
	bytes     uint64
	delivered time.Time
	speed     float64 // bytes per second, decaying
	speedAt   time.Time
	clock     *time.Duration
	heard     time.Time
	unheard   *Outage // why the last heartbeats were not heard; nil: the last one was
	lost      int     // heartbeats in a row
	backend   netip.Addr
	s3        netip.Addr
}

// lostBeats is how many heartbeats in a row may be lost before it is more than chance.
const lostBeats = 2

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
	// Begins is when this rig's first request may go out; zero once it may.
	Begins time.Time `json:"begins,omitzero"`
	// Limit is what the bandwidth windows allow now; nil where the configuration limits nothing.
	Limit *Limit `json:"limit,omitempty"`
	// Slots is how many transfers may run at once now.
	Slots int `json:"slots"`
	// LastDelivered is zero before the first delivery since the start.
	LastDelivered time.Time `json:"last_delivered,omitzero"`
	// Bytes delivered since the start, and how many a second lately.
	Bytes          uint64  `json:"bytes"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	// Outcomes counts what became of tries since the start, by cause.
	Outcomes map[Cause]uint64 `json:"outcomes"`
	// LastHeartbeat is when the backend last answered a heartbeat, zero before; HeartbeatProblem is why it did not answer
	// the one after.
	LastHeartbeat    time.Time `json:"last_heartbeat,omitzero"`
	HeartbeatProblem string    `json:"heartbeat_problem,omitempty"`
	// Unheard is set once several heartbeats in a row were not heard: on a rig that has nothing to upload nothing else
	// tells that the way is broken.
	Unheard *Outage `json:"unheard,omitempty"`
	// ClockOffset is how far the backend's clock is ahead of this machine's, in seconds; nil when unknown.
	ClockOffset *float64 `json:"clock_offset_seconds,omitempty"`
	// BackendAddress and S3Address were dialled last. S3Private is nil before the first dial.
	BackendAddress     string    `json:"backend_address,omitempty"`
	S3Address          string    `json:"s3_address,omitempty"`
	S3Private          *bool     `json:"s3_private,omitempty"`
	CertificateExpires time.Time `json:"certificate_expires"`
	// CertificateEndsSoon is as in Identity.EndsSoon.
	CertificateEndsSoon bool `json:"certificate_ends_soon,omitempty"`
	// CertificateProblem is why a renewed certificate that lies ready is not in use.
	CertificateProblem string `json:"certificate_problem,omitempty"`
}

// ClockAhead is how far the backend's clock is ahead of this machine's; 0 when that is not known.
func (u *Uploader) ClockAhead() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tally.clock == nil {
		return 0
	}
	return *u.tally.clock
}

// Status may be called at any time.
func (u *Uploader) Status() Status {
	identity := u.opts.Identity
	s := Status{
		Outage: u.breaker.Outage(), Limit: u.hours.now(), Slots: u.pace.Limit(),
		CertificateExpires: identity.Expires().UTC(), CertificateEndsSoon: identity.EndsSoon(time.Now()),
	}
	if problem := identity.Problem(); problem != nil {
		s.CertificateProblem = problem.Error()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	s.Begins = u.begins.UTC()
	s.LastDelivered, s.Bytes, s.BytesPerSecond = u.tally.delivered, u.tally.bytes, u.tally.speedNow(time.Now())
	s.LastHeartbeat = u.tally.heard
	if outage := u.tally.unheard; outage != nil {
		s.HeartbeatProblem = outage.Reason
		if u.tally.lost >= lostBeats {
			s.Unheard = outage
		}
	}
	s.Outcomes = maps.Clone(u.tally.outcomes)
	if u.tally.clock != nil {
		seconds := u.tally.clock.Seconds()
		s.ClockOffset = &seconds
	}
	if u.tally.backend.IsValid() {
		s.BackendAddress = u.tally.backend.String()
	}
	if u.tally.s3.IsValid() {
		private := Private(u.tally.s3)
		s.S3Address, s.S3Private = u.tally.s3.String(), &private
	}
	return s
}
