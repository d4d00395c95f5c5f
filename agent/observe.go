package agent

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/frame"
	"shelfagent/agent/health"
	"shelfagent/queue"
	"shelfagent/uploader"
)

// observeEvery is how often the conditions are looked at; a snapshot looks at them too.
const observeEvery = 2 * time.Second

// Limits beyond which something is a condition.
const (
	renewalPatience = time.Hour // so long renewals may fail for what is over in a while
	clockTolerance  = time.Minute
	rejectedRecent  = time.Hour
	stillTrue       = 3 * fullPause // a failure that was not met again for so long is over
)

// observeLoop ends with an error when the queue is broken: only opening it anew mends that, so the process has to
// end and be started again.
func (a *Agent) observeLoop(ctx context.Context) error {
	turn := a.pulse.Loop("health")
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for {
		turn(patience)
		select {
		case <-ctx.Done():
			turn(0)
			return nil
		case now := <-tick.C:
			f := a.look()
			a.observe(f, now)
			if f.broken != nil {
				return f.broken
			}
		}
	}
}

// facts are what the stages say of themselves at one moment.
type facts struct {
	capture  capture.State
	intake   intakeTally
	queue    queue.Stats
	broken   error
	uploader uploader.Status
	renewal  uploader.RenewalStatus
	page     error // why there is none
}

func (a *Agent) look() facts {
	f := facts{
		capture: a.watcher.State(), intake: a.intake.now(), queue: a.queue.Stats(), broken: a.queue.Err(), uploader: a.uploader.Status(),
		page: a.status.PageProblem(),
	}
	if a.renewer != nil {
		f.renewal = a.renewer.Status()
	}
	return f
}

// observe turns facts into conditions.
func (a *Agent) observe(f facts, now time.Time) {
	a.observeCapture(f.capture, now)
	a.observeIntake(f, now)
	a.observeQueue(f.queue, now)
	a.observeLink(f.uploader, now)
	a.observeCertificate(f, now)
	a.observePage(f.page, now)
}

// diskHasFolder are the states in which the capture folder is there; "" is before the first look.
var diskHasFolder = []capture.Disk{"", capture.DiskPresent, capture.DiskMarkerMissing, capture.DiskForeign}

func (a *Agent) observeCapture(s capture.State, now time.Time) {
	a.health.Set(health.CaptureUnmarked, now, s.Disk == capture.DiskMarkerMissing, s.Detail)
	a.health.Set(health.CaptureForeign, now, s.Disk == capture.DiskForeign, s.Detail)
	missing := !slices.Contains(diskHasFolder, s.Disk)
	a.health.Set(health.CaptureMissing, now, missing, s.Detail)
	a.health.Set(health.FilesOdd, now, s.Odd > 0, fmt.Sprintf("%d things that are no ordinary files", s.Odd))
	a.health.Set(health.CamerasTooMany, now, s.TooMany, "")
	dead := s.Watch.Reason != capture.WatchLive && s.Watch.Reason != capture.WatchStarting && s.Watch.Reason != ""
	a.health.Set(health.WatchDead, now, dead, s.Watch.Detail)
	unnamed := map[string]string{}
	for _, folder := range s.Unnamed {
		unnamed[folder.Name] = fmt.Sprintf("%d files wait in it", folder.Waiting)
	}
	a.health.Observe(health.FolderUnnamed, now, unnamed)
	failing := map[string]string{}
	for _, camera := range s.Cameras {
		if camera.Problem != "" {
			failing[camera.Camera] = camera.Problem
		}
	}
	a.health.Observe(health.IntakeFailing, now, failing)
}

// faultConditions says which condition a camera with each fault is in.
var faultConditions = map[frame.Fault]health.Code{
	frame.Dark: health.CameraDark, frame.BlownOut: health.CameraBlownOut,
	frame.Blurred: health.CameraBlurred, frame.Frozen: health.CameraFrozen,
}

