package agent

import (
	"context"
	"fmt"
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
	certificateSoon = 48 * time.Hour // before its end
	clockTolerance  = time.Minute
	rejectedRecent  = time.Hour
	stillTrue       = 3 * fullPause // a failure that was not met again for so long is over
)

// observeLoop ends with an error when the queue is broken: only opening it anew mends that, so the process has to
// end and be started again.
func (a *Agent) observeLoop(ctx context.Context) error {
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
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
	page     error // why there is none
}

func (a *Agent) look() facts {
	return facts{
		capture: a.watcher.State(), intake: a.intake.now(), queue: a.queue.Stats(), broken: a.queue.Err(), uploader: a.uploader.Status(),
		page: a.status.PageProblem(),
	}
}

// observe turns facts into conditions.
func (a *Agent) observe(f facts, now time.Time) {
	a.observeCapture(f.capture, now)
	a.observeIntake(f, now)
	a.observeQueue(f.queue, now)
	a.observeLink(f.uploader, now)
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
	a.health.Observe(health.MasksMismatch, now, t.held)
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
	left := s.CertificateExpires.Sub(now)
	ends := "it ends on " + s.CertificateExpires.Format("2006-01-02 15:04 MST")
	a.health.Set(health.CertificateEnds, now, left < certificateSoon, ends)
	a.health.Set(health.CertificateEnded, now, left <= 0, ends)
	a.health.Set(health.CertificateStuck, now, s.CertificateProblem != "", s.CertificateProblem)
	wrong := clockTrust(s.ClockOffset) == clockOff
	detail := ""
	if wrong {
		detail = fmt.Sprintf("the backend's clock is %.0f seconds ahead of this machine's", *s.ClockOffset)
	}
	a.health.Set(health.ClockWrong, now, wrong, detail)
}

func (a *Agent) observePage(problem error, now time.Time) {
	detail := ""
	if problem != nil {
		detail = problem.Error()
	}
	a.health.Set(health.PageUnavailable, now, problem != nil, detail)
}
