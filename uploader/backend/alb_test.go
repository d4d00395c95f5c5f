package backend

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// albDoor is a backend behind a load balancer at 10.0.0.0/24, and the leaf of a rig.
func albDoor(t *testing.T, log *lines) (*Backend, string) {
	t.Helper()
	pki := newPKI(t)
	o := testOptions()
	o.Log = log.logger()
	o.Home = ALB{Authority: pki.Pool(), Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}
	id := ticket.Identity{TrustDomain: testDomain, Store: "4711", Rig: "left"}
	cert, err := pki.Issue(&x509.Certificate{URIs: []*url.URL{id.URI()}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		t.Fatal(err)
	}
	return mustBuild(t, o), pemOf(cert.Leaf.Raw)
}

// TestALBHeaders is about what the door itself makes of odd headers; that a right one opens it is the contract's.
func TestALBHeaders(t *testing.T) {
	var log lines
	b, leaf := albDoor(t, &log)
	value := leafHeaderValue(leaf)
	tests := []struct {
		name, remote string
		header       http.Header
		code         string // empty: a ticket
	}{
		{name: "as it should be", header: http.Header{leafHeader: {value}}},
		{name: "+ = / encoded as well", header: http.Header{leafHeader: {strings.ReplaceAll(url.QueryEscape(leaf), "+", "%20")}}},
		{name: "from an address that is IPv4 in IPv6", remote: "[::ffff:10.0.0.7]:443", header: http.Header{leafHeader: {value}}},
		{name: "from elsewhere", remote: "10.0.1.7:40000", header: http.Header{leafHeader: {value}}, code: CodeNotProxy},
		{name: "from nowhere", remote: "@", header: http.Header{leafHeader: {value}}, code: CodeNotProxy},
		{name: "none", code: CodeNoCertificate},
		{name: "an empty one", header: http.Header{leafHeader: {""}}, code: CodeNoCertificate},
		{name: "two", header: http.Header{leafHeader: {value, value}}, code: CodeProxyHeader},
		{name: "two in one", header: http.Header{leafHeader: {value + "," + value}}, code: CodeCertificate},
		{name: "passthrough", header: http.Header{chainHeader: {value}}, code: CodeProxyHeader},
		{name: "a subject alone", header: http.Header{proxyHeaders + "Clientcert-Subject": {"CN=left"}}, code: CodeNoCertificate},
		{name: "not encoded", header: http.Header{leafHeader: {"%zz"}}, code: CodeCertificate},
		{name: "not PEM", header: http.Header{leafHeader: {"left"}}, code: CodeCertificate},
		{name: "a key", header: http.Header{leafHeader: {strings.ReplaceAll(value, "CERTIFICATE", "PRIVATE%20KEY")}}, code: CodeCertificate},
		{name: "a byte less", header: http.Header{leafHeader: {strings.Replace(value, "MII", "MI", 1)}}, code: CodeCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			b.ServeHTTP(w, albRequest(t, test.remote, test.header))
			if test.code == "" {
				if w.Code != http.StatusOK {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				return
			}
			wantProblem(t, w.Code, w.Header(), w.Body.Bytes(), http.StatusForbidden, test.code)
		})
	}
}

func albRequest(t *testing.T, remote string, header http.Header) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, ticket.TicketsPath, bytes.NewReader(requestBody(t, frame("f", []byte("x")))))
	r.RemoteAddr = "10.0.0.7:40000"
	if remote != "" {
		r.RemoteAddr = remote
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

// The audit names the address that the load balancer saw, not one that the client wrote.
func TestALBAuditNamesTheClient(t *testing.T) {
	var log lines
	b, _ := albDoor(t, &log)
	b.ServeHTTP(httptest.NewRecorder(), albRequest(t, "", http.Header{"X-Forwarded-For": {"1.2.3.4, 203.0.113.9"}}))
	wantRecord(t, log.audit(t, "request refused"), map[string]any{"remote": "203.0.113.9", "code": CodeNoCertificate})
}

// A request that is refused for where it came from is not booked on the rig whose certificate, no secret, it shows.
func TestALBAuditBelievesNoStranger(t *testing.T) {
	var log lines
	b, leaf := albDoor(t, &log)
	b.ServeHTTP(httptest.NewRecorder(), albRequest(t, "10.0.1.7:1", http.Header{leafHeader: {leafHeaderValue(leaf)}}))
	wantRecord(t, log.audit(t, "request refused"), map[string]any{"remote": "10.0.1.7:1", "code": CodeNotProxy, "store": nil, "rig": nil})
}

// Health checks have no certificate, but they too come from the load balancer alone.
func TestALBHealthCheck(t *testing.T) {
	var log lines
	b, _ := albDoor(t, &log)
	for remote, want := range map[string]int{"10.0.0.7:1": http.StatusOK, "10.0.1.7:1": http.StatusForbidden} {
		r := httptest.NewRequest(http.MethodGet, HealthPath, nil)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %s: status %d, want %d", remote, w.Code, want)
		}
	}
}

// TestHeadersOfAnotherHome: a rig that is welcome, and adds a load balancer's word that it is somebody else.
func TestHeadersOfAnotherHome(t *testing.T) {
	other, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		t.Fatal(err)
	}
	id := ticket.Identity{TrustDomain: testDomain, Store: "0815", Rig: "left"}
	forged, err := other.Issue(&x509.Certificate{URIs: []*url.URL{id.URI()}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		t.Fatal(err)
	}
	for _, home := range homes {
		for _, header := range []string{leafHeader, strings.ToLower(leafHeader), chainHeader, proxyHeaders + "Clientcert-Subject"} {
			t.Run(home.name+" "+header, func(t *testing.T) {
				s := home.open(t, testOptions(), tls.RequireAndVerifyClientCert)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+ticket.TicketsPath,
					bytes.NewReader(requestBody(t, frame("f", []byte("x")))))
				if err != nil {
					t.Fatal(err)
				}
				request.Header[header] = []string{leafHeaderValue(pemOf(forged.Leaf.Raw))}
				request.Header.Set("Content-Type", "application/json")
				status, answer, body := do(t, s.rig, request)
				if home.name != "alb" {
					wantProblem(t, status, answer, body, http.StatusForbidden, CodeProxyHeader)
					return
				}
				// The load balancer writes its own word over the client's.
				if status != http.StatusOK || !bytes.Contains(body, []byte(`"key":"raw/4711/`)) {
					t.Errorf("status %d: %s", status, body)
				}
			})
		}
	}
}

func TestHomesThatCannotStand(t *testing.T) {
	pool := x509.NewCertPool()
	anywhere := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for option, home := range map[string]Home{
		"listen.client_ca ": Lambda{}, "listen.client_ca": ALB{Proxies: anywhere}, "listen.proxies": ALB{Authority: pool},
	} {
		o := testOptions()
		o.Home = home
		_, err := New(t.Context(), o)
		wantOption(t, err, strings.TrimSpace(option))
	}
}