func (a *Agent) observeIntake(f facts, now time.Time) {
	t := f.intake
	recent := !t.lastReject.IsZero() && now.Sub(t.lastReject) < rejectedRecent
	a.health.Set(health.FramesRejected, now, recent, t.lastWhy)
	mismatch, left := heldBack(f.capture.Held, t.good)
	a.health.Observe(health.MasksMismatch, now, mismatch)
	a.health.Observe(health.FramesHeld, now, left)
	for fault, code := range faultConditions {
		a.health.Observe(code, now, t.faults[fault])
	}
	a.health.Set(health.QueueFull, now, now.Sub(t.full.at) < stillTrue, t.full.what)
	failing := ""
	switch {
	case f.broken != nil:
		failing = f.broken.Error()
	case f.uploader.Outage != nil && f.uploader.Outage.Cause == uploader.CauseQueue:
		failing = f.uploader.Outage.Reason
	case now.Sub(t.failing.at) < stillTrue:
		failing = t.failing.what
	}
	a.health.Set(health.QueueFailing, now, failing != "", failing)
}

// heldBack tells the cameras of which nothing is sent, because the newest that came of them is held back, from those that
// left something behind. It is the rejected folder that tells, so that a restart forgets nothing; until the first good
// frame after one, a camera that left something counts among the former.
func heldBack(held []capture.HeldFrames, good map[string]time.Time) (mismatch, left map[string]string) {
	mismatch, left = map[string]string{}, map[string]string{}
	for _, h := range held {
		if h.Newest.After(good[h.Camera]) {
			mismatch[h.Camera] = fmt.Sprintf("%s; files held back: %d", h.Detail, h.Files)
		} else {
			left[h.Camera] = fmt.Sprintf("files held back: %d", h.Files)
		}
	}
	return mismatch, left
}

func (a *Agent) observeQueue(s queue.Stats, now time.Time) {
	a.health.Set(health.FramesParked, now, s.Parked > 0, fmt.Sprintf("%d frames", s.Parked))
	h := s.Healed
	repaired := h.Damage != "" || h.Adopted+h.Missing+h.Damaged+h.Records > 0
	detail := fmt.Sprintf("%d frames adopted, %d lost their payload, %d payloads damaged, %d records made again",
		h.Adopted, h.Missing, h.Damaged, h.Records)
	if h.Damage != "" {
		detail += "; the database was damaged (" + h.Damage + ") and is kept at " + h.MovedTo
	}
	a.health.Set(health.QueueHealed, now, repaired, detail)
}

// linkConditions says which condition an outage of each cause is.
var linkConditions = map[uploader.Cause]health.Code{
	uploader.CauseLink:          health.LinkDown,
	uploader.CauseWrongNetwork:  health.WrongNetwork,
	uploader.CauseTooFast:       health.TooFast,
	uploader.CauseBackendDenied: health.BackendDenied,
	uploader.CauseBackendFault:  health.BackendFault,
	uploader.CauseTicketRefused: health.TicketRefused,
	uploader.CauseS3Denied:      health.S3Denied,
	uploader.CauseUnknown:       health.UploadsFail,
	uploader.CauseTicketExpired: health.TicketExpired,
}

func (a *Agent) observeLink(s uploader.Status, now time.Time) {
	for cause, code := range linkConditions {
		on := s.Outage != nil && s.Outage.Cause == cause
		reason := ""
		if on {
			reason = s.Outage.Reason
		}
		a.health.Set(code, now, on, reason)
	}
	wrong := clockTrust(s.ClockOffset) == clockOff
	detail := ""
	if wrong {
		side := "ahead of"
		if *s.ClockOffset < 0 {
			side = "behind"
		}
		detail = fmt.Sprintf("the backend's clock is %.0f seconds %s this machine's", math.Abs(*s.ClockOffset), side)
	}
	a.health.Set(health.ClockWrong, now, wrong, detail)
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

func (a *Agent) observePage(problem error, now time.Time) {
	detail := ""
	if problem != nil {
		detail = problem.Error()
	}
	a.health.Set(health.PageUnavailable, now, problem != nil, detail)
}
