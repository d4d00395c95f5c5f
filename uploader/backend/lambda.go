package backend

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

// Lambda is behind an API Gateway REST API, whose custom domain wants client certificates (mutual TLS). The
// gateway has verified the certificate against its trust store and puts it into the event's request context, where
// no client can write; a header never counts. Its chain and validity are checked again here.
//
// The gateway does not know revocation. The API's default endpoint must be disabled: it asks for no certificate,
// and its events are refused here. The custom domain needs an empty base path, because paths are taken as they are.
type Lambda struct {
	// Authority signs the rigs' certificates; the same as in the domain's trust store.
	Authority *x509.CertPool
}

func (Lambda) name() string                  { return "lambda" }
func (Lambda) admit(r *http.Request) error   { return withoutProxyHeaders(r) }
func (Lambda) remote(r *http.Request) string { return r.RemoteAddr }

func (l Lambda) check() error {
	if l.Authority == nil {
		return invalid("listen.client_ca", "is needed: the gateway's word is checked against it")
	}
	return nil
}

func (l Lambda) leaf(r *http.Request, now time.Time) (*x509.Certificate, error) {
	found, _ := r.Context().Value(eventCertificate{}).(string)
	if found == "" {
		return nil, noCertificate()
	}
	return vouched([]byte(found), l.Authority, now)
}

// eventCertificate is the context's key for the PEM that an event's request context holds.
type eventCertificate struct{}

// ServeLambda answers events until the runtime ends the process. It does not return.
func ServeLambda(ctx context.Context, b *Backend) {
	lambda.StartWithOptions(b.handleEvent, lambda.WithContext(ctx))
}

var errForeignEvent = errors.New("the event is not one of a REST API with Lambda proxy integration: it has no method or no path")

// handleEvent answers one request. Its error, which becomes a 502, says that the function is wired up wrongly.
func (b *Backend) handleEvent(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	if event.HTTPMethod == "" || event.Path == "" {
		return events.APIGatewayProxyResponse{}, errForeignEvent
	}
	answer := &answer{header: http.Header{}, status: http.StatusOK}
	b.ServeHTTP(answer, eventRequest(ctx, event))
	return events.APIGatewayProxyResponse{
		StatusCode: answer.status, MultiValueHeaders: answer.header, Body: answer.body.String(),
	}, nil
}

// eventRequest is the request that the gateway was sent. The query is left out: no path of this handler has one.
func eventRequest(ctx context.Context, event events.APIGatewayProxyRequest) *http.Request {
	if cert := event.RequestContext.Identity.ClientCert; cert != nil {
		ctx = context.WithValue(ctx, eventCertificate{}, cert.ClientCertPem)
	}
	var body io.Reader = strings.NewReader(event.Body)
	if event.IsBase64Encoded {
		// Broken base64 is a read error, and so a body that is not JSON.
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	r := &http.Request{
		Method: event.HTTPMethod, URL: &url.URL{Path: event.Path}, Header: eventHeader(event),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(body), ContentLength: -1, RemoteAddr: event.RequestContext.Identity.SourceIP,
	}
	r.Host = r.Header.Get("Host")
	return r.WithContext(ctx)
}

// eventHeader takes the list of values where there is one; the other map has the last value only. Names come as
// the client wrote them.
func eventHeader(event events.APIGatewayProxyRequest) http.Header {
	header := http.Header{}
	for name, values := range event.MultiValueHeaders {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	for name, value := range event.Headers {
		if header.Get(name) == "" {
			header.Set(name, value)
		}
	}
	return header
}

// answer is what the handler writes; at most a Response, which is bounded by its Request.
type answer struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if !a.wrote {
		a.status, a.wrote = status, true
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.wrote = true
	return a.body.Write(p)
}
