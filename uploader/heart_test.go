package uploader

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/uploader/ticket"
)

// heart gives a shop a heart that says something.
func (s *shop) heart() *Heart {
	h := s.Heart(func() ticket.Heartbeat {
		return ticket.Heartbeat{
			At: time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC), Version: "1.4.0", Verdict: "degraded",
			Cameras:    []ticket.HeartbeatCamera{{Camera: "cam-3", Waiting: 7}},
			Conditions: []ticket.HeartbeatCondition{{Code: "camera_dark", Severity: "warning", Subject: "cam-3"}},
		}
	})
	s.t.Cleanup(h.client.CloseIdleConnections)
	return h
}

// TestHeartbeat: the real backend takes it, and its clock comes back.
func TestHeartbeat(t *testing.T) {
	s := openShop(t, nil)
	h := s.heart()
	var got ticket.Heartbeat
	s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &got); err != nil || r.URL.Path != ticket.HeartbeatPath {
			t.Errorf("%s %s: %v", r.URL, body, err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.backend.behind.ServeHTTP(w, r)
	})
	if seen := h.beat(t.Context()); seen != nil {
		t.Fatalf("%+v", seen)
	}
	if want := h.snapshot().Bounded(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	status := s.Status()
	if status.ClockOffset == nil || *status.ClockOffset < -1 || *status.ClockOffset > 1 || time.Since(status.LastHeartbeat) > patience || status.HeartbeatProblem != "" {
		t.Errorf("%+v", status)
	}
}

// TestHeartbeatLearnsTheTime, to the millisecond; a Date alone has seconds.
func TestHeartbeatLearnsTheTime(t *testing.T) {
	s := openShop(t, nil)
	s.backend.answer(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(ticket.HeartbeatAnswer{Time: time.Now().Add(time.Hour)})
	})
	h := s.heart()
	for range 3 {
		h.beat(t.Context())
		if got := s.Status().ClockOffset; got == nil || *got < 3599.8 || *got > 3600.2 {
			t.Errorf("%v seconds, want an hour", got)
		}
	}
}

// TestHeartBeatsBesideTransfersThatHang: all transfers stand still, every connection for tickets is in use, the breaker is
// open, and the backend hears that the rig is alive.
func TestHeartBeatsBesideTransfersThatHang(t *testing.T) {
	s := openShop(t, nil)
	hangs := make(chan struct{}, 9)
	s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == ticket.HeartbeatPath {
			s.backend.behind.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		hangs <- struct{}{}
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(context.Background())
	for range 2 { // all the connections that requests for tickets may have
		s.wg.Go(func() { _, _ = s.asker.ask(ctx, []ticket.Upload{{Frame: "x"}}) })
		s.wait(hangs, "a request to hang")
	}
	s.trip(Failure{Cause: CauseLink, Reason: "S3: connection refused"})
	if seen := s.heart().beat(t.Context()); seen != nil {
		t.Errorf("%s", Explain(*seen))
	}
	s.wantOutage(CauseLink)
	stop()
	s.wg.Wait()
}

// TestHeartbeatAnswers: what is no answer is said in plain words, moves no clock and opens no breaker.
func TestHeartbeatAnswers(t *testing.T) {
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for story, tc := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"a login page":              {text(200, "<html>"), "the backend's answer is unusable"},
		"no time":                   {text(200, "{}"), "the backend's answer is unusable"},
		"a film":                    {text(200, strings.Repeat(" ", 1<<20)), "the backend's answer is unusable"},
		"revoked":                   {text(403, ""), "the backend answered 403"},
		"a backend without hearing": {text(404, ""), "the backend answered 404"},
		"a redirect":                {text(302, ""), "the backend answered 302"},
		"ill":                       {text(500, ""), "the backend answered 500"},
		"cut":                       {cut, "the backend: the connection was cut"},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			s.backend.answer(tc.answer)
			h := s.heart()
			if seen := h.beat(t.Context()); seen == nil {
				t.Fatal("was taken for an answer")
			}
			status := s.Status()
			if !strings.HasPrefix(status.HeartbeatProblem, tc.says) || status.ClockOffset != nil || !status.LastHeartbeat.IsZero() {
				t.Errorf("%q, offset %v, want %q", status.HeartbeatProblem, status.ClockOffset, tc.says)
			}
			s.wantOutage("")
			h.beat(t.Context())
			s.backend.answer(nil)
			h.beat(t.Context())
			if got := s.Status(); got.HeartbeatProblem != "" || got.LastHeartbeat.IsZero() {
				t.Errorf("after it %+v", got)
			}
			for _, said := range []string{"does not hear this rig", "hears this rig again"} {
				if n := strings.Count(s.log.String(), said); n != 1 {
					t.Errorf("%q was said %d times", said, n)
				}
			}
		})
	}
}

