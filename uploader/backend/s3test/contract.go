package s3test

import (
	"bytes"
	"crypto/md5" // Content-MD5 is S3's integrity header, not a security measure.
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

const keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// Target is an S3 server under the contract, with one empty bucket.
type Target struct {
	Endpoint    string // https://host:port
	PKI         *devpki.PKI
	Credentials aws.CredentialsProvider
	Bucket      string
	Keys        func(testing.TB) []string
	Read        func(t testing.TB, key string) Object
	// Lenient servers may refuse with another 4xx than S3 would.
	Lenient bool
}

// Contract is what rigs and the backend rely on, with real tickets: whatever plays S3, for tests or for show, must
// pass it. open makes a new Target.
func Contract(t *testing.T, open func(*testing.T) Target) {
	t.Run("a frame arrives once", func(t *testing.T) { frameArrivesOnce(t, openShop(t, open)) })
	t.Run("a ticket is leave for nothing else", func(t *testing.T) { ticketIsLeaveForNothingElse(t, openShop(t, open)) })
	t.Run("a ticket expires", func(t *testing.T) { ticketExpires(t, openShop(t, open)) })
}

// shop is a rig, a backend and an S3 server, all over TLS.
type shop struct {
	Target
	backend string
	rig     *http.Client
	s3      *http.Client
	clock   func() time.Time
}

func openShop(t *testing.T, open func(*testing.T) Target) *shop {
	t.Helper()
	s := &shop{Target: open(t), clock: time.Now}
	b, err := backend.New(t.Context(), backend.Options{
		TrustDomain: s.PKI.TrustDomain,
		S3: backend.S3{
			Bucket: s.Bucket, Region: Region, Endpoint: s.Endpoint, PathStyle: true,
			KMSKeyARN: keyARN, Credentials: s.Credentials,
		},
		Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return s.clock() },
	})
	if err != nil {
		t.Fatal(err)
	}
	rig := devpki.Rig{Store: "4711", Rig: "left"}
	if _, err := s.PKI.AddRig(rig, false); err != nil {
		t.Fatal(err)
	}
	s.s3 = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.PKI.Pool(), MinVersion: tls.VersionTLS12}}}
	t.Cleanup(s.s3.CloseIdleConnections)
	server := httptest.NewUnstartedServer(b)
	if server.TLS, err = s.PKI.ServerTLS(); err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	var config *tls.Config
	if config, err = s.PKI.ClientTLS(rig); err != nil {
		t.Fatal(err)
	}
	s.backend, s.rig = server.URL, &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	t.Cleanup(s.rig.CloseIdleConnections)
	return s
}

