package uploader

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// phase is a place in which a server hangs. It says that it does, and goes on when the test is over: net/http's server does
// not see a client go while a body is unread.
type phase struct{ reached, over chan struct{} }

func (p phase) hang() {
	p.reached <- struct{}{}
	<-p.over
}

// TestStopInEveryPhase: wherever a frame is when the agent has to stop, it waits afterwards, no try is charged to it, and the
// stop does not wait for the other side.
func TestStopInEveryPhase(t *testing.T) {
	for _, tc := range []struct {
		story string
		set   func(s *shop, p phase) // before the Uploader is made
		after func(s *shop, p phase)
	}{
		{story: "the backend's TLS handshake", set: func(s *shop, p phase) {
			s.options.Backend = &url.URL{Scheme: "https", Host: s.silent(p.reached)}
		}},
		{story: "S3's TLS handshake", set: func(s *shop, p phase) {
			at := s.silent(p.reached)
			s.options.Destinations = []ticket.Destination{{Host: at, Bucket: testBucket}}
			s.backend.behind = s.newBackend("https://"+at, testCredentials)
		}},
		{story: "the wait for leave to send", after: func(s *shop, p phase) { s.s3.answer(func(http.ResponseWriter, *http.Request) { p.hang() }) }},
		{story: "the body, held back by our own rate", set: func(s *shop, _ phase) { s.options.Rate = 1 << 10 },
			after: func(s *shop, p phase) {
				s.s3.answer(func(_ http.ResponseWriter, r *http.Request) {
					_, _ = io.ReadFull(r.Body, make([]byte, 500))
					p.reached <- struct{}{}
					_, _ = io.Copy(io.Discard, r.Body)
				})
			}},
		{story: "the answer, of which half has come", after: func(s *shop, p phase) {
			s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Length", "1000")
				w.WriteHeader(http.StatusInternalServerError)
				_ = http.NewResponseController(w).Flush()
				p.hang()
			})
		}},
		{story: "the request for a second ticket, as the first was over", after: func(s *shop, p phase) {
			s.s3.answer(func(w http.ResponseWriter, _ *http.Request) {
				s.backend.answer(func(http.ResponseWriter, *http.Request) { p.hang() })
				refuse(w, 403, "RequestTimeTooSkewed")
			})
		}},
	} {
		t.Run(tc.story, func(t *testing.T) {
			p := phase{make(chan struct{}, 9), make(chan struct{})}
			s := openShop(t, func(s *shop) {
				s.options.StopGrace = 50 * time.Millisecond
				if tc.set != nil {
					tc.set(s, p)
				}
			})
			if tc.after != nil {
				tc.after(s, p)
			}
			item := s.put(1, 40_000)
			r := s.run()
			s.wait(p.reached, tc.story)
			began := time.Now()
			s.halt(r)
			close(p.over)
			if took := time.Since(began); took > patience/3 {
				t.Errorf("the stop took %v", took)
			}
			if got, err := s.queue.Item(item.ID); err != nil || got.State != queue.Waiting && got.State != queue.Deferred || got.Attempts != 0 {
				t.Errorf("%+v, %v", got, err)
			}
			if objects, _ := s.bucket.count(); objects != 0 || s.queue.Stats().Delivered != 0 {
				t.Error("an aborted frame was delivered")
			}
		})
	}
}

// silent is the address of a server that takes connections and says nothing.
func (s *shop) silent(reached chan<- struct{}) string {
	l := listen(s.t)
	go func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				s.t.Cleanup(func() { _ = conn.Close() })
				reached <- struct{}{}
			}
		}
	}()
	return l.Addr().String()
}

// TestStopInAnOutage: there is nothing to wait for, and the outage is still one.
func TestStopInAnOutage(t *testing.T) {
	s := openShop(t, nil)
	s.put(1, 1000)
	s.trip(Failure{Cause: CauseLink, Least: time.Hour})
	s.halt(s.run())
	s.wantOutage(CauseLink)
	if s.backend.requests.Load() != 0 {
		t.Error("a request was made")
	}
}

// TestHungBackend, in virtual time: a request for tickets that gets no answer, or one that never ends, is given up after a
// minute.
func TestHungBackend(t *testing.T) {
	for story, transport := range map[string]http.RoundTripper{
		"no answer": tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}),
		"an answer that never ends": tripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(endless{r})}, nil
		}),
	} {
		t.Run(story, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAsker(&url.URL{Scheme: "https", Host: "b"}, &http.Client{Transport: transport}, func(time.Duration) {})
				began := time.Now()
				answers, seen := a.ask(t.Context(), []ticket.Upload{{Frame: "a"}})
				if took := time.Since(began); took != askTimeout || answers != nil || seen == nil {
					t.Fatalf("%v after %v: %+v", answers, took, seen)
				}
				if v := Judge(*seen); v.Cause != CauseLink || v.Charged || Explain(*seen) != "the backend: no answer in time" {
					t.Errorf("%+v: %s", v, Explain(*seen))
				}
			})
		})
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// endless gives a space every second, as a server may that means to keep a rig busy.
type endless struct{ r *http.Request }

func (e endless) Read(b []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		b[0] = ' '
		return 1, nil
	case <-e.r.Context().Done():
		return 0, e.r.Context().Err()
	}
}
