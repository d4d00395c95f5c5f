package agent

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/diagnosis"
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
		if verdict.Link == uploader.Bad && !slices.Contains(diagnosis.All(), diagnosis.OfSeen(s)) {
			t.Errorf("no condition for %s (%+v)", verdict.Cause, s)
		}
	}
}

// hourlyFiles waits an hour for each camera.
func hourlyFiles() *silence {
	return &silence{rules: config.SilenceRules{Location: time.UTC, Others: config.SilenceRule{After: time.Hour}}}
}

func TestConditionsFollowFacts(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	far := now.Add(100 * 24 * time.Hour)
	near, off := 0.2, 90.0
	linkAt := func(place uploader.Place) func(*facts) {
		return func(f *facts) {
			f.uploader.Outage = &uploader.Outage{Cause: uploader.CauseLink, Place: place, Reason: "no route"}
		}
	}
	waits := func(f *facts) { f.queue.Waiting, f.uploader.LastDelivered = 3, now.Add(-time.Hour) }
	well := func() facts {
		return facts{
			capture:  capture.State{Disk: capture.DiskPresent, Watch: capture.Watch{Reason: capture.WatchLive}},
			uploader: uploader.Status{CertificateExpires: far, ClockOffset: &near, LastDelivered: now},
		}
	}
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
		{"the capture folder does not answer", func(f *facts) { f.capture.Disk = capture.DiskSilent }, "capture_missing", status.Down},
		{"the capture disk is not mounted, or new", func(f *facts) { f.capture.Disk = capture.DiskMarkerMissing }, "capture_unmarked", status.Degraded},
		{"the capture disk is another rig's", func(f *facts) { f.capture.Disk = capture.DiskForeign }, "capture_foreign", status.Down},
		{"a link lies in the capture folder", func(f *facts) { f.capture.Odd = 1 }, "files_odd", status.Healthy},
		{"a thousand and one folders", func(f *facts) { f.capture.TooMany = true }, "cameras_too_many", status.Degraded},
		{"the watch limit is reached", func(f *facts) { f.capture.Watch.Reason = capture.WatchLimit }, "watch_limit", status.Degraded},
		{"the system's watchers are used up", func(f *facts) { f.capture.Watch.Reason = capture.WatchDescriptors }, "watch_limit", status.Degraded},
		{"the watch fails", func(f *facts) { f.capture.Watch.Reason = capture.WatchFailing }, "watch_dead", status.Degraded},
		{"a camera is silent", func(f *facts) {
			f.capture.Cameras = []capture.CameraState{{Camera: "cam-1", Present: true, LastSeen: now.Add(-2 * time.Hour)}}
		}, "camera_silent", status.Degraded},
		{"all cameras are silent, for their disk is gone", func(f *facts) {
			f.capture.Cameras = []capture.CameraState{{Camera: "cam-1", Present: true, LastSeen: now.Add(-2 * time.Hour)}}
			f.capture.Disk = capture.DiskFolderMissing
		}, "capture_missing", status.Down},
		{"the disk is almost full", func(f *facts) {
			f.queue.DiskTotal, f.queue.DiskFree, f.queue.MinFree = 100e9, 9e9, 5e9
		}, "disk_low", status.Degraded},
		{"the disk is full", func(f *facts) {
			f.queue.DiskTotal, f.queue.DiskFree, f.queue.MinFree = 100e9, 5e9, 5e9
			f.intake.full = failure{"full", now}
		}, "queue_full", status.Down},
		{"the disk cannot be asked", func(f *facts) { f.queue.MinFree = 5e9 }, "", status.Healthy},
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
		{"payloads are damaged", func(f *facts) { f.queue.Parked, f.queue.Lost = 2, 2 }, "payload_damaged", status.Degraded},
		{"some are damaged, others need a person", func(f *facts) { f.queue.Parked, f.queue.Lost = 3, 2 },
			"frames_parked payload_damaged", status.Degraded},
		{"the backend is away", linkAt(uploader.PlaceBackend), "backend_unreachable", status.Down},
		{"S3 is away", linkAt(uploader.PlaceS3), "s3_unreachable", status.Down},
		{"a firewall looks into TLS", linkAt(uploader.PlaceImpostor), "tls_intercepted", status.Down},
		{"frames wait, and nothing is known to be wrong", waits, "nothing_delivered", status.Down},
		{"frames wait for the link", func(f *facts) { waits(f); linkAt(uploader.PlaceLine)(f) }, "link_down", status.Down},
		{"frames wait for the night", func(f *facts) { waits(f); f.uploader.Limit = &uploader.Limit{Paused: true} }, "", status.Healthy},
		{"frames wait for this rig's turn", func(f *facts) { waits(f); f.uploader.Begins = now.Add(time.Minute) }, "", status.Healthy},
		{"frames wait, and one has just gone", func(f *facts) { waits(f); f.uploader.LastDelivered = now }, "", status.Healthy},
		{"frames wait, and the clock was set back", func(f *facts) { waits(f); f.uploader.LastDelivered = now.AddDate(10, 0, 0) },
			"nothing_delivered", status.Down},
		{"an idle rig is cut off", func(f *facts) {
			f.uploader.Unheard = &uploader.Outage{Cause: uploader.CauseLink, Place: uploader.PlaceLine, Since: now.Add(time.Second)}
		}, "link_down", status.Down},
		{"a rig that delivers is not heard", func(f *facts) {
			f.uploader.Unheard = &uploader.Outage{Cause: uploader.CauseLink, Place: uploader.PlaceBackend, Since: now.Add(-time.Minute)}
		}, "", status.Healthy},
		{"the backend does not care for heartbeats", func(f *facts) {
			f.uploader.Unheard = &uploader.Outage{Cause: uploader.CauseBackendFault, Since: now.Add(time.Second)}
		}, "", status.Healthy},
		{"nobody has told the time", func(f *facts) { f.uploader.ClockOffset = nil }, "clock_untrusted", status.Healthy},
		{"nobody can, without a link", func(f *facts) { f.uploader.ClockOffset = nil; linkAt(uploader.PlaceLine)(f) }, "link_down", status.Down},
		{"no link, and the certificate ends tomorrow", func(f *facts) {
			linkAt(uploader.PlaceLine)(f)
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
			a := &Agent{health: health.NewSet(slog.New(slog.DiscardHandler)), silence: hourlyFiles()}
			f := well()
			tc.spoil(&f)
			a.observe(f, now.Add(-31*time.Minute)) // longer than any condition has to hold
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

// TestTheLinkLineAgreesWithTheConditions: on a rig that has nothing to upload, too.
func TestTheLinkLineAgreesWithTheConditions(t *testing.T) {
	u := uploader.Status{Unheard: &uploader.Outage{Cause: uploader.CauseLink, Place: uploader.PlaceLine, Reason: "no route", Since: time.Now()}}
	if l := linkView(u); l.Up || l.Reason != "no route" || !l.NextTry.IsZero() {
		t.Errorf("%+v", l)
	}
	u.LastDelivered = time.Now()
	if l := linkView(u); !l.Up || l.Reason != "" {
		t.Errorf("%+v", l)
	}
}

// TestAClockWithoutItsTimeExplainsTheRest: in 1970 no certificate is valid, and nothing else that is said helps.
func TestAClockWithoutItsTimeExplainsTheRest(t *testing.T) {
	now := time.Date(1970, 1, 1, 0, 40, 0, 0, time.UTC)
	a := &Agent{health: health.NewSet(slog.New(slog.DiscardHandler)), silence: hourlyFiles()}
	f := facts{
		capture: capture.State{Disk: capture.DiskPresent, Watch: capture.Watch{Reason: capture.WatchLive}}, queue: queue.Stats{Waiting: 3},
		uploader: uploader.Status{
			CertificateExpires: now.AddDate(57, 0, 0), Outage: &uploader.Outage{Cause: uploader.CauseLink, Place: uploader.PlaceBackend, Reason: "not yet valid"},
		},
	}
	a.observe(f, now.Add(-31*time.Minute))
	a.observe(f, now)
	active := a.health.Active()
	if len(active) != 1 || active[0].Code != health.ClockLost || active[0].Detail != "it says 1970-01-01 00:40 UTC" {
		t.Errorf("%+v", active)
	}
}