func (s *shop) ticket(t *testing.T, body []byte) ticket.Ticket {
	t.Helper()
	sha, md := sha256.Sum256(body), md5.Sum(body)
	request, err := json.Marshal(ticket.Request{Uploads: []ticket.Upload{{
		Frame: "f", Camera: "cam-3", CapturedAt: time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.UTC),
		Bytes: int64(len(body)), ContentType: "image/jpeg",
		SHA256: hex.EncodeToString(sha[:]), MD5: hex.EncodeToString(md[:]), Metadata: map[string]string{"width": "3840"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.rig.Post(s.backend+ticket.TicketsPath, "application/json", bytes.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var response ticket.Response
	if err := json.NewDecoder(answer.Body).Decode(&response); err != nil || len(response.Tickets) != 1 {
		t.Fatalf("%s: %+v (%v)", answer.Status, response, err)
	}
	return response.Tickets[0]
}

// put sends what the ticket says, except for what change does to it. A refused upload may end in a reset
// instead of an answer; then the status is 0.
func (s *shop) put(t *testing.T, issued ticket.Ticket, body []byte, change func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), issued.Method, issued.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range issued.Headers {
		if name != "content-length" { // net/http takes it from the body
			request.Header.Set(name, value)
		}
	}
	request.Header.Set("Expect", "100-continue")
	if change != nil {
		change(request)
	}
	response, err := s.s3.Do(request)
	if err != nil {
		t.Logf("no answer: %v", err)
		return 0, nil, ""
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Logf("half an answer: %v", err)
	}
	return response.StatusCode, response.Header, string(answer)
}

func frameArrivesOnce(t *testing.T, s *shop) {
	body := []byte("a picture of a shelf")
	issued := s.ticket(t, body)

	status, header, answer := s.put(t, issued, body, nil)
	if status != http.StatusOK {
		t.Fatalf("first PUT: %d %s", status, answer)
	}
	if got, want := header.Get("x-amz-checksum-sha256"), issued.Headers["x-amz-checksum-sha256"]; got != want {
		t.Errorf("the reply's checksum is %q, want %q", got, want)
	}
	object := s.Read(t, issued.Key)
	if !bytes.Equal(object.Body, body) || object.ContentType != "image/jpeg" {
		t.Errorf("the bucket holds %q as %s", object.Body, object.ContentType)
	}
	want := map[string]string{"store": "4711", "rig": "left", "camera": "cam-3",
		"captured-at": "2026-11-22T01:18:03.123Z", "width": "3840"}
	if !maps.Equal(object.Metadata, want) {
		t.Errorf("metadata %v, want %v", object.Metadata, want)
	}

	if status, _, answer := s.put(t, issued, body, nil); status != http.StatusPreconditionFailed {
		t.Errorf("second PUT with the same ticket: %d %s, want 412", status, answer)
	}
	if status, _, answer := s.put(t, s.ticket(t, body), body, nil); status != http.StatusPreconditionFailed {
		t.Errorf("second PUT with a new ticket: %d %s, want 412", status, answer)
	}
	if keys := s.Keys(t); !slices.Equal(keys, []string{issued.Key}) {
		t.Errorf("keys %q, want the one", keys)
	}
}

// ticketIsLeaveForNothingElse: whatever is done with a ticket that it was not made for, there is no object.
func ticketIsLeaveForNothingElse(t *testing.T, s *shop) {
	body := []byte("a picture of a shelf")
	other := []byte("a picture of a SHELF") // of the same length
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	tests := []struct {
		name   string
		body   []byte // nil: the ticket's
		change func(*http.Request)
		status int
	}{
		{name: "other bytes", body: other, status: 400},
		{name: "other bytes with their own checksum", body: other, status: 403, change: func(r *http.Request) {
			sum := sha256.Sum256(other)
			r.Header.Set("X-Amz-Checksum-Sha256", ticket.ChecksumSHA256(hex.EncodeToString(sum[:])))
		}},
		{name: "longer body", body: append(slices.Clone(body), '!'), status: 403},
		{name: "shorter body", body: body[:len(body)-1], status: 403},
		{name: "empty body", body: []byte{}, status: 403},
		{name: "other type", change: header("Content-Type", "text/html"), status: 403},
		{name: "other MD5", change: header("Content-Md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), status: 403},
		{name: "other key", change: header("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", keyARN[:len(keyARN)-1]+"c"), status: 403},
		{name: "other encryption", change: header("X-Amz-Server-Side-Encryption", "AES256"), status: 403},
		{name: "no encryption", change: func(r *http.Request) { r.Header.Del("X-Amz-Server-Side-Encryption") }, status: 403},
		{name: "leave to overwrite", change: func(r *http.Request) { r.Header.Del("If-None-Match") }, status: 403},
		{name: "other store in the metadata", change: header("X-Amz-Meta-Store", "0815"), status: 403},
		{name: "header that nobody signed", change: header("X-Amz-Acl", "public-read"), status: 403},
		{name: "other path", change: func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "4711", "0815", 1) }, status: 403},
		{name: "other method", change: func(r *http.Request) { r.Method = http.MethodDelete }, status: 403},
		{name: "longer life", change: func(r *http.Request) {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Expires=600", "X-Amz-Expires=900", 1)
		}, status: 403},
		{name: "signature of another", change: func(r *http.Request) {
			r.URL.RawQuery = r.URL.RawQuery[:len(r.URL.RawQuery)-4] + "0000"
		}, status: 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sent := test.body
			if sent == nil {
				sent = body
			}
			status, _, answer := s.put(t, s.ticket(t, body), sent, test.change)
			if refused := status >= 400 && status < 500; status != test.status && (!s.Lenient || !refused) {
				t.Errorf("status %d %s, want %d", status, answer, test.status)
			}
			if keys := s.Keys(t); len(keys) != 0 {
				t.Errorf("the bucket holds %q", keys)
			}
		})
	}
}

func ticketExpires(t *testing.T, s *shop) {
	s.clock = func() time.Time { return time.Now().Add(-backend.DefaultTTL - time.Minute) }
	body := []byte("a picture of a shelf")
	status, _, answer := s.put(t, s.ticket(t, body), body, nil)
	if status != http.StatusForbidden || !strings.Contains(answer, "expired") {
		t.Errorf("status %d %s, want 403 and the word expired", status, answer)
	}
	if keys := s.Keys(t); len(keys) != 0 {
		t.Errorf("the bucket holds %q", keys)
	}
}
