package uploader

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"shelfagent/queue"
	"shelfagent/uploader/ticket"
)

// TestS3Answers: one frame, one try, one answer of S3.
func TestS3Answers(t *testing.T) {
	code := func(status int, code string, more ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			refuse(w, status, code, more...)
		}
	}
	rows := []struct {
		story    string
		answer   http.HandlerFunc
		cause    Cause
		attempts int // charged
		outage   Cause
		slow     bool
		tickets  int64 // requests to the backend; 0 means 1
	}{
		{story: "200 without the checksum", answer: func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
			cause: CauseUnproven, attempts: 1},
		{story: "200 with another checksum", answer: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("X-Amz-Checksum-Sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
		}, cause: CauseUnproven, attempts: 1},
		{story: "204", answer: code(204, ""), cause: CauseUnknown, attempts: 1},
		{story: "404", answer: code(404, "NoSuchBucket"), cause: CauseUnknown, attempts: 1},
		{story: "409", answer: code(409, "ConditionalRequestConflict"), cause: CauseConflict, attempts: 1},
		{story: "403", answer: code(403, "AccessDenied"), cause: CauseS3Denied, attempts: 1},
		{story: "403 that is no XML", answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>&", http.StatusForbidden) },
			cause: CauseS3Denied, attempts: 1},
		{story: "403, time is over, twice", cause: CauseTicketExpired, outage: CauseTicketExpired, tickets: 2,
			answer: code(403, "AccessDenied", "<Expires>2026-11-22T01:18:03Z</Expires><ServerTime>2026-11-22T02:18:03Z</ServerTime>")},
		{story: "403, clocks too far apart", cause: CauseTicketExpired, outage: CauseTicketExpired, tickets: 2,
			answer: code(403, "RequestTimeTooSkewed")},
		{story: "400, credentials over", cause: CauseTicketExpired, outage: CauseTicketExpired, tickets: 2, answer: code(400, "ExpiredToken")},
		{story: "400 BadDigest of a sound payload", answer: code(400, "BadDigest"), cause: CauseDamaged, attempts: 1},
		{story: "500", answer: code(500, "InternalError"), cause: CauseLink, outage: CauseLink},
		{story: "502 of a gateway", answer: code(502, ""), cause: CauseLink, outage: CauseLink},
		{story: "503 without a word", answer: code(503, ""), cause: CauseLink, outage: CauseLink},
		{story: "504", answer: code(504, ""), cause: CauseLink, outage: CauseLink},
		{story: "408", answer: code(408, ""), cause: CauseLink, outage: CauseLink},
		{story: "400, the body stopped coming", answer: code(400, "RequestTimeout"), cause: CauseLink, outage: CauseLink},
		{story: "400 of another kind", answer: code(400, "InvalidRequest"), cause: CauseUnknown, attempts: 1},
		{story: "400, another word for a digest", answer: code(400, "XAmzContentChecksumMismatch"), cause: CauseDamaged, attempts: 1},
		{story: "401", answer: code(401, "Unauthorized"), cause: CauseUnknown, attempts: 1},
		{story: "411", answer: code(411, "MissingContentLength"), cause: CauseUnknown, attempts: 1},
		{story: "429", answer: code(429, "TooManyRequests"), cause: CauseTooFast, outage: CauseTooFast, slow: true},
		{story: "503 SlowDown", answer: code(503, "SlowDown"), cause: CauseTooFast, outage: CauseTooFast, slow: true},
		{story: "a connection that is cut", answer: cut,
			cause: CauseLink, outage: CauseLink},
		{story: "a connection that is cut while sending", answer: func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 1000))
			panic(http.ErrAbortHandler)
		}, cause: CauseLink, outage: CauseLink},
		{story: "an error document without end", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			for range 100 {
				_, _ = w.Write(bytes.Repeat([]byte("<Error>"), 1000))
			}
		}, cause: CauseS3Denied, attempts: 1},
		{story: "a code that is a log line", answer: code(418, "x\n{\"level\":\"ERROR\"}"), cause: CauseUnknown, attempts: 1},
	}
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			item := s.put(1, 200_000)
			s.s3.answer(row.answer)
			s.once()
			s.wantItem(item.ID, queue.Deferred, row.attempts, "")
			s.wantOutage(row.outage)
			if got := s.Status().Outcomes; got[row.cause] != 1 || len(got) != 1 {
				t.Errorf("outcomes %v, want one %s", got, row.cause)
			}
			if want := max(row.tickets, 1); s.backend.requests.Load() != want || s.s3.requests.Load() != want {
				t.Errorf("%d requests for tickets and %d PUTs, want %d", s.backend.requests.Load(), s.s3.requests.Load(), want)
			}
			if (s.pace.Limit() == 1) != row.slow {
				t.Errorf("%d slots", s.pace.Limit())
			}
			if receipts, err := s.queue.Receipts(9); err != nil || len(receipts) != 0 {
				t.Errorf("receipts %v (%v)", receipts, err)
			}
		})
	}
}

