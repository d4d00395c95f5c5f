package backend

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"shelfagent/uploader/ticket"
)

func scrape(t *testing.T, b *Backend) string {
	t.Helper()
	w := httptest.NewRecorder()
	b.Operations().ServeHTTP(w, httptest.NewRequest(http.MethodGet, MetricsPath, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	return w.Body.String()
}

func wantMetric(t *testing.T, text, line string) {
	t.Helper()
	if !strings.Contains(text, "\n"+line+"\n") {
		name, _, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		t.Errorf("no %q among %q", line, regexp.MustCompile(`(?m)^`+name+`.*$`).FindAllString(text, -1))
	}
}

func TestMetricsCountDecisions(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		o := testOptions()
		o.Policy.MaxBytes = 10
		s := newSite(t, o)
		s.ask(t, frame("good", []byte("x")), frame("large", []byte("more than ten bytes")))
		s.post(t, ticket.TicketsPath, []byte(`{`))
		s.post(t, ticket.HeartbeatPath, []byte(`{}`))
		s.post(t, "/"+strings.Repeat("x", 60), nil)

		text := scrape(t, s.Backend)
		for _, line := range []string{
			"shelf_backend_tickets_issued_total 1",
			`shelf_backend_tickets_refused_total{code="too_large"} 1`,
			`shelf_backend_tickets_refused_total{code="camera_unknown"} 0`,
			`shelf_backend_problems_total{code="malformed"} 1`,
			`shelf_backend_problems_total{code="not_found"} 1`,
			"shelf_backend_heartbeats_total 1",
			"shelf_backend_signing_failures_total 0",
			`shelf_backend_request_seconds_count{path="/v1/tickets"} 2`,
			`shelf_backend_request_seconds_count{path="other"} 1`,
		} {
			wantMetric(t, text, line)
		}
		for _, private := range []string{`"4711"`, `"left"`, `"cam-3"`, "xxx"} {
			if strings.Contains(text, private) {
				t.Errorf("the metrics hold %q, which a client chose", private)
			}
		}
	})
}

// What rigs reach has no metrics, and what shows metrics has no tickets.
func TestOperationsAreApart(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		s := newSite(t, testOptions())
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+MetricsPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		status, header, body := do(t, s.rig, request)
		wantProblem(t, status, header, body, http.StatusNotFound, CodeNotFound)
		w := httptest.NewRecorder()
		s.Operations().ServeHTTP(w, httptest.NewRequest(http.MethodPost, ticket.TicketsPath, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("operations answer %d to a request for tickets", w.Code)
		}
	})
}

func TestSigningFailuresShow(t *testing.T) {
	o := testOptions()
	o.S3.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no role")
	})
	s := newSite(t, o)
	s.post(t, ticket.TicketsPath, requestBody(t, frame("f", []byte("x"))))
	w := httptest.NewRecorder()
	s.Operations().ServeHTTP(w, httptest.NewRequest(http.MethodGet, HealthPath, nil))
	wantProblem(t, w.Code, w.Header(), w.Body.Bytes(), http.StatusServiceUnavailable, CodeSigning)
	text := scrape(t, s.Backend)
	wantMetric(t, text, "shelf_backend_signing_failures_total 1")
	wantMetric(t, text, `shelf_backend_problems_total{code="signing"} 2`)
}
