package uploader

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/queue"
)

// TestOneFrameGoesThrough, in the loop, which an event wakes.
func TestOneFrameGoesThrough(t *testing.T) {
	s := openShop(t, nil)
	r := s.run()
	item := s.put(1, 300_000)
	s.until("it is delivered", func() bool { return s.queue.Stats().Delivered == 1 })
	s.halt(r)
	s.wantDelivered(item, queue.ProofStored)
	status := s.Status()
	if status.Outage != nil || status.LastDelivered.IsZero() || status.Bytes != 300_000 || status.BackendAddress != "127.0.0.1" ||
		status.S3Address != "127.0.0.1" || status.S3Private == nil || !*status.S3Private || status.CertificateExpires.IsZero() {
		t.Errorf("%+v", status)
	}
}

// TestOutageAndBack: the loop finds its way out of an outage by itself.
func TestOutageAndBack(t *testing.T) {
	s := openShop(t, nil)
	s.s3.answer(cut)
	for i := range 5 {
		s.put(i, 1000)
	}
	r := s.run()
	s.until("two probes have failed", func() bool { return s.Status().Outcomes[CauseLink] >= 4 })
	s.wantOutage(CauseLink)
	s.s3.answer(nil)
	s.until("all are delivered", func() bool { return s.queue.Stats().Delivered == 5 })
	s.halt(r)
	s.wantOutage("")
	if n := strings.Count(s.log.String(), "uploads are waiting"); n != 1 {
		t.Errorf("the outage was said %d times:\n%s", n, s.log)
	}
	if n := strings.Count(s.log.String(), "uploads go on"); n != 1 {
		t.Errorf("its end was said %d times", n)
	}
}

// TestStopAborts: a PUT that hangs is given StopGrace, then its attempt is given back; nothing is left running.
func TestStopAborts(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.StopGrace = 50 * time.Millisecond })
	item := s.put(1, 1000)
	s.once() // what the servers and clients keep running is running now
	s.wantDelivered(item, queue.ProofStored)
	s.closeIdle()
	before := runtime.NumGoroutine()

	hangs := make(chan struct{}, 9)
	s.s3.answer(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hangs <- struct{}{}
		<-r.Context().Done()
	})
	item = s.put(2, 1000)
	r := s.run()
	s.wait(hangs, "the PUT to hang")
	s.halt(r)
	s.wantItem(item.ID, queue.Waiting, 0, "")
	s.wantOutage("")
	s.until("no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

func (s *shop) closeIdle() {
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
}

// TestStopAbortsARequestForTickets, likewise.
func TestStopAbortsARequestForTickets(t *testing.T) {
	for story, begin := range map[string]bool{"before an answer": false, "within an answer": true} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, func(s *shop) { s.options.StopGrace = 50 * time.Millisecond })
			item := s.put(1, 1000)
			hangs := make(chan struct{}, 9)
			s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if begin {
					_, _ = io.WriteString(w, `{"tickets":[`)
					w.(http.Flusher).Flush() //nolint:forcetypeassert // net/http documents it
				}
				hangs <- struct{}{}
				<-r.Context().Done()
			})
			r := s.run()
			s.wait(hangs, "the request to hang")
			s.halt(r)
			s.wantItem(item.ID, queue.Waiting, 0, "")
			s.wantOutage("")
		})
	}
}

// TestStopRecordsWhatArrives during the grace.
func TestStopRecordsWhatArrives(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.StopGrace = patience })
	hangs, answer := make(chan struct{}, 9), make(chan struct{})
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		hangs <- struct{}{}
		<-answer
		s.bucket.ServeHTTP(w, r)
	})
	item := s.put(1, 1000)
	r := s.run()
	s.wait(hangs, "the PUT to begin")
	r.stop()
	s.put(2, 1000) // too late
	close(answer)
	s.wait(r.ended, "Run to end")
	if _, err := s.queue.Receipt(item.ID); err != nil {
		t.Error(err)
	}
	if s.s3.requests.Load() != 1 {
		t.Errorf("%d PUTs: something new was begun", s.s3.requests.Load())
	}
}