// TestRefusalCostsNoUplink: a server that refuses by the header alone gets no body.
func TestRefusalCostsNoUplink(t *testing.T) {
	s := openShop(t, nil)
	s.put(1, 5_000_000)
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "100-continue" {
			t.Error("the body is sent unasked")
		}
		refuse(w, 403, "AccessDenied")
	})
	s.once()
	if n := s.s3.bytes.Load(); n != 0 {
		t.Errorf("%d bytes were sent", n)
	}
}

// TestP2_LostReceipt: delivered, but nobody has noted it. The second try meets its own key.
func TestP2_LostReceipt(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 10_000)
	var lost atomicFlag
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		if lost.first() {
			s.bucket.ServeHTTP(httptest.NewRecorder(), r)
			cut(w, r) // the object is there, its answer is not
			return
		}
		s.bucket.ServeHTTP(w, r)
	})
	s.once()
	s.wantOutage(CauseLink)
	s.wantItem(item.ID, queue.Deferred, 0, "")
	must(t, s.queue.Retry(t.Context(), item.ID))
	s.probeNow()
	s.once()
	s.wantDelivered(item, queue.ProofExists)
	s.wantOutage("")
	if objects, puts := s.bucket.count(); objects != 1 || puts != 1 {
		t.Errorf("%d objects by %d PUTs", objects, puts)
	}
	if s.s3.bytes.Load() != item.Bytes {
		t.Errorf("%d bytes were sent for a frame of %d", s.s3.bytes.Load(), item.Bytes)
	}
}

// TestExpiredTicketIsReplacedAtOnce, once, without an attempt or an outage.
func TestExpiredTicketIsReplacedAtOnce(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 10_000)
	var old atomicFlag
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		if old.first() {
			refuse(w, 403, "AccessDenied", "<Expires>2026-11-22T01:18:03Z</Expires><ServerTime>2026-11-22T02:18:03Z</ServerTime>")
			return
		}
		s.bucket.ServeHTTP(w, r)
	})
	s.once()
	s.wantDelivered(item, queue.ProofStored)
	s.wantOutage("")
	if s.backend.requests.Load() != 2 || s.s3.requests.Load() != 2 {
		t.Errorf("%d tickets, %d PUTs", s.backend.requests.Load(), s.s3.requests.Load())
	}
}

// TestRetryAfterIsHonoured: nothing goes out before.
func TestRetryAfterIsHonoured(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 1000)
	s.put(2, 1000)
	s.s3.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		refuse(w, 429, "TooManyRequests")
	})
	began := time.Now()
	s.once()
	s.wantOutage(CauseTooFast)
	if next := s.Status().Outage.Next; next.Before(began.Add(time.Minute)) || next.After(began.Add(2*time.Minute)) {
		t.Errorf("the next try in %v", next.Sub(began))
	}
	got, err := s.queue.Item(item.ID)
	must(t, err)
	if got.NotBefore.Before(began.Add(time.Minute)) {
		t.Errorf("the frame comes back in %v", got.NotBefore.Sub(began))
	}
	before := s.s3.requests.Load()
	s.once()
	if s.s3.requests.Load() != before {
		t.Error("asked again at once")
	}
}

// TestManySlowDownsHalveOnce: eight transfers that are told together have been told once.
func TestManySlowDownsHalveOnce(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.Concurrency = 8 })
	s.pace.limit = 8
	for i := range 8 {
		s.put(i, 1000)
	}
	s.s3.answer(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "SlowDown") })
	s.once()
	if s.s3.requests.Load() != 8 || s.pace.Limit() != 4 {
		t.Errorf("%d PUTs, then %d slots", s.s3.requests.Load(), s.pace.Limit())
	}
	s.s3.answer(nil)
	must(t, s.queue.Retry(t.Context(), s.put(0, 1000).ID))
	s.probeNow()
	s.once()
	s.wantOutage("")
	if s.pace.Limit() != 4 {
		t.Errorf("%d slots after it", s.pace.Limit())
	}
}

// TestP6_RedirectIsNotFollowed: the place that it names sees no byte.
func TestP6_RedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			thief := listen(t)
			caught := make(chan string, 1)
			go func() {
				if conn, err := thief.Accept(); err == nil {
					caught <- conn.RemoteAddr().String()
					_ = conn.Close()
				}
			}()
			s := openShop(t, nil)
			item := s.put(1, 1000)
			redirect := func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", "https://"+thief.Addr().String()+r.URL.RequestURI())
				refuse(w, status, "PermanentRedirect")
			}
			s.s3.answer(redirect)
			s.once()
			s.wantItem(item.ID, queue.Deferred, 1, "")
			s.s3.answer(nil)
			s.backend.answer(redirect)
			must(t, s.queue.Retry(t.Context(), item.ID))
			s.once()
			s.wantItem(item.ID, queue.Deferred, 0, "")
			s.wantOutage(CauseBackendFault)
			_ = thief.Close()
			if len(caught) != 0 {
				t.Error("the redirect was followed")
			}
		})
	}
}