// TestHeartStops: a beat that hangs does not hold up the end.
func TestHeartStops(t *testing.T) {
	s := openShop(t, nil)
	hangs := make(chan struct{}, 9)
	s.backend.answer(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hangs <- struct{}{}
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		must(t, s.heart().Run(ctx))
	}()
	s.wait(hangs, "the beat to hang")
	stop()
	s.wait(ended, "the heart to stop")
	if got := s.Status().HeartbeatProblem; got != "" {
		t.Errorf("%q", got)
	}
}

// pulse is a backend that notes when it is asked.
type pulse struct {
	began time.Time
	beats []time.Duration
	until time.Duration // it does not answer before
	after string        // Retry-After, until then
}

func (p *pulse) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	at := time.Since(p.began)
	p.beats = append(p.beats, at)
	if at < p.until && p.after == "" {
		return nil, errors.New("connection refused")
	}
	if at < p.until {
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {p.after}}, Body: http.NoBody}, nil
	}
	body := `{"time":"` + time.Now().UTC().Format(time.RFC3339Nano) + `"}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// TestHeartRate in virtual time: about a minute, slower in an outage, never slower than five minutes, and at once as before
// when it is over.
func TestHeartRate(t *testing.T) {
	for story, tc := range map[string]struct {
		p           pulse
		spread      time.Duration
		least, most int // beats in the first two hours, which the outage fills
	}{
		"all is well":                {p: pulse{}, least: 100, most: 140},
		"started with a fleet":       {p: pulse{}, spread: time.Minute, least: 99, most: 140},
		"an outage":                  {p: pulse{until: 2 * time.Hour}, least: 24, most: 42},
		"told to come back tomorrow": {p: pulse{until: 2 * time.Hour, after: "86400"}, least: 20, most: 26},
	} {
		t.Run(story, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := tc.p
				p.began = time.Now()
				u := &Uploader{opts: Options{StartSpread: tc.spread, Backend: &url.URL{Scheme: "https", Host: "b"}}, log: slog.New(slog.DiscardHandler)}
				h := &Heart{uploader: u, client: &http.Client{Transport: &p}, url: "https://b/", snapshot: func() ticket.Heartbeat { return ticket.Heartbeat{} }}
				ctx, stop := context.WithTimeout(t.Context(), 4*time.Hour)
				defer stop()
				must(t, h.Run(ctx))
				if p.beats[0] > max(tc.spread, time.Millisecond)+50*time.Millisecond {
					t.Errorf("the first after %v", p.beats[0])
				}
				first := 0
				for i, at := range p.beats {
					if at < 2*time.Hour {
						first++
					}
					gap, slowest := at, 6*time.Minute+50*time.Millisecond
					if i > 0 {
						gap = at - p.beats[i-1]
					}
					if i > 0 && (gap < 45*time.Second || gap > slowest) || i > first && gap > 75*time.Second {
						t.Errorf("%v after the one before, at %v", gap, at)
					}
				}
				if first < tc.least || first > tc.most {
					t.Errorf("%d beats in two hours, want %d to %d", first, tc.least, tc.most)
				}
			})
		})
	}
}
