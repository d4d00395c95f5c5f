package agent

import (
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/frame"
	"shelfagent/agent/health"
	"shelfagent/agent/status"
	"shelfagent/queue"
	"shelfagent/uploader"
)

// TestHeldBackIsOneCode: the rejected folder keeps what the masks hold back, whatever its age.
func TestHeldBackIsOneCode(t *testing.T) {
	if capture.HeldBack != string(frame.CodeMaskMismatch) {
		t.Errorf("%s and %s", capture.HeldBack, frame.CodeMaskMismatch)
	}
}

// TestP8_EveryOutageHasACondition: whatever the uploader stops for must have words for a person.
func TestP8_EveryOutageHasACondition(t *testing.T) {
	var seen []uploader.Seen
	for code := range 600 {
		for _, s3Code := range []string{"", "SlowDown", "AccessDenied", "BadDigest"} {
			for _, asked := range []bool{true, false} {
				seen = append(seen, uploader.Seen{Asked: asked, Status: code, Code: s3Code})
			}
		}
	}
	seen = append(seen, uploader.Seen{Err: http.ErrHandlerTimeout}, uploader.Seen{Err: &uploader.AddressError{}})
	for _, s := range seen {
		verdict := uploader.Judge(s)
		if _, known := linkConditions[verdict.Cause]; verdict.Link == uploader.Bad && !known {
			t.Errorf("no condition for %s (%+v)", verdict.Cause, s)
		}
	}
}