// TestP6_ProxyFromTheEnvironmentIsIgnored looks at the transports: net/http itself never uses a proxy for the
// addresses that a test could listen on.
func TestP6_ProxyFromTheEnvironmentIsIgnored(t *testing.T) {
	s := openShop(t, nil)
	for _, client := range s.clients {
		if transport, ok := client.Transport.(*http.Transport); !ok || transport.Proxy != nil {
			t.Errorf("%T may use a proxy", client.Transport)
		}
	}
}

// TestSeveralDenialsAreNotTheFrames: a mistake in a bucket policy must not park a backlog. One frame alone that is
// denied again and again is parked.
func TestSeveralDenialsAreNotTheFrames(t *testing.T) {
	s := openShop(t, nil)
	s.pace.limit = 3
	s.s3.answer(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "AccessDenied") })
	var items []queue.Item
	for i := range 4 {
		items = append(items, s.put(i, 1000))
	}
	s.once()
	charged := 0
	for _, item := range items {
		got, err := s.queue.Item(item.ID)
		must(t, err)
		charged += got.Attempts
	}
	if stats := s.queue.Stats(); charged != 2 || stats.Deferred != 3 || stats.Waiting != 1 {
		t.Errorf("%d attempts charged, %d deferred, %d waiting; want 2, 3, 1", charged, stats.Deferred, stats.Waiting)
	}
	s.wantOutage(CauseS3Denied)
	s.s3.answer(nil)
	s.probeNow()
	s.once()
	s.wantOutage("")
}

func TestOneDeniedFrameIsParked(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.MaxAttempts = 5 })
	s.s3.answer(func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "AccessDenied") })
	item := s.put(1, 1000)
	for range 10 {
		s.settle(s.mustLease(), Seen{Status: 403, Code: "AccessDenied"}, delivery{}, 0)
		if s.queue.Stats().Parked == 1 {
			break
		}
		s.makeDue(item.ID)
	}
	s.wantItem(item.ID, queue.Parked, 5, "gave_up")
	s.wantOutage("")
}

// makeLeastTriedDue ends the shortest wait, as time would: what was tried more often waits longer.
func (s *shop) makeLeastTriedDue(items []queue.Item) {
	var least *queue.Item
	for _, item := range items {
		got, err := s.queue.Item(item.ID)
		if err == nil && got.State == queue.Deferred && (least == nil || got.Attempts < least.Attempts) {
			least = &got
		}
	}
	if least != nil {
		s.makeDue(least.ID)
	}
}

// TestAPortalParksNothing: what answers 200 to every PUT and stores nothing must not use up a backlog.
func TestAPortalParksNothing(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.MaxAttempts = 4 })
	s.s3.answer(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "<html>welcome</html>")
	})
	var items []queue.Item
	for i := range 6 {
		items = append(items, s.put(i, 1000))
	}
	for range 30 {
		s.probeNow()
		s.once()
		s.makeLeastTriedDue(items)
	}
	if stats := s.queue.Stats(); stats.Parked != 0 || stats.Pending() != 6 || stats.Delivered != 0 {
		t.Errorf("%+v", stats)
	}
	s.wantOutage(CauseUnknown)
	if got := s.Status().Outage.Reason; got != "S3 answered 200 without the frame's SHA-256: not proven" {
		t.Errorf("%q", got)
	}
	s.s3.answer(nil)
	s.probeNow()
	s.once()
	s.wantOutage("")
}

// TestRehash tells a payload that is another from one that cannot be read now.
func TestRehash(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 1000)
	payload, err := s.queue.Payload(item.ID)
	must(t, err)
	if err := rehash(payload, item); err != nil {
		t.Error(err)
	}
	other := item
	other.SHA256[0]++
	if err := rehash(payload, other); !errors.Is(err, errPayloadDamaged) {
		t.Error(err)
	}
	must(t, payload.Close())
	if err := rehash(payload, item); !errors.Is(err, errPayloadUnreadable) || errors.Is(err, errPayloadDamaged) {
		t.Error(err)
	}
}

