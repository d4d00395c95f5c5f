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

// cards are the certificates that somebody may come with. Those that TLS itself refuses never reach the handler;
// where something in front of it lets them through, the handler refuses them by itself.
func cards(t *testing.T) []card {
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
	return []card{
		{name: "a rig", template: &x509.Certificate{URIs: good, ExtKeyUsage: client}},
		{name: "no certificate", code: CodeNoCertificate, byTLS: true},
		{name: "signed by another authority", template: &x509.Certificate{URIs: good, ExtKeyUsage: client}, stranger: true,
			code: CodeCertificate, byTLS: true},
		{name: "expired", template: &x509.Certificate{URIs: good, ExtKeyUsage: client, NotAfter: time.Now().Add(-time.Minute)},
			code: CodeCertificateExpired, byTLS: true},
		{name: "not valid yet", template: &x509.Certificate{URIs: good, ExtKeyUsage: client, NotBefore: time.Now().Add(time.Hour)},
			code: CodeCertificateExpired, byTLS: true},
		{name: "a server's certificate", template: &x509.Certificate{URIs: good, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
			code: CodeCertificate, byTLS: true},
		{name: "no URI", template: &x509.Certificate{DNSNames: []string{"left"}, ExtKeyUsage: client}, code: CodeIdentity},
		{name: "two rigs in one certificate", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://shelf.test/store/4711/rig/left", "spiffe://shelf.test/store/0815/rig/left")}, code: CodeIdentity},
		{name: "other trust domain", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://other.test/store/4711/rig/left")}, code: CodeTrustDomain},
		{name: "not a rig", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://shelf.test/ns/prod/sa/backend")}, code: CodeIdentity},
		{name: "store that climbs", template: &x509.Certificate{ExtKeyUsage: client,
			URIs: spiffe("spiffe://shelf.test/store/../rig/left")}, code: CodeIdentity},
	}
}

type card struct {
	name     string
	template *x509.Certificate // nil: none
	stranger bool              // signed by another authority
	code     string            // of the handler's refusal; empty: welcome
	byTLS    bool              // refused before the handler by a front that is as it should be
}

// client shows the card to whoever asks for one, whatever authorities they name.
func (c card) client(t *testing.T, s *site, other *devpki.PKI) *http.Client {
	t.Helper()
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.pki.Pool()}
	if c.template != nil {
		issuer := s.pki
		if c.stranger {
			issuer = other
		}
		cert, err := issuer.Issue(c.template)
		if err != nil {
			t.Fatal(err)
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestWhoMayAsk speaks real TLS with each card, in each home: with a front that verifies, and with one that was
// left open and passes on whatever it was shown.
func TestWhoMayAsk(t *testing.T) {
	stranger, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		t.Fatal(err)
	}
	for _, home := range homes {
		for _, front := range []tls.ClientAuthType{tls.RequireAndVerifyClientCert, tls.RequestClientCert} {
			t.Run(home.name+" "+front.String(), func(t *testing.T) {
				s := home.open(t, testOptions(), front)
				for _, card := range cards(t) {
					t.Run(card.name, func(t *testing.T) {
						request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+ticket.TicketsPath,
							bytes.NewReader(requestBody(t, frame("f", []byte("x")))))
						if err != nil {
							t.Fatal(err)
						}
						request.Header.Set("Content-Type", "application/json")
						client := card.client(t, s, stranger)
						if card.byTLS && front == tls.RequireAndVerifyClientCert {
							if response, err := client.Do(request); err == nil {
								response.Body.Close()
								t.Errorf("%s, want no connection", response.Status)
							}
							return
						}
						status, header, body := do(t, client, request)
						code := card.code
						if home.name == "standalone" && front == tls.RequestClientCert {
							code = CodeNoCertificate // what crypto/tls has not verified is none
						}
						if code == "" {
							if status != http.StatusOK || !bytes.Contains(body, []byte(`"key":"raw/4711/`)) {
								t.Errorf("status %d: %s, want a ticket", status, body)
							}
							return
						}
						wantProblem(t, status, header, body, http.StatusForbidden, code)
					})
				}
			})
		}
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
	inEachHome(t, func(t *testing.T, newSite opener) {
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
	})
}