// TestMoreInFlightThanSlots: the pace has shrunk and the breaker has opened while many transfers hang. No slot may be
// granted that there is not, or Run cannot end.
func TestMoreInFlightThanSlots(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.Concurrency, s.options.StopGrace = 8, 50*time.Millisecond })
	s.pace.limit = 8
	for i := range 20 {
		s.put(i, 1000)
	}
	s.s3.answer(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	r := s.run()
	s.until("eight PUTs hang", func() bool { return s.s3.requests.Load() == 8 })
	s.pace.Slow()
	s.trip(Failure{Cause: CauseTooFast})
	for range 5 {
		s.probeNow()
		s.put(99, 1000)
		s.wakeUp()
	}
	if n := s.inFlight.Load(); n != 8 {
		t.Errorf("%d in flight", n)
	}
	s.halt(r)
	if stats := s.queue.Stats(); stats.Waiting != 21 || s.s3.requests.Load() != 8 {
		t.Errorf("%d waiting after %d PUTs", stats.Waiting, s.s3.requests.Load())
	}
}

// wakeUp makes Run look again, and returns when it has.
func (s *shop) wakeUp() {
	items, err := s.queue.Lease(context.Background(), 1)
	must(s.t, err)
	for _, item := range items {
		must(s.t, s.queue.Release(item.ID))
	}
	s.until("Run has taken the signal", func() bool { return len(s.queue.Ready()) == 0 })
}

// TestP4_FrameThatEndsTheProcess: the attempts are counted before each try, so that at last it is not tried again.
func TestFrameThatEndsTheProcess(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.MaxAttempts = 3 })
	item := s.put(1, 1000)
	for range 3 { // killed three times with the frame in its hands
		s.mustLease()
		must(t, s.queue.Close())
		s.openQueue()
	}
	s.Uploader.queue = s.queue
	other := s.put(2, 1000)
	s.once()
	s.wantItem(item.ID, queue.Parked, 4, "gave_up")
	if s.s3.requests.Load() != 1 || s.backend.requests.Load() != 1 {
		t.Errorf("%d tickets, %d PUTs: it was tried again", s.backend.requests.Load(), s.s3.requests.Load())
	}
	if _, err := s.queue.Receipt(other.ID); err != nil {
		t.Errorf("the other frame: %v", err)
	}
}

// TestLastAttemptIsStillTried: the one that reaches MaxAttempts.
func TestLastAttemptIsStillTried(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.MaxAttempts = 1 })
	item := s.put(1, 1000)
	s.s3.answer(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 418, "Teapot") })
	s.once()
	s.wantItem(item.ID, queue.Parked, 1, "gave_up")
	if s.s3.requests.Load() != 1 {
		t.Errorf("%d PUTs", s.s3.requests.Load())
	}
}

// TestAckFails: the frame is in S3, but the disk cannot note it. It is tried again, and the 412 is the proof.
func TestAckFails(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	s := openShop(t, func(s *shop) {
		s.options.Queue = &faulty{Queue: s.queue, ack: func(queue.ID) error {
			if broken.Load() {
				return errors.New("no space left on device")
			}
			return nil
		}}
	})
	item := s.put(1, 1000)
	s.once()
	s.wantItem(item.ID, queue.Waiting, 0, "")
	s.wantOutage(CauseQueue)
	if !strings.Contains(s.Status().Outage.Reason, "no space left") {
		t.Errorf("%+v", s.Status().Outage)
	}
	broken.Store(false)
	s.probeNow()
	s.once()
	s.wantDelivered(item, queue.ProofExists)
	s.wantOutage("")
	if _, puts := s.bucket.count(); puts != 1 {
		t.Errorf("%d objects were made", puts)
	}
}

// TestLeaseFails: Run does not spin, and the outage ends with its cause, even with nothing to upload.
func TestLeaseFails(t *testing.T) {
	var calls, broken atomic.Int64
	broken.Store(1)
	s := openShop(t, func(s *shop) {
		s.options.Queue = &faulty{Queue: s.queue, lease: func() error {
			calls.Add(1)
			if broken.Load() == 1 {
				return errors.New("input/output error")
			}
			return nil
		}}
	})
	r := s.run()
	s.until("three tries", func() bool { return calls.Load() >= 3 })
	s.wantOutage(CauseQueue)
	if n := calls.Load(); n > 4 {
		t.Errorf("%d tries: Run spins", n)
	}
	broken.Store(0)
	s.until("the outage is over", func() bool { return s.Status().Outage == nil })
	s.halt(r)
}

