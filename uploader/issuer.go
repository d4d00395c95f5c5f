package uploader

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"shelfagent/uploader/device"
	"shelfagent/uploader/ticket"
)

// Issuer is the backend as the one who issues device certificates.
type Issuer struct {
	// Backend is its base URL, https.
	Backend *url.URL
	// CAs are who may sign its own certificate; nil means the system's authorities.
	CAs *x509.CertPool
	// Development allows a backend on this machine.
	Development bool
}

// IssueError is why no certificate came of a request.
type IssueError struct {
	Seen Seen
	// Sent is true when the request may have reached the backend: a one-time code may be spent.
	Sent bool
}

func (e *IssueError) Error() string { return Explain(e.Seen) }
func (e *IssueError) Unwrap() error { return e.Seen.Err }

// Denied tells a refusal of the rig from everything that may be over in a while.
func (e *IssueError) Denied() bool {
	return isDenial(e.Seen.Status) || e.Seen.Err != nil && certificateAlert(e.Seen.Err) != ""
}

// client speaks to the backend with a device certificate, or without one. It is for a few requests, then closed.
func (i Issuer) client(certificate *tls.Certificate) *http.Client {
	config := tlsConfig(i.CAs, nil)
	if certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return newClient(Guard{Development: i.Development}, config, 1, func(netip.Addr) {})
}

// request sends a document, or nil for none, and returns the answer, whatever its status. Sent is as in IssueError.
func (i Issuer) request(ctx context.Context, client *http.Client, method, path string, document any) (resp *http.Response, sent bool, err error) {
	var body io.Reader
	if document != nil {
		text, err := json.Marshal(document)
		if err != nil {
			return nil, false, err
		}
		body = bytes.NewReader(text)
	}
	var wrote atomic.Bool // the transport tells it from a goroutine of its own
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { wrote.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, method, i.Backend.JoinPath(path).String(), body)
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err = client.Do(req)
	if err != nil {
		return nil, wrote.Load(), whyNot(ctx, err)
	}
	return resp, true, nil
}

// ask asks for a certificate for key, and holds the answer against everything that it must be at the time now, by the
// clock of whom the answer is for.
func (i Issuer) ask(ctx context.Context, client *http.Client, path string, document any, public crypto.PublicKey, now func() time.Time) (*ticket.Issued, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, errNoAnswer)
	defer cancel()
	resp, sent, err := i.request(ctx, client, http.MethodPost, path, document) //nolint:bodyclose // drain closes it
	if err != nil {
		return nil, &IssueError{Seen: Seen{Asked: true, Err: err}, Sent: sent}
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, &IssueError{Seen: seenProblem(resp), Sent: true}
	}
	issued, err := ticket.ReadEnrollment(resp.Body, public, now())
	if err != nil {
		var clock *ticket.ClockError
		if !errors.Is(err, ticket.ErrEnrollment) && !errors.As(err, &clock) {
			err = whyNot(ctx, err)
		}
		return nil, &IssueError{Seen: Seen{Asked: true, Err: err}, Sent: true}
	}
	return issued, nil
}

func seenProblem(resp *http.Response) Seen {
	s := Seen{Asked: true, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	s.Code, s.Message = readProblem(resp)
	return s
}

// renew asks for the next certificate of the key, in the name of the present one.
func (i Issuer) renew(ctx context.Context, present *tls.Certificate, now func() time.Time) (*ticket.Issued, error) {
	key, ok := present.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("the device key cannot sign")
	}
	csr, err := device.Request(key)
	if err != nil {
		return nil, err
	}
	client := i.client(present)
	defer client.CloseIdleConnections()
	return i.ask(ctx, client, ticket.RenewPath, ticket.RenewRequest{CSR: csr}, key.Public(), now)
}

// try sees whether a certificate works: the backend shakes hands with it and answers a request in its name. A heartbeat
// that says nothing changes nothing.
func (i Issuer) try(ctx context.Context, certificate *tls.Certificate) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, errNoAnswer)
	defer cancel()
	client := i.client(certificate)
	defer client.CloseIdleConnections()
	resp, sent, err := i.request(ctx, client, http.MethodPost, ticket.HeartbeatPath, struct{}{}) //nolint:bodyclose // drain closes it
	if err != nil {
		return &IssueError{Seen: Seen{Asked: true, Err: err}, Sent: sent}
	}
	defer drain(resp.Body)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return &IssueError{Seen: seenProblem(resp), Sent: true}
	}
	return nil
}
