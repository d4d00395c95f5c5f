package uploader

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// TestBackendAnswers: one frame, one request, one answer. Whatever it is, S3 hears nothing.
func TestBackendAnswers(t *testing.T) {
	problem := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"title":"no","status":%d,"code":%q}`, status, code)
		}
	}
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	rows := []struct {
		story    string
		answer   http.HandlerFunc
		cause    Cause
		state    queue.State
		attempts int
		parked   string
		outage   Cause
	}{
		{"401", problem(401, "who"), CauseBackendDenied, queue.Deferred, 0, "", CauseBackendDenied},
		{"403", problem(403, "identity"), CauseBackendDenied, queue.Deferred, 0, "", CauseBackendDenied},
		{"a firewall's 403", text(403, "<html>blocked"), CauseBackendDenied, queue.Deferred, 0, "", CauseBackendDenied},
		{"500", problem(500, "internal"), CauseLink, queue.Deferred, 0, "", CauseLink},
		{"502 of a gateway", text(502, "<html>"), CauseLink, queue.Deferred, 0, "", CauseLink},
		{"503 without a word", text(503, ""), CauseLink, queue.Deferred, 0, "", CauseLink},
		{"504", text(504, ""), CauseLink, queue.Deferred, 0, "", CauseLink},
		{"408", text(408, ""), CauseLink, queue.Deferred, 0, "", CauseLink},
		{"405", text(405, ""), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"409", problem(409, "conflict"), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"413 for one frame", text(413, ""), CauseUnknown, queue.Deferred, 1, "", ""},
		{"204", text(204, ""), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"503 with Retry-After", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "10")
			problem(503, "signing")(w, r)
		}, CauseTooFast, queue.Deferred, 0, "", CauseTooFast},
		{"429", problem(429, "rate"), CauseTooFast, queue.Deferred, 0, "", CauseTooFast},
		{"404", text(404, "nothing here"), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"400 for one frame", problem(400, "upload"), CauseUnknown, queue.Deferred, 1, "", ""},
		{"422 with a code", problem(422, "too_large"), CauseFrameRefused, queue.Parked, 1, "frame_refused", ""},
		{"422 of a gateway", text(422, "?"), CauseUnknown, queue.Deferred, 1, "", ""},
		{"a login page", text(200, "<html><form>"), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"nothing", text(200, ""), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"a megabyte and more", text(200, strings.Repeat(" ", ticket.MaxResponseBytes+1)), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"passed over", text(200, `{"tickets":[]}`), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"another frame's ticket", text(200, `{"tickets":[{"frame":"x"}]}`), CauseBackendFault, queue.Deferred, 0, "", CauseBackendFault},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"tickets":[`)
			panic(http.ErrAbortHandler)
		}, CauseLink, queue.Deferred, 0, "", CauseLink},
		{"cut before a word", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			CauseLink, queue.Deferred, 0, "", CauseLink},
	}
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			item := s.put(1, 1000)
			s.backend.answer(row.answer)
			s.once()
			s.wantItem(item.ID, row.state, row.attempts, row.parked)
			s.wantOutage(row.outage)
			if got := s.Status().Outcomes; !maps.Equal(got, map[Cause]uint64{row.cause: 1}) {
				t.Errorf("outcomes %v, want one %s", got, row.cause)
			}
			if s.s3.requests.Load() != 0 {
				t.Error("S3 was asked without a ticket")
			}
		})
	}
}

// TestRefusalKeepsItsReason: the technician reads what the policy says.
func TestRefusalKeepsItsReason(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 1000)
	s.backend.answer(func(w http.ResponseWriter, _ *http.Request) {
		must(t, json.NewEncoder(w).Encode(ticket.Response{Refusals: []ticket.Refusal{
			{Frame: string(item.ID), Code: "camera_unknown", Message: "the backend knows no camera cam-3"},
		}}))
	})
	s.once()
	s.wantItem(item.ID, queue.Parked, 1, "frame_refused")
	got, err := s.queue.Item(item.ID)
	must(t, err)
	if want := "the backend answered 422 camera_unknown: the backend knows no camera cam-3"; got.LastError != want {
		t.Errorf("%q, want %q", got.LastError, want)
	}
	s.wantOutage("")
}