func TestConditionsFollowFacts(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	far := now.Add(100 * 24 * time.Hour)
	well := func() facts {
		return facts{
			capture:  capture.State{Disk: capture.DiskPresent, Watch: capture.Watch{Reason: capture.WatchLive}},
			uploader: uploader.Status{CertificateExpires: far},
		}
	}
	off := 90.0
	for _, tc := range []struct {
		story string
		spoil func(*facts)
		want  string // codes, worst first
		as    status.Verdict
	}{
		{"all is well", func(*facts) {}, "", status.Healthy},
		{"the agent has just begun", func(f *facts) { f.capture = capture.State{} }, "", status.Healthy},
		{"the capture disk is gone", func(f *facts) {
			f.capture.Disk, f.capture.Watch.Reason = capture.DiskFolderMissing, capture.WatchNoFolder
		}, "capture_missing", status.Down},
		{"the capture disk is read-only", func(f *facts) { f.capture.Disk = capture.DiskFailing }, "capture_missing", status.Down},
		{"the capture disk is not mounted, or new", func(f *facts) { f.capture.Disk = capture.DiskMarkerMissing }, "capture_unmarked", status.Degraded},
		{"the capture disk is another rig's", func(f *facts) { f.capture.Disk = capture.DiskForeign }, "capture_foreign", status.Down},
		{"a link lies in the capture folder", func(f *facts) { f.capture.Odd = 1 }, "files_odd", status.Healthy},
		{"a thousand and one folders", func(f *facts) { f.capture.TooMany = true }, "cameras_too_many", status.Degraded},
		{"the watch limit is reached", func(f *facts) { f.capture.Watch.Reason = capture.WatchLimit }, "watch_dead", status.Degraded},
		{"a folder names no camera", func(f *facts) {
			f.capture.Unnamed = []capture.UnnamedFolder{{Name: "Left Aisle", Waiting: 3}}
		}, "folder_unnamed", status.Degraded},
		{"files cannot be removed", func(f *facts) {
			f.capture.Cameras = []capture.CameraState{{Camera: "cam-1", Problem: "permission denied"}}
		}, "intake_failing", status.Down},
		{"a file was rejected lately", func(f *facts) { f.intake.lastReject = now.Add(-time.Minute) }, "frames_rejected", status.Healthy},
		{"a file was rejected yesterday", func(f *facts) { f.intake.lastReject = now.Add(-24 * time.Hour) }, "", status.Healthy},
		{"the queue is full and the disk failed too", func(f *facts) {
			f.intake.full, f.intake.failing = failure{"full", now}, failure{"I/O error", now}
		}, "queue_full", status.Down},
		{"the queue was full an hour ago", func(f *facts) { f.intake.full = failure{"full", now.Add(-time.Hour)} }, "", status.Healthy},
		{"the queue is broken", func(f *facts) { f.broken = queue.ErrBroken }, "queue_failing", status.Down},
		{"outcomes cannot be recorded", func(f *facts) {
			f.uploader.Outage = &uploader.Outage{Cause: uploader.CauseQueue, Reason: "disk"}
		}, "queue_failing", status.Down},
		{"the queue was healed", func(f *facts) { f.queue.Healed.Adopted = 3 }, "queue_healed", status.Healthy},
		{"frames are parked", func(f *facts) { f.queue.Parked = 2 }, "frames_parked", status.Degraded},
		{"no link, and the certificate ends tomorrow", func(f *facts) {
			f.uploader.Outage = &uploader.Outage{Cause: uploader.CauseLink, Reason: "no route"}
			f.uploader.CertificateExpires, f.uploader.CertificateEndsSoon = now.Add(24*time.Hour), true
		}, "link_down certificate_ends", status.Down},
		{"the backend is busy when the certificate is to be renewed", func(f *facts) {
			f.renewal = uploader.RenewalStatus{Problem: "the backend answered 503", Since: now.Add(-time.Minute)}
		}, "", status.Healthy},
		{"it has been busy for hours", func(f *facts) {
			f.renewal = uploader.RenewalStatus{Problem: "the backend answered 503", Since: now.Add(-2 * time.Hour)}
		}, "certificate_not_renewed", status.Degraded},
		{"the renewed certificate cannot be kept", func(f *facts) {
			f.renewal = uploader.RenewalStatus{Problem: "read-only", Lasting: true, Since: now}
		}, "certificate_not_renewed", status.Degraded},
		{"it cannot be renewed because it has ended", func(f *facts) {
			f.renewal = uploader.RenewalStatus{Problem: "the backend answered 403", Lasting: true, Since: now}
			f.uploader.CertificateExpires, f.uploader.CertificateEndsSoon = now.Add(-time.Hour), true
		}, "certificate_ended", status.Down},
		{"the certificate has ended", func(f *facts) { f.uploader.CertificateExpires = now.Add(-time.Hour) }, "certificate_ended", status.Down},
		{"a renewed certificate is half written", func(f *facts) { f.uploader.CertificateProblem = "no PEM" }, "certificate_stuck", status.Degraded},
		{"every ticket is over at once", func(f *facts) {
			f.uploader.Outage = &uploader.Outage{Cause: uploader.CauseTicketExpired}
		}, "ticket_expired", status.Down},
		{"the clock is off by 90 seconds", func(f *facts) { f.uploader.ClockOffset = &off }, "clock_wrong", status.Degraded},
		{"the page's port is taken", func(f *facts) { f.page = syscall.EADDRINUSE }, "page_unavailable", status.Degraded},
	} {
		t.Run(tc.story, func(t *testing.T) {
			a := &Agent{health: health.NewSet(slog.New(slog.DiscardHandler))}
			f := well()
			tc.spoil(&f)
			a.observe(f, now)
			var codes []string
			for _, c := range a.health.Active() {
				codes = append(codes, string(c.Code))
			}
			if got := strings.Join(codes, " "); got != tc.want {
				t.Errorf("conditions %q, want %q", got, tc.want)
			}
			if got := verdict(a.health.Active()); got != tc.as {
				t.Errorf("verdict %q, want %q", got, tc.as)
			}
			a.observe(well(), now.Add(time.Hour))
			if left := a.health.Active(); len(left) != 0 {
				t.Errorf("does not end: %+v", left)
			}
		})
	}
}
