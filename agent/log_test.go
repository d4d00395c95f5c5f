package agent

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/health"
)

// logged is a line of the agent's log.
type logged struct {
	Level     slog.Level `json:"level"`
	Message   string     `json:"msg"`
	Condition string     `json:"condition"`
	Stage     string     `json:"stage"`
}

func (l *lab) logged() []logged {
	l.t.Helper()
	var all []logged
	for text := range strings.Lines(l.log.String()) {
		var line logged
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			l.t.Fatalf("not JSON: %q", text)
		}
		all = append(all, line)
	}
	return all
}

// outageTwice waits until uploads have failed twice: the first time, and a probe.
func outageTwice(l *lab) {
	l.until("uploads fail twice", func(f facts) bool {
		n := uint64(0)
		for cause, times := range f.uploader.Outcomes {
			if cause != "delivered" {
				n += times
			}
		}
		return f.uploader.Outage != nil && n >= 2
	})
}

func delivers(l *lab) {
	l.until("all is delivered", func(f facts) bool { return f.queue.Pending() == 0 && f.queue.Delivered > 0 && f.uploader.Outage == nil })
}

// TestP8P9_AnErrorOnceItsRecoveryOnce: each error is met twice while it lasts, and the log has one line of it and one of its
// end, whoever met it.
func TestP8P9_AnErrorOnceItsRecoveryOnce(t *testing.T) {
	for _, tc := range []struct {
		code                    health.Code
		before, twice, recovers func(*lab)
		quiet                   bool // a notice is no error
	}{
		{code: health.BackendAway,
			before:   func(l *lab) { l.backend.put(answers(http.StatusBadGateway, "")); l.some(1) },
			twice:    outageTwice,
			recovers: func(l *lab) { l.backend.put(l.realBackend()); delivers(l) }},
		{code: health.BackendDenied,
			before:   func(l *lab) { l.backend.put(answers(http.StatusForbidden, "")); l.some(1) },
			twice:    outageTwice,
			recovers: func(l *lab) { l.backend.put(l.realBackend()); delivers(l) }},
		{code: health.S3Away,
			before: func(l *lab) {
				l.s3.put(answers(http.StatusInternalServerError, ""))
				l.some(1)
			},
			twice:    outageTwice,
			recovers: func(l *lab) { l.s3.put(takes); delivers(l) }},
		{code: health.TLSIntercepted,
			before:   func(l *lab) { l.s3.cert.Store(l.firewall()); l.some(1) },
			twice:    outageTwice,
			recovers: func(l *lab) { l.s3.cert.Store(nil); delivers(l) }},
		{code: health.TooFast, quiet: true,
			before:   func(l *lab) { l.s3.put(answers(http.StatusTooManyRequests, "")); l.some(1) },
			twice:    outageTwice,
			recovers: func(l *lab) { l.s3.put(takes); delivers(l) }},
		{code: health.CaptureMissing,
			twice: func(l *lab) {
				l.until("it looked", func(f facts) bool { return f.capture.Disk == capture.DiskPresent })
				l.must(os.Rename(l.path("capture"), l.path("unplugged")))
				l.until("it is missed", func(f facts) bool { return f.capture.Disk == capture.DiskFolderMissing })
			},
			recovers: func(l *lab) {
				l.must(os.Rename(l.path("unplugged"), l.path("capture")))
				l.until("it is back", func(f facts) bool {
					return f.capture.Disk == capture.DiskPresent && f.capture.Watch.Reason == capture.WatchLive
				})
			}},
		{code: health.CaptureMissing, // a marker that cannot be read, at each scan
			twice: func(l *lab) {
				marker := l.path("capture", capture.MarkerName)
				l.must(os.Rename(marker, l.path("marker")))
				l.must(os.Mkdir(marker, 0o755))
				l.until("it is met", func(f facts) bool { return f.capture.Disk == capture.DiskFailing })
			},
			recovers: func(l *lab) {
				l.must(os.Remove(l.path("capture", capture.MarkerName)))
				l.must(os.Rename(l.path("marker"), l.path("capture", capture.MarkerName)))
				l.until("it is well", func(f facts) bool { return f.capture.Disk == capture.DiskPresent })
			}},
		{code: health.QueueFull,
			before: func(l *lab) { l.must(l.c.Queue.MaxBytes.UnmarshalText([]byte("100"))) },
			twice: func(l *lab) {
				l.some(2)
				l.until("there is no room", func(f facts) bool { return f.intake.full.what != "" })
			}},
		{code: health.QueueFailing,
			before: func(l *lab) {
				l.must(os.MkdirAll(filepath.Join(l.c.QueueDir(), "payload"), 0o755))
				l.must(os.WriteFile(filepath.Join(l.c.QueueDir(), "payload", "cam-1"), nil, 0o600))
			},
			twice: func(l *lab) {
				l.some(2)
				l.until("the disk refuses", func(f facts) bool { return f.intake.failing.what != "" })
			},
			recovers: func(l *lab) {
				l.must(os.Remove(filepath.Join(l.c.QueueDir(), "payload", "cam-1")))
				l.until("it is taken in", func(f facts) bool { return f.intake.admitted["cam-1"] == 2 })
			}},
		{code: health.CertificateStuck,
			twice: func(l *lab) {
				file := l.pki.RigFiles(labRig).Cert
				l.must(os.Rename(file, l.path("good.pem")))
				l.must(os.WriteFile(file, []byte("half of a certif"), 0o644))
				for range 2 {
					_ = l.a.identity.Reload() // as each handshake does
				}
			},
			recovers: func(l *lab) {
				l.must(os.Rename(l.path("good.pem"), l.pki.RigFiles(labRig).Cert))
				l.must(l.a.identity.Reload())
			}},
	} {
		t.Run(string(tc.code), func(t *testing.T) {
			t.Parallel() // they wait more than they work
			l := newLab(t)
			l.still = true
			if tc.before != nil {
				tc.before(l)
			}
			l.start()
			now := time.Now()
			tc.twice(l)
			for range 2 {
				l.a.observe(l.a.look(), now)
				now = now.Add(10 * time.Second) // longer than any of these has to hold
				l.a.observe(l.a.look(), now)
			}
			if tc.recovers != nil {
				tc.recovers(l)
			}
			l.a.observe(l.a.look(), now.Add(time.Minute)) // what is not met again for half of that is over
			l.stop()
			title := ""
			for _, c := range health.All() {
				if c.Code == tc.code {
					title = c.Title
				}
			}
			onsets, ends, errors := 0, 0, 0
			for _, line := range l.logged() {
				switch line.Message {
				case title:
					onsets++
				case "over: " + title:
					ends++
				}
				if line.Level >= slog.LevelWarn {
					errors++
				}
			}
			want := 1
			if tc.quiet {
				want = 0
			}
			if onsets != 1 || ends != 1 || errors != want {
				t.Errorf("%d onsets, %d ends, %d errors; want 1, 1 and %d:\n%s", onsets, ends, errors, want, l.log)
			}
			if strings.Contains(l.log.String(), "X-Amz") {
				t.Error("a presigned URL is in the log")
			}
		})
	}
}