// TestAFrameThatCutsTheLink: others pass, this one is cut each time. It waits longer and longer, and costs the rest
// a pause that gets ever rarer.
func TestAFrameThatCutsTheLink(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 1000)
	var longest time.Duration
	for range 40 {
		s.settle(s.mustLease(), Seen{Err: io.ErrUnexpectedEOF}, delivery{}, 0)
		s.wantOutage(CauseLink)
		got, err := s.queue.Item(item.ID)
		must(t, err)
		longest = max(longest, time.Until(got.NotBefore))
		s.wantItem(item.ID, queue.Deferred, 0, "")
		s.pass() // another frame came through
		s.makeDue(item.ID)
	}
	if longest < time.Minute {
		t.Errorf("comes back after %v at most", longest)
	}
}

// TestP2_PayloadIsNotTheFrames: nothing of it may be taken for the frame.
func TestP2_PayloadIsNotTheFrames(t *testing.T) {
	rows := []struct {
		story  string
		spoil  func(t *testing.T, path string)
		state  queue.State
		tries  int
		reason string
		puts   int64
	}{
		{"other bytes of the same length", func(t *testing.T, path string) {
			raw, err := os.ReadFile(path)
			must(t, err)
			raw[len(raw)/2] ^= 1
			must(t, os.WriteFile(path, raw, 0o600))
		}, queue.Parked, 1, "payload_damaged", 1},
		{"shorter", func(t *testing.T, path string) { must(t, os.Truncate(path, 10)) }, queue.Parked, 1, "payload_damaged", 0},
		{"longer", func(t *testing.T, path string) {
			raw, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, append(raw, 'x'), 0o600))
		}, queue.Parked, 1, "payload_damaged", 0},
		{"gone", func(t *testing.T, path string) { must(t, os.Remove(path)) }, queue.Parked, 1, "payload_missing", 0},
		{"a folder", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o700))
		}, queue.Parked, 1, "payload_damaged", 0},
		{"a name that leads nowhere", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Symlink(path, path))
		}, queue.Deferred, 1, "", 0},
	}
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			item := s.put(1, 100_000)
			row.spoil(t, s.payload(item))
			s.once()
			s.wantItem(item.ID, row.state, row.tries, row.reason)
			s.wantOutage("")
			if s.s3.requests.Load() != row.puts {
				t.Errorf("%d PUTs", s.s3.requests.Load())
			}
			if objects, _ := s.bucket.count(); objects != 0 {
				t.Error("an object was made")
			}
			other := s.put(2, 1000)
			s.once()
			if _, err := s.queue.Receipt(other.ID); err != nil {
				t.Errorf("the next frame: %v", err)
			}
		})
	}
}

// TestPayloadShrinksWhileSent: the disk is to blame, not the link.
func TestPayloadShrinksWhileSent(t *testing.T) {
	s := openShop(t, nil)
	item := s.put(1, 8_000_000)
	s.s3.answer(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1000))
		if err := os.Truncate(s.payload(item), 1000); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
	})
	s.once()
	s.wantItem(item.ID, queue.Parked, 1, "payload_damaged")
	s.wantOutage("")
}

func TestConnectionRefused(t *testing.T) {
	s := openShop(t, func(s *shop) {
		l := listen(s.t)
		must(s.t, l.Close())
		s.backend.behind = s.newBackend("https://"+l.Addr().String(), testCredentials)
		s.options.Destinations = []ticket.Destination{{Host: l.Addr().String(), Bucket: testBucket}}
	})
	item := s.put(1, 1000)
	s.once()
	s.wantItem(item.ID, queue.Deferred, 0, "")
	s.wantOutage(CauseLink)
	if got := s.Status().Outage.Reason; got != "S3: connection refused" {
		t.Errorf("%q", got)
	}
}

// TestInterceptedTLS: a firewall between rig and S3 is called by its name.
func TestInterceptedTLS(t *testing.T) {
	s := openShop(t, func(s *shop) { s.options.S3CAs = otherPool(s.t) })
	item := s.put(1, 1000)
	s.once()
	s.wantItem(item.ID, queue.Deferred, 0, "")
	s.wantOutage(CauseLink)
	if got := s.Status().Outage.Reason; !strings.Contains(got, "CN=shelf development authority") {
		t.Errorf("%q does not name the signer", got)
	}
	if s.s3.requests.Load() != 0 {
		t.Error("a request was made")
	}
}

// TestWrongNetwork, P6: the address is outside of the private ranges, or this machine itself.
func TestP6_WrongNetwork(t *testing.T) {
	for story, guard := range map[string]Guard{
		"private only": {Only: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		"production":   {},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, nil)
			s.putter.client = newClient(guard, tlsConfig(s.pki.Pool(), nil), 2, s.noteS3)
			item := s.put(1, 1000)
			s.once()
			s.wantItem(item.ID, queue.Deferred, 0, "")
			s.wantOutage(CauseWrongNetwork)
			if s.s3.requests.Load() != 0 || s.Status().S3Address != "" {
				t.Errorf("%d requests at %s", s.s3.requests.Load(), s.Status().S3Address)
			}
		})
	}
}
