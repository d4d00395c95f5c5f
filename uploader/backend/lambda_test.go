package backend

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"shelfagent/uploader/ticket"
)

// A gateway sends bodies as base64 when the API's binary media types say so.
func TestLambdaTakesBase64(t *testing.T) {
	s := openLambda(t, testOptions(), tls.RequireAndVerifyClientCert)
	for _, test := range []struct {
		name   string
		body   []byte
		status int
		code   string
	}{
		{"a request", requestBody(t, frame("f", []byte("x"))), http.StatusOK, ""},
		{"no JSON", []byte("\x00\x01"), http.StatusBadRequest, CodeMalformed},
		{"too many bytes", bytes.Repeat([]byte(" "), ticket.MaxRequestBytes+1), http.StatusRequestEntityTooLarge, CodeRequestTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+ticket.TicketsPath, bytes.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set(asBase64, "yes")
			status, header, body := do(t, s.rig, request)
			if test.code != "" {
				wantProblem(t, status, header, body, test.status, test.code)
			} else if status != test.status {
				t.Errorf("status %d: %s", status, body)
			}
		})
	}
}

// What is no event of a REST API is an error of the invocation, and the loop goes on.
func TestLambdaRefusesForeignEvents(t *testing.T) {
	pki := newPKI(t)
	o := testOptions()
	o.Home = Lambda{Authority: pki.Pool()}
	b := mustBuild(t, o)
	api := startRuntime(t, func() { ServeLambda(context.Background(), b) })
	for _, event := range []string{
		`{}`,
		`{"version":"2.0","routeKey":"$default","rawPath":"/v1/tickets","requestContext":{"http":{"method":"POST"}}}`,
		`{"Records":[{"eventSource":"aws:sqs"}]}`,
		`[1]`,
		`"text"`,
	} {
		if got := api.invoke([]byte(event)); !got.failed {
			t.Errorf("%s: answered %s", event, got.body)
		}
	}
	got := api.invoke([]byte(`{"httpMethod":"GET","path":"/healthz"}`))
	var response struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(got.body, &response); err != nil || response.StatusCode != http.StatusOK || !strings.Contains(response.Body, "ok") {
		t.Errorf("after that: %s (%v)", got.body, err)
	}
}
