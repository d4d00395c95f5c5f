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
	renewalPatience = time.Hour // so long renewals may fail for what is over in a while
	rejectedRecent  = time.Hour
	stillTrue       = 3 * fullPause // a failure that was not met again for so long is over
	quiet           = time.Minute   // so long after a delivery another is due while frames wait
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
			f := a.lookAndObserve(now)
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

func (a *Agent) lookAndObserve(now time.Time) facts {
	f := a.look()
	if !a.stepped {
		a.observe(f, now)
	}
	return f
}

// observe turns facts into conditions, those that explain others first: the log is told of the others only if nothing does.
func (a *Agent) observe(f facts, now time.Time) {
	a.observeCapture(f.capture, now)
	a.observeIntake(f, now)
	a.observeQueue(f, now)
	a.observeClock(f.uploader, now)
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
	full := s.Watch.Reason == capture.WatchLimit || s.Watch.Reason == capture.WatchDescriptors
	dead := s.Watch.Reason == capture.WatchFailing || s.Watch.Reason == capture.WatchNoFolder
	a.health.Set(health.WatchLimit, now, full, s.Watch.Detail)
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
	a.health.Observe(health.CameraSilent, now, a.silence.silent(f, now))
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

func (a *Agent) observeQueue(f facts, now time.Time) {
	s := f.queue
	parked := s.Parked - s.Lost
	a.health.Set(health.FramesParked, now, parked > 0, fmt.Sprintf("%d frames", parked))
	a.health.Set(health.PayloadDamaged, now, s.Lost > 0, fmt.Sprintf("%d frames", s.Lost))
	low := s.DiskTotal > 0 && s.DiskFree < 2*s.MinFree
	a.health.Set(health.DiskLow, now, low, fmt.Sprintf("%d MB are free, and %d MB must stay free", s.DiskFree/1e6, s.MinFree/1e6))
	a.health.Set(health.NothingDelivered, now, stuck(f, now), fmt.Sprintf("%d frames wait", s.Pending()))
	h := s.Healed
	repaired := h.Damage != "" || h.Adopted+h.Missing+h.Damaged+h.Records > 0
	detail := fmt.Sprintf("%d frames adopted, %d lost their payload, %d payloads damaged, %d records made again",
		h.Adopted, h.Missing, h.Damaged, h.Records)
	if h.Damage != "" {
		detail += "; the database was damaged (" + h.Damage + ") and is kept at " + h.MovedTo
	}
	a.health.Set(health.QueueHealed, now, repaired, detail)
}

// stuck tells whether a frame should have arrived by now: the condition has to hold for long, and each delivery ends it.
func stuck(f facts, now time.Time) bool {
	u := f.uploader
	held := u.Outage != nil || paused(u) || u.Begins.After(now)
	return f.queue.Pending() > 0 && !held && now.Sub(u.LastDelivered).Abs() > quiet // a clock that was set back does not hide it
}

func (a *Agent) observePage(problem error, now time.Time) {
	detail := ""
	if problem != nil {
		detail = problem.Error()
	}
	a.health.Set(health.PageUnavailable, now, problem != nil, detail)
}