// TestProbeWithoutAFrame: an outage in which there was nothing to probe with for a while.
func TestProbeWithoutAFrame(t *testing.T) {
	s := openShop(t, nil)
	s.trip(Failure{Cause: CauseLink, Reason: "S3: connection refused"})
	s.probeNow()
	s.once()
	s.wantOutage(CauseLink)
	item := s.put(1, 1000)
	s.once()
	s.wantOutage("")
	s.wantDelivered(item, queue.ProofStored)
}

// TestDroppedMeanwhile: a person gives the frame up while it is under way; that is no trouble of the queue.
func TestDroppedMeanwhile(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 1000)
	s.s3.answer(func(w http.ResponseWriter, _ *http.Request) {
		if err := s.queue.Drop(context.Background(), item.ID, "the camera filmed the ceiling"); err != nil {
			t.Error(err)
		}
		refuse(w, 403, "AccessDenied")
	})
	s.once()
	s.wantOutage("")
	if r, err := s.queue.Receipt(item.ID); err != nil || r.Proof != queue.ProofDropped {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestIdleRunSleeps: an agent without frames must not burn the rig's one core.
func TestIdleRunSleeps(t *testing.T) {
	for _, row := range []struct {
		story string
		due   time.Duration // from now; 0: nothing is deferred
		most  int
	}{
		{"nothing is there", 0, 121},
		{"something is due, and cannot be leased", -time.Second, int(2*time.Hour/nap) + 1},
		{"something is due in a minute and a half", 90 * time.Second, int((2*time.Hour-90*time.Second)/nap) + 3},
	} {
		t.Run(row.story, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &empty{}
				if row.due != 0 {
					q.due = time.Now().Add(row.due)
				}
				u := &Uploader{queue: q, breaker: &Breaker{}, pace: NewPace(8), hours: always(t), freed: make(chan struct{}, 8)}
				ctx, stop := context.WithTimeout(t.Context(), 2*time.Hour)
				defer stop()
				must(t, u.Run(ctx))
				if q.leases > row.most {
					t.Errorf("%d leases in two hours without a frame", q.leases)
				}
			})
		})
	}
}

// empty is a queue that has nothing to lease, and counts how often it was asked.
type empty struct {
	Queue
	due    time.Time
	leases int
}

func (e *empty) Ready() <-chan struct{}     { return nil }
func (e *empty) NextDue() (time.Time, bool) { return e.due, !e.due.IsZero() }
func (e *empty) Lease(context.Context, int) ([]queue.Item, error) {
	e.leases++
	return nil, nil
}

// TestHungTransferIsEnded by the watchdog, wherever it hangs.
func TestHungTransferIsEnded(t *testing.T) {
	rows := map[string]http.HandlerFunc{
		"before 100-continue": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"in the body": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 1000))
			<-r.Context().Done()
		},
		"after the body": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
	}
	for story, hang := range rows {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, func(s *shop) { s.options.Stall = 300 * time.Millisecond })
			item := s.put(1, 4_000_000)
			end := make(chan struct{})
			s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				go func() { // net/http's server cannot see a client go while a body is unread
					select {
					case <-end:
						cancel()
					case <-ctx.Done():
					}
				}()
				hang(w, r.WithContext(ctx))
			})
			s.once()
			close(end)
			s.wantItem(item.ID, queue.Deferred, 0, "")
			s.wantOutage(CauseLink)
			if got := s.Status().Outage.Reason; got != "S3: the transfer stopped moving" {
				t.Errorf("%q", got)
			}
			if s.pace.Limit() != 1 {
				t.Errorf("%d slots", s.pace.Limit())
			}
		})
	}
}

// TestSlowTransferIsNotEnded: it takes several times Stall, and moves.
func TestSlowTransferIsNotEnded(t *testing.T) {
	const stall = 1500 * time.Millisecond
	s := openShop(t, func(s *shop) { s.options.Stall = stall })
	item := s.put(1, 6_000_000)
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		copied := *r
		copied.Body = &trickle{ReadCloser: r.Body, every: stall / 150}
		s.bucket.ServeHTTP(w, &copied)
	})
	began := time.Now()
	s.once()
	if took := time.Since(began); took < 2*stall {
		t.Errorf("took only %v: the test shows nothing", took)
	}
	s.wantDelivered(item, queue.ProofStored)
}

// trickle reads one TLS record, 16 KB, at each tick.
type trickle struct {
	io.ReadCloser
	every time.Duration
}

func (r *trickle) Read(b []byte) (int, error) {
	<-time.After(r.every)
	return r.ReadCloser.Read(b[:min(len(b), 16<<10)])
}

