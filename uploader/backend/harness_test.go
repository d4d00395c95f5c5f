package backend

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

const (
	testDomain = "shelf.test"
	testKeyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

var (
	testRig = devpki.Rig{Store: "4711", Rig: "left"}
	// aCaller is for tests that begin behind the door.
	aCaller = caller{Identity: ticket.Identity{TrustDomain: testDomain, Store: "s", Rig: "r"}}
)

// testOptions sign for AWS with made-up credentials.
func testOptions() Options {
	return Options{
		TrustDomain: testDomain,
		S3: S3{
			Bucket:      "frames",
			Region:      "us-east-1",
			KMSKeyARN:   testKeyARN,
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		},
		Log: slog.New(slog.DiscardHandler),
	}
}

// site is a backend in one of its homes, behind real TLS, and a rig that may talk to it.
type site struct {
	*Backend
	url string
	pki *devpki.PKI
	rig *http.Client
}

// frame describes a body as a correct rig would.
func frame(name string, body []byte) ticket.Upload {
	sha, md := sha256.Sum256(body), md5.Sum(body)
	return ticket.Upload{
		Frame:       name,
		Camera:      "cam-3",
		CapturedAt:  time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.UTC),
		Bytes:       int64(len(body)),
		ContentType: "image/jpeg",
		SHA256:      hex.EncodeToString(sha[:]),
		MD5:         hex.EncodeToString(md[:]),
		Metadata:    map[string]string{"width": "3840", "time_source": "exif", "secret_plan": "not on the list"},
	}
}

// ask posts uploads and returns the 200 answer.
func (s *site) ask(t *testing.T, uploads ...ticket.Upload) ticket.Response {
	t.Helper()
	body, err := json.Marshal(ticket.Request{Uploads: uploads})
	if err != nil {
		t.Fatal(err)
	}
	status, _, answer := s.post(t, ticket.TicketsPath, body)
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, answer)
	}
	var response ticket.Response
	if err := json.Unmarshal(answer, &response); err != nil {
		t.Fatal(err)
	}
	return response
}

// ticketFor is the ticket of the only upload.
func (s *site) ticketFor(t *testing.T, u ticket.Upload) ticket.Ticket {
	t.Helper()
	response := s.ask(t, u)
	if len(response.Tickets) != 1 || len(response.Refusals) != 0 {
		t.Fatalf("%d tickets and refusals %v, want one ticket", len(response.Tickets), response.Refusals)
	}
	return response.Tickets[0]
}

func (s *site) post(t *testing.T, path string, body []byte) (int, http.Header, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	return do(t, s.rig, request)
}

func do(t *testing.T, client *http.Client, request *http.Request) (int, http.Header, []byte) {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, body
}

// wantProblem checks an answer against RFC 9457 and the expected code.
func wantProblem(t *testing.T, status int, header http.Header, body []byte, wantStatus int, wantCode string) {
	t.Helper()
	if got := header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q, want application/problem+json", got)
	}
	var p ticket.Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	if status != wantStatus || p.Status != wantStatus || p.Code != wantCode || p.Title == "" || p.Detail == "" {
		t.Errorf("status %d with %+v, want %d %s", status, p, wantStatus, wantCode)
	}
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// audit returns the log's records with the message.
func (l *lines) audit(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range bytes.Lines([]byte(l.String())) {
		var record map[string]any
		if err := json.Unmarshal(line, &record); err != nil {
			t.Fatal(err)
		}
		if record["msg"] == message {
			found = append(found, record)
		}
	}
	return found
}

func base64Of(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

func mustBuild(t testing.TB, o Options) *Backend {
	t.Helper()
	b, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
