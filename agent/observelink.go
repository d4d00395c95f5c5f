package agent

import (
	"fmt"
	"math"
	"time"

	"shelfagent/agent/diagnosis"
	"shelfagent/agent/health"
	"shelfagent/uploader"
)

func (a *Agent) observeLink(s uploader.Status, now time.Time) {
	var code health.Code
	reason := ""
	if o := outage(s); o != nil {
		code, reason = diagnosis.Of(o.Cause, o.Place), o.Reason
	}
	for _, c := range diagnosis.All() {
		a.health.Set(c, now, c == code, reason)
	}
}

// outage is what keeps frames from leaving; or what keeps heartbeats from being heard, where nothing was uploaded since and
// uploads would meet the same.
func outage(s uploader.Status) *uploader.Outage {
	if s.Outage != nil || s.Unheard == nil || s.LastDelivered.After(s.Unheard.Since) {
		return s.Outage
	}
	switch s.Unheard.Cause {
	case uploader.CauseLink, uploader.CauseWrongNetwork, uploader.CauseBackendDenied:
		return s.Unheard
	default: // a backend may not care for heartbeats
		return nil
	}
}

func (a *Agent) observeClock(s uploader.Status, now time.Time) {
	trust := clockTrust(s.ClockOffset)
	a.health.Set(health.ClockLost, now, uploader.ClockLost(now), "it says "+now.Format("2006-01-02 15:04 MST"))
	a.health.Set(health.ClockUntrusted, now, trust == clockUnknown, "")
	detail := ""
	if trust == clockOff {
		side := "ahead of"
		if *s.ClockOffset < 0 {
			side = "behind"
		}
		detail = fmt.Sprintf("the backend's clock is %.0f seconds %s this machine's", math.Abs(*s.ClockOffset), side)
	}
	a.health.Set(health.ClockWrong, now, trust == clockOff, detail)
}

// observeCertificate tells an end that comes near from a renewal that fails. A rig that was off for longer than its
// certificate's life hears both in one: it cannot renew what has ended.
func (a *Agent) observeCertificate(f facts, now time.Time) {
	s, r := f.uploader, f.renewal
	ends := "it ends on " + s.CertificateExpires.Format("2006-01-02 15:04 MST")
	failing := r.Problem != "" && (r.Lasting || now.Sub(r.Since) > renewalPatience)
	if failing {
		ends += "; its renewal fails: " + r.Problem
	}
	a.health.Set(health.CertificateEnds, now, s.CertificateEndsSoon, ends)
	a.health.Set(health.CertificateEnded, now, !now.Before(s.CertificateExpires), ends)
	a.health.Set(health.RenewalFails, now, failing, r.Problem)
	a.health.Set(health.CertificateStuck, now, s.CertificateProblem != "", s.CertificateProblem)
}