// TestP9_ManyFramesAreNoFlood: each of them is parked for a reason of its own, which the queue keeps.
func TestP9_ManyFramesAreNoFlood(t *testing.T) {
	l := newLab(t)
	l.options.Policy.MaxBytes = 10
	l.some(40)
	l.start()
	l.until("all are parked", func(f facts) bool { return f.queue.Parked == 40 })
	l.stop()
	said := 0
	for _, line := range l.logged() {
		if strings.HasPrefix(line.Message, "frame parked") {
			said++
		}
	}
	if said < 1 || said > calmBurst {
		t.Errorf("%d lines of 40 frames:\n%s", said, l.log)
	}
}

// TestWhatIsLeftOutIsCounted, and what is about something else is said.
func TestWhatIsLeftOutIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &lines{}
		log := calmed(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))).With("stage", "queue")
		say := func(n int, message string, args ...any) {
			for range n {
				log.Warn(message, args...)
			}
		}
		count := func(words string) int { return strings.Count(out.String(), words) }
		say(100, "the disk fails", "error", "I/O error")
		say(1, "the disk fails", "camera", "cam-2")
		say(1, "something else")
		say(20, "the link is down", "condition", "link_down") // as health.Set tells it, which has a pace of its own
		for range 100 {
			log.Debug("a detail")
		}
		if got := fmt.Sprint(count("the disk fails"), count("cam-2"), count("something else"), count("the link"), count("a detail")); got != "6 1 1 20 100" {
			t.Errorf("%s\n%s", got, out)
		}
		time.Sleep(calmPause) // of the bubble's clock
		say(2, "the disk fails")
		if count("left_out=95") != 1 || count("left_out") != 1 || count("the disk fails") != 8 {
			t.Errorf("%s", out)
		}
		for i := range 3 * calmRuns {
			say(1, "the disk fails", "camera", fmt.Sprint("cam-", i))
		}
		if n := len(log.Handler().(calm).runs.of); n > calmRuns {
			t.Errorf("%d kinds are remembered", n)
		}
	})
}

// TestTheLastWordOfAConditionIsTrue: a line that flaps is left out of the log, but how it stands is there in the end.
func TestTheLastWordOfAConditionIsTrue(t *testing.T) {
	out := &lines{}
	set := health.NewSet(calmed(slog.New(slog.NewTextHandler(out, nil))))
	now := time.Now()
	for i := range 101 { // the 51st outage goes on
		now = now.Add(time.Second)
		set.Set(health.BackendDenied, now, i%2 == 0, "401")
	}
	if got := strings.Count(out.String(), "\n"); got > 2*calmBurst {
		t.Errorf("%d lines:\n%s", got, out)
	}
	set.Set(health.BackendDenied, now.Add(calmPause), true, "401")
	said := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := said[len(said)-1]; strings.Contains(last, "over: ") || !strings.Contains(last, "condition=backend_denied") {
		t.Errorf("the last word is %s", last)
	}
}
