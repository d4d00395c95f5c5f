package backend

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// TestWhoMayAsk speaks real TLS with each certificate. Those that TLS itself refuses never reach the handler.
func TestWhoMayAsk(t *testing.T) {
	spiffe := func(paths ...string) (uris []*url.URL) {
		for _, path := range paths {
			u, err := url.Parse(path)
			if err != nil {
				t.Fatal(err)
			}
			uris = append(uris, u)
		}
		return uris
	}
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	good := spiffe("spiffe://shelf.test/store/4711/rig/left")
	tests := []struct {
		name     string
		template *x509.Certificate
		stranger bool // signed by another authority
		status   int  // 0: no connection
		code     string
	}{
		{name: "a rig", template: &x509.Certificate{URIs: good, ExtKeyUsage: client}, status: 200},
		{name: "no certificate"},
		{name: "signed by another authority", template: &x509.Certificate{URIs: good, ExtKeyUsage: client}, stranger: true},
		{name: "expired", template: &x509.Certificate{URIs: good, ExtKeyUsage: client, NotAfter: time.Now().Add(-time.Minute)}},
		{name: "not valid yet", template: &x509.Certificate{URIs: good, ExtKeyUsage: client, NotBefore: time.Now().Add(time.Hour)}},
		{name: "a server's certificate", template: &x509.Certificate{URIs: good, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}},
		{name: "no URI", template: &x509.Certificate{DNSNames: []string{"left"}, ExtKeyUsage: client}, status: 403, code: CodeIdentity},
		{name: "two rigs in one certificate", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://shelf.test/store/4711/rig/left", "spiffe://shelf.test/store/0815/rig/left")}, status: 403, code: CodeIdentity},
		{name: "other trust domain", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://other.test/store/4711/rig/left")}, status: 403, code: CodeTrustDomain},
		{name: "not a rig", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://shelf.test/ns/prod/sa/backend")}, status: 403, code: CodeIdentity},
		{name: "store that climbs", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://shelf.test/store/../rig/left")}, status: 403, code: CodeIdentity},
	}
	s := newSite(t, testOptions())
	stranger, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.pki.Pool()}
			if test.template != nil {
				issuer := s.pki
				if test.stranger {
					issuer = stranger
				}
				cert, err := issuer.Issue(test.template)
				if err != nil {
					t.Fatal(err)
				}
				// GetClientCertificate sends the certificate whatever authorities the server asks for.
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
			}
			transport := &http.Transport{TLSClientConfig: config}
			defer transport.CloseIdleConnections()
			response, err := (&http.Client{Transport: transport}).Post(s.url+ticket.TicketsPath, "application/json",
				bytes.NewReader(requestBody(t, frame("f", []byte("x")))))
			if (err != nil) != (test.status == 0) {
				t.Fatalf("error %v, want status %d", err, test.status)
			}
			if err != nil {
				return
			}
			defer response.Body.Close()
			if test.status == http.StatusOK {
				if response.StatusCode != http.StatusOK {
					t.Errorf("status %d, want 200", response.StatusCode)
				}
				return
			}
			var body bytes.Buffer
			if _, err := body.ReadFrom(response.Body); err != nil {
				t.Fatal(err)
			}
			wantProblem(t, response.StatusCode, response.Header, body.Bytes(), test.status, test.code)
		})
	}
}

// A listener that does not insist on certificates must not open the door: the handler asks again.
func TestHandlerTrustsNoListener(t *testing.T) {
	b := mustBuild(t, testOptions())
	pki, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := pki.Issue(&x509.Certificate{URIs: []*url.URL{ticket.Identity{TrustDomain: testDomain, Store: "s", Rig: "r"}.URI()}})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]*tls.ConnectionState{
		"plain HTTP":            nil,
		"no certificate":        {},
		"certificate, unproven": {PeerCertificates: []*x509.Certificate{leaf.Leaf}},
		"an empty proof":        {PeerCertificates: []*x509.Certificate{leaf.Leaf}, VerifiedChains: [][]*x509.Certificate{{}}},
	}
	for name, state := range states {
		for _, path := range []string{ticket.TicketsPath, ticket.HeartbeatPath} {
			t.Run(name+path, func(t *testing.T) {
				r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(requestBody(t, frame("f", []byte("x")))))
				r.Header.Set("Content-Type", "application/json")
				r.TLS = state
				w := httptest.NewRecorder()
				b.ServeHTTP(w, r)
				wantProblem(t, w.Code, w.Header(), w.Body.Bytes(), 403, CodeNoCertificate)
			})
		}
	}
}

func TestCertificateEndsWhileTheConnectionStays(t *testing.T) {
	now := time.Now()
	o := testOptions()
	o.Now = func() time.Time { return now }
	var log lines
	o.Log = log.logger()
	s := newSite(t, o)
	s.ticketFor(t, frame("f", []byte("x")))
	now = now.Add(devpki.DefaultValid + time.Hour)
	status, header, body := s.post(t, ticket.TicketsPath, requestBody(t, frame("f", []byte("x"))))
	wantProblem(t, status, header, body, 403, CodeCertificateExpired)
}