// TestRateHolds over all transfers. The bounds are wide: other work shares the machine.
func TestRateHolds(t *testing.T) {
	const rate, frames, size = 1_000_000, 10, 200_000
	s := openShop(t, func(s *shop) { s.options.Rate, s.options.Stall = rate, time.Second })
	for i := range frames {
		s.put(i, size)
	}
	began := time.Now()
	r := s.run()
	s.until("all are delivered", func() bool { return s.queue.Stats().Delivered == frames })
	took := time.Since(began).Seconds()
	s.halt(r)
	if speed := frames * size / took; speed > 1.2*rate {
		t.Errorf("%.0f bytes a second, the limit is %d", speed, rate)
	}
}

// TestOurOwnRateIsNoStall: at a low rate a step takes longer than Stall, by our own doing.
func TestOurOwnRateIsNoStall(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.Rate, s.options.Stall = 4000, 150*time.Millisecond })
	item := s.put(1, 3000)
	s.once()
	s.wantDelivered(item, queue.ProofStored)
}

func TestLimiterStepsAreShort(t *testing.T) {
	for _, bytesPerSecond := range []int64{0, 1, 8_000, 64_000, 1e6, 1e9} {
		if got := burst(bytesPerSecond); got < 1<<10 || got > 64<<10 {
			t.Errorf("%d: %d bytes at once", bytesPerSecond, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for story, spoil := range map[string]func(*Options){
		"no queue":        func(o *Options) { o.Queue = nil },
		"no identity":     func(o *Options) { o.Identity = nil },
		"no backend":      func(o *Options) { o.Backend = nil },
		"plain http":      func(o *Options) { plain := *o.Backend; plain.Scheme = "http"; o.Backend = &plain },
		"no destinations": func(o *Options) { o.Destinations = nil },
	} {
		t.Run(story, func(t *testing.T) {
			o := openShop(t, nil).options
			spoil(&o)
			if _, err := New(o); err == nil {
				t.Error("was taken")
			}
		})
	}
}

// TestPayloadsAreClosed: a payload that stays open keeps its disk space.
func TestPayloadsAreClosed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc/self/fd")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which closes what was forgotten
	s := openShop(t, nil)
	for i := range 20 {
		s.put(i, 1000)
	}
	r := s.run()
	s.until("all are delivered", func() bool { return s.queue.Stats().Delivered == 20 })
	s.halt(r)
	s.until("no payload is open", func() bool { return !holdsOpen(t, s.dir+"/payload") })
}

func holdsOpen(t *testing.T, dir string) bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, dir) {
			return true
		}
	}
	return false
}

// TestPaceKnowsABacklog: slots that are free for the moment between two frames do not make a rig idle, and frames that
// do not fill them do.
func TestPaceKnowsABacklog(t *testing.T) {
	s := openShop(t, nil)
	for i := range 3 {
		s.put(i, 1000)
	}
	for _, want := range []bool{true, false} { // two slots at first: two frames for them, then one
		s.once()
		if got := s.backlog.Load(); got != want {
			t.Errorf("a backlog: %t, want %t", got, want)
		}
	}
	if left := s.queue.Stats().Pending(); left != 0 {
		t.Errorf("%d frames are left", left)
	}
}

// TestSlotsThatBecomeFreeTogetherAreFilledTogether: while a backlog waits, and for a moment only.
func TestSlotsThatBecomeFreeTogetherAreFilledTogether(t *testing.T) {
	for _, tc := range []struct {
		story   string
		backlog bool
		freed   int // of the other seven of eight
		left    int64
		waited  time.Duration
	}{
		{"no backlog: nothing waits", false, 7, 7, 0},
		{"all at once", true, 7, 4, 0},
		{"one more", true, 1, 6, gatherFor},
		{"no other", true, 0, 7, gatherFor},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := &Uploader{pace: NewPace(8), freed: make(chan struct{}, 8)}
			u.pace.limit = 8
			u.backlog.Store(tc.backlog)
			u.inFlight.Store(7)
			for range tc.freed {
				u.free()
			}
			began := time.Now()
			u.gather(t.Context())
			if left, waited := u.inFlight.Load(), time.Since(began); left != tc.left || waited != tc.waited {
				t.Errorf("%s: %d in flight after %s, want %d after %s", tc.story, left, waited, tc.left, tc.waited)
			}
		})
	}
}