// TestARefusalSaysNothingOfS3: while S3 is away, it must not let the others out.
func TestARefusalSaysNothingOfS3(t *testing.T) {
	s := openShop(t, nil)
	s.trip(Failure{Cause: CauseLink, Reason: "S3: connection refused"})
	s.probeNow()
	item := s.put(1, 1000)
	s.backend.answer(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"tickets":[],"refusals":[{"frame":%q,"code":"too_large"}]}`, item.ID)
	})
	s.once()
	s.wantItem(item.ID, queue.Parked, 1, "frame_refused")
	s.wantOutage(CauseLink)
	if slots, _, _ := s.breaker.Allow(8, s.breaker.until); slots != 1 {
		t.Error("no further probe")
	}
}

// TestP6_HostileTickets: nothing is sent, and no frame pays for it.
func TestP6_HostileTickets(t *testing.T) {
	thief := listen(t)
	rows := map[string]func(*ticket.Ticket){
		"another host": func(k *ticket.Ticket) {
			_, rest, _ := strings.Cut(strings.TrimPrefix(k.URL, "https://"), "/")
			k.URL = "https://" + thief.Addr().String() + "/" + rest
		},
		"no TLS":             func(k *ticket.Ticket) { k.URL = strings.Replace(k.URL, "https", "http", 1) },
		"another store":      func(k *ticket.Ticket) { k.Key = strings.Replace(k.Key, "4711", "4712", 1) },
		"POST":               func(k *ticket.Ticket) { k.Method = "POST" },
		"leave to replace":   func(k *ticket.Ticket) { delete(k.Headers, "if-none-match") },
		"no encryption":      func(k *ticket.Ticket) { k.Headers["x-amz-server-side-encryption"] = "AES256" },
		"another key":        func(k *ticket.Ticket) { k.Headers["x-amz-server-side-encryption-aws-kms-key-id"] += "0" },
		"a public object":    func(k *ticket.Ticket) { k.Headers["x-amz-acl"] = "public-read" },
		"a wrong digest":     func(k *ticket.Ticket) { k.Headers["x-amz-checksum-sha256"] = "x" },
		"over since long":    func(k *ticket.Ticket) { k.ExpiresAt = k.ExpiresAt.AddDate(0, 0, -1) },
		"life without end":   func(k *ticket.Ticket) { k.URL = strings.Replace(k.URL, "X-Amz-Expires=600", "X-Amz-Expires=604800", 1) },
		"a secret parameter": func(k *ticket.Ticket) { k.URL += "&X-Amz-Signature-2=5ec2e7" },
	}
	for story, spoil := range rows {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			item := s.put(1, 1000)
			s.backend.answer(s.spoiled(spoil))
			s.once()
			s.wantItem(item.ID, queue.Deferred, 0, "")
			s.wantOutage(CauseTicketRefused)
			if s.s3.requests.Load() != 0 {
				t.Error("a PUT was sent")
			}
		})
	}
}

// spoiled answers as the real backend does, but for what change does to its tickets.
func (s *shop) spoiled(change func(*ticket.Ticket)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		s.backend.behind.ServeHTTP(answer, r)
		var response ticket.Response
		if err := json.Unmarshal(answer.Body.Bytes(), &response); err != nil {
			s.t.Error(err)
		}
		for i := range response.Tickets {
			change(&response.Tickets[i])
		}
		if err := json.NewEncoder(w).Encode(response); err != nil {
			s.t.Error(err)
		}
	}
}

// TestOneFrameSpoilsABatch: asked one by one, the others go through, and only the one pays.
func TestOneFrameSpoilsABatch(t *testing.T) {
	for _, status := range []int{400, 413, 422} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			s.pace.limit = 4
			var items []queue.Item
			for i := range 4 {
				items = append(items, s.put(i, 1000))
			}
			s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(items[1].ID)) {
					http.Error(w, "no", status)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				s.backend.behind.ServeHTTP(w, r)
			})
			s.once()
			s.wantItem(items[1].ID, queue.Deferred, 1, "")
			for _, i := range []int{0, 2, 3} {
				if _, err := s.queue.Receipt(items[i].ID); err != nil {
					t.Errorf("frame %d: %v", i, err)
				}
			}
			s.wantOutage("")
			if n := s.backend.requests.Load(); n != 5 {
				t.Errorf("%d requests, want one for all and four for each", n)
			}
		})
	}
}

// TestAProxyThatFindsFaultParksNothing: what stands before the backend answers every request so, as one does whose limits or
// certificates are wrong. It is an outage, and no frame pays for it.
func TestAProxyThatFindsFaultParksNothing(t *testing.T) {
	for _, status := range []int{400, 413, 422} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			s := openShop(t, func(s *shop) { s.options.MaxAttempts = 3 })
			s.pace.limit = 4
			for i := range 12 {
				s.put(i, 1000)
			}
			s.backend.answer(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", status) })
			for range 20 {
				s.probeNow()
				s.once()
			}
			s.wantOutage(CauseBackendFault)
			if stats := s.queue.Stats(); stats.Parked != 0 {
				t.Errorf("parked: %d", stats.Parked)
			}
			s.backend.answer(nil)
			s.put(12, 1000) // the others are not due yet
			s.probeNow()
			s.once()
			s.wantOutage("")
		})
	}
}

// TestOddFramesAmongOthersPay: however many they are, a ticket between them shows that the backend reads what it is asked.
func TestOddFramesAmongOthersPay(t *testing.T) {
	s := openShop(t, nil)
	s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(`"bytes":999,`)) {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.backend.behind.ServeHTTP(w, r)
	})
	for round := range 2 {
		for i := range strayFrames - 1 {
			odd := s.put(10*round+i, 999)
			s.once()
			s.wantItem(odd.ID, queue.Deferred, 1, "")
			must(t, s.queue.Drop(t.Context(), odd.ID, "seen")) // it must not come again meanwhile
		}
		good := s.put(10*round+strayFrames, 1000)
		s.once()
		s.wantDelivered(good, queue.ProofStored)
		s.wantOutage("")
	}
}

// TestTicketsAreAskedForWhenThereIsASlot: in one request, never ahead, never for a frame that is under way.
func TestTicketsAreAskedForWhenThereIsASlot(t *testing.T) {
	s := openShop(t, nil)
	s.pace.limit = 3
	for i := range 10 {
		s.put(i, 1000)
	}
	hold := make(chan struct{})
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		<-hold
		s.bucket.ServeHTTP(w, r)
	})
	for range 5 {
		s.step(t.Context())
	}
	s.until("three PUTs hang", func() bool { return s.s3.requests.Load() == 3 })
	s.step(t.Context())
	if n := s.backend.requests.Load(); n != 1 {
		t.Errorf("%d requests for tickets, want one", n)
	}
	if leased := s.queue.Stats().Leased; leased != 3 {
		t.Errorf("%d leased, want 3", leased)
	}
	close(hold)
	s.settled()
}

// TestBackendIsDown, and comes back.
func TestBackendIsDown(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 1000)
	real := s.asker.url
	l := listen(t)
	must(t, l.Close())
	s.asker.url = "https://" + l.Addr().String() + ticket.TicketsPath
	s.once()
	s.wantItem(item.ID, queue.Deferred, 0, "")
	s.wantOutage(CauseLink)
	if got := s.Status().Outage.Reason; got != "the backend: connection refused" {
		t.Errorf("%q", got)
	}
	s.asker.url = real
	must(t, s.queue.Retry(t.Context(), item.ID))
	s.probeNow()
	s.once()
	s.wantOutage("")
	s.wantDelivered(item, queue.ProofStored)
}

// TestP6_BackendIsGuarded: not by the private ranges, but against this machine itself.
func TestP6_BackendIsGuarded(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.Guard = Guard{Only: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}} })
	item := s.put(1, 1000)
	s.once()
	s.wantItem(item.ID, queue.Deferred, 0, "")
	s.wantOutage(CauseWrongNetwork)
	if s.backend.requests.Load() != 0 {
		t.Error("the backend was asked")
	}
}

// TestClockOffset: Status says by how much the backend's clock differs.
func TestClockOffset(t *testing.T) {
	s := openShop(t, nil)
	s.put(1, 1000)
	if s.Status().ClockOffset != nil {
		t.Error("an offset from nowhere")
	}
	s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Sun, 22 Nov 2076 01:18:03 GMT")
		s.backend.behind.ServeHTTP(w, r)
	})
	s.once()
	if got := s.Status().ClockOffset; got == nil || *got < 365*24*3600 {
		t.Errorf("offset %v, want decades", got)
	}
	s.put(2, 1000)
	s.backend.answer(nil)
	s.once()
	if got := s.Status().ClockOffset; got == nil || *got < -2 || *got > 2 {
		t.Errorf("offset %v, want none", got)
	}
}

// TestNoFrameIsAskedForTwiceAtOnce watches every request while many frames go through.
func TestNoFrameIsAskedForTwiceAtOnce(t *testing.T) {
	const frames, slots = 200, 8
	s := openShop(t, func(s *shop) { s.options.Concurrency = slots })
	var mu sync.Mutex
	under, puts, most := map[string]bool{}, 0, 0
	s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var request ticket.Request
		if err := json.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		mu.Lock()
		for _, u := range request.Uploads {
			if under[u.SHA256] {
				t.Errorf("%s is asked for twice", u.Frame)
			}
			under[u.SHA256] = true
		}
		if len(under) > slots {
			t.Errorf("%d frames are under way", len(under))
		}
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.backend.behind.ServeHTTP(w, r)
	})
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		puts++
		most = max(most, puts)
		if puts > s.pace.Limit() && puts > slots {
			t.Errorf("%d PUTs at once, the pace is %d", puts, s.pace.Limit())
		}
		mu.Unlock()
		s.bucket.ServeHTTP(w, r)
		mu.Lock()
		puts--
		for digest := range under {
			if strings.Contains(r.URL.Path, digest) {
				delete(under, digest)
			}
		}
		mu.Unlock()
	})
	for i := range frames {
		s.put(i, 5000+i)
	}
	r := s.run()
	s.until("all frames are delivered", func() bool { return s.queue.Stats().Delivered == frames })
	s.halt(r)
	if objects, made := s.bucket.count(); objects != frames || made != frames || s.s3.requests.Load() != frames {
		t.Errorf("%d objects by %d of %d PUTs, want %d", objects, made, s.s3.requests.Load(), frames)
	}
	if most > slots || most < 2 {
		t.Errorf("%d PUTs at once, %d slots", most, slots)
	}
	if got := s.Status(); got.Outcomes[CauseDelivered] != frames || got.Bytes == 0 || got.BytesPerSecond <= 0 || got.S3Private == nil {
		t.Errorf("%+v", got)
	}
}
