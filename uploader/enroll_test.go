package uploader

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/device"
	"shelfagent/uploader/issuertest"
	"shelfagent/uploader/ticket"
)

const testCode = "7KQ2M0X9DB3H4TZE"

// booth is a rig before its backend: files that may be empty, and a server that issues certificates.
type booth struct {
	t      *testing.T
	server *issuertest.Server
	issuer Issuer
	home   *device.Home
}

func openBooth(t *testing.T) *booth {
	t.Helper()
	server, err := issuertest.Start(t.TempDir())
	must(t, err)
	t.Cleanup(server.Close)
	server.Invitations[testCode] = testRig
	base, err := url.Parse(server.URL)
	must(t, err)
	dir := filepath.Join(t.TempDir(), "state", "identity")
	return &booth{
		t: t, server: server, issuer: Issuer{Backend: base, CAs: server.PKI.Pool(), Development: true},
		home: &device.Home{Certificate: filepath.Join(dir, "rig.pem"), Key: filepath.Join(dir, "rig-key.pem")},
	}
}

func (b *booth) enroll() (*ticket.Issued, error) {
	return Enroll(b.t.Context(), b.issuer, b.home, testCode)
}

// enrolled is a booth whose rig has a certificate, and that rig's identity.
func enrolled(t *testing.T) (*booth, *Identity) {
	t.Helper()
	b := openBooth(t)
	_, err := b.enroll()
	must(t, err)
	identity, err := LoadIdentity(b.home.Certificate, b.home.Key)
	must(t, err)
	return b, identity
}

func TestEnrolment(t *testing.T) {
	b := openBooth(t)
	issued, err := b.enroll()
	must(t, err)
	identity, err := LoadIdentity(b.home.Certificate, b.home.Key)
	must(t, err)
	if identity.Name() != issued.Name || identity.Name().Rig != "left" || identity.Name().Store != "4711" {
		t.Errorf("%+v", identity.Name())
	}
	if err := b.issuer.try(t.Context(), identity.loaded); err != nil {
		t.Errorf("it does not work: %v", err)
	}
	if n := b.server.Requests(ticket.EnrollPath); n != 1 {
		t.Errorf("the code was sent %d times", n)
	}
}

// TestALostAnswerIsAskedForAgain: the line breaks after the backend has signed. The same command, with the same code,
// must get the rig its certificate.
func TestALostAnswerIsAskedForAgain(t *testing.T) {
	b := openBooth(t)
	b.server.Override(ticket.EnrollPath, func(_ http.ResponseWriter, r *http.Request) {
		b.server.Enroll(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	_, err := b.enroll()
	var issue *IssueError
	if !errors.As(err, &issue) || !issue.Sent {
		t.Fatalf("the code may be spent, but it says %v", err)
	}
	b.server.Override(ticket.EnrollPath, nil)
	if _, err := b.enroll(); err != nil {
		t.Errorf("the second try: %v", err)
	}
	if _, err := b.home.Pair(); err != nil {
		t.Error(err)
	}
}

// TestNothingIsSentWhenItCannotSucceed: a code is good once, so what can be known before is found out before.
func TestNothingIsSentWhenItCannotSucceed(t *testing.T) {
	var skew *SkewError
	var issue *IssueError
	for _, tc := range []struct {
		story string
		spoil func(*booth)
		want  string
		as    any
	}{
		{"the clock is behind", func(b *booth) { b.date(time.Hour) }, "this machine's clock is 1h0m0s behind the backend's", &skew},
		{"the clock is ahead", func(b *booth) { b.date(-30 * 24 * time.Hour) }, "this machine's clock is 720h0m0s ahead of the backend's", &skew},
		{"nothing listens", func(b *booth) { b.issuer.Backend.Host = "127.0.0.1:1" }, "connection refused", &issue},
		{"a firewall signs", func(b *booth) { b.issuer.CAs = x509.NewCertPool() },
			`signed by "CN=shelf development authority", which this machine does not trust; a firewall may be intercepting TLS`, &issue},
		{"an address that is not allowed", func(b *booth) { b.issuer.Development = false }, "development.allow_loopback is off", &issue},
		{"no TLS", func(b *booth) {
			plain := httptest.NewServer(http.NotFoundHandler())
			b.t.Cleanup(plain.Close)
			b.issuer.Backend.Host = plain.Listener.Addr().String()
		}, "does not speak TLS", &issue},
		{"TLS of the last century", func(b *booth) {
			b.serve(func(c *tls.Config) {
				c.MinVersion, c.MaxVersion, c.ClientAuth = tls.VersionTLS10, tls.VersionTLS11, tls.NoClientCert
			})
		}, "protocol version", &issue},
		{"only for rigs that have a certificate", func(b *booth) {
			b.serve(func(*tls.Config) {})
		}, "certificate required", &issue},
		{"no folder can be made", func(b *booth) {
			must(b.t, os.WriteFile(filepath.Dir(filepath.Dir(b.home.Key)), nil, 0o600))
		}, "not a directory", nil},
	} {
		t.Run(tc.story, func(t *testing.T) {
			b := openBooth(t)
			tc.spoil(b)
			_, err := b.enroll()
			if err == nil || !strings.Contains(err.Error(), tc.want) || tc.as != nil && !errors.As(err, tc.as) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if errors.As(err, &issue) && issue.Sent {
				t.Error("it says that the code was sent")
			}
			if n := b.server.Requests(ticket.EnrollPath); n != 0 {
				t.Errorf("the code was sent %d times", n)
			}
			if _, err := b.home.Pair(); err == nil {
				t.Error("a pair came of it")
			}
		})
	}
}

// serve moves the backend to a server with another TLS.
func (b *booth) serve(change func(*tls.Config)) {
	config, err := b.server.PKI.ServerTLS()
	must(b.t, err)
	change(config)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = config
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	b.t.Cleanup(server.Close)
	b.issuer.Backend.Host = server.Listener.Addr().String()
}

// date has the backend say another time.
func (b *booth) date(ahead time.Duration) {
	b.server.Override(healthPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	})
}

// answers are what a backend, or something in its place, may say instead of a certificate; both requests must stand
// all of them.
func (b *booth) answers() map[string]struct {
	answer http.HandlerFunc
	want   string
} {
	other := newTestKey(b.t).Public()
	text := func(status int, header, value, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	problem := func(status int, code, detail string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { issuertest.Refuse(w, status, code, detail) }
	}
	issue := func(change func(*ticket.Enrollment), sign func(*x509.Certificate)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			csr := readCSR(b.t, r)
			answer := b.server.Issue(testRig, csr.PublicKey, sign)
			if change != nil {
				change(&answer)
			}
			_ = json.NewEncoder(w).Encode(answer)
		}
	}
	return map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"a refusal":          {problem(403, "invitation_used", "the invitation was used already"), "the backend answered 403 invitation_used: the invitation was used already"},
		"a refusal in HTML":  {text(403, "Content-Type", "text/html", "<html>"), "the backend answered 403"},
		"a hostile sentence": {problem(403, "x", "\x1b[2J https://evil.example.com/?token=1"), "the backend answered 403 x: unreadable"},
		"too often":          {problem(429, "rate", ""), "the backend answered 429 rate"},
		"out of order":       {problem(503, "signing", ""), "the backend answered 503 signing"},
		"a redirect":         {text(307, "Location", "https://127.0.0.1:1/", ""), "the backend answered 307"},
		"a login page":       {text(200, "Content-Type", "text/html", "<html><form>"), "it is not the expected JSON"},
		"nothing":            {text(204, "Content-Type", "text/html", ""), "the backend answered 204"},
		"a flood":            {text(200, "Content-Type", "application/json", strings.Repeat(" ", 1<<20)), "it is longer than"},
		"another's key": {func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(b.server.Issue(testRig, other, nil))
		}, "for another key"},
		"another store said": {issue(func(e *ticket.Enrollment) { e.Store = "4712" }, nil), "is for store 4711"},
		"an authority":       {issue(nil, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), "belongs to a certificate authority"},
		"two names":          {issue(nil, func(c *x509.Certificate) { c.URIs = append(c.URIs, c.URIs[0]) }), "it has 2 URI names"},
		"a server's":         {issue(nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), "not for the client's side"},
		"over already":       {issue(nil, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = c.NotBefore.Add(-time.Hour), c.NotBefore }), "this machine's clock says"},
		"for next year": {issue(nil, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = c.NotBefore.AddDate(1, 0, 0), c.NotAfter.AddDate(1, 0, 0)
		}), "this machine's clock says"},
		"cut off in the middle": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"certificate":`)
			panic(http.ErrAbortHandler)
		}, "the connection was cut"},
	}
}

func TestHostileAnswersToAnEnrolment(t *testing.T) {
	for story := range openBooth(t).answers() {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			b := openBooth(t)
			tc := b.answers()[story]
			b.server.Override(ticket.EnrollPath, tc.answer)
			_, err := b.enroll()
			var issue *IssueError
			if !errors.As(err, &issue) || !issue.Sent || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if _, err := b.home.Pair(); err == nil {
				t.Error("a pair came of it")
			}
			b.server.Override(ticket.EnrollPath, nil)
			if _, err := b.enroll(); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestInterruptedWhileTheBackendThinks(t *testing.T) {
	b := openBooth(t)
	ctx, interrupt := context.WithCancel(t.Context())
	b.server.Override(ticket.EnrollPath, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		interrupt()
		<-r.Context().Done()
	})
	_, err := Enroll(ctx, b.issuer, b.home, testCode)
	var issue *IssueError
	if !errors.As(err, &issue) || !issue.Sent || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestCodesAsTheyAreTyped(t *testing.T) {
	for _, typed := range []string{"7KQ2-M0X9-DB3H-4TZE", "7kq2m0x9db3h4tze", " 7kq2 m0x9  db3h 4tze\n", "7KQ2–M0X9—DB3H-4TZE"} {
		if code, err := ReadCode(typed); err != nil || code != testCode {
			t.Errorf("%q: %q, %v", typed, code, err)
		}
	}
	for _, typed := range []string{"", " - ", "7KQ2_M0X9", "ÄKQ2", "7KQ2\x00", strings.Repeat("A", maxCode+1)} {
		if code, err := ReadCode(typed); !errors.Is(err, ErrCode) {
			t.Errorf("%q: %q, %v", typed, code, err)
		}
	}
}

func newTestKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

// readCSR is for handlers. A request must name nobody: the backend would have to decide whom to believe.
func readCSR(t *testing.T, r *http.Request) *x509.CertificateRequest {
	var request ticket.RenewRequest // an EnrollRequest has the same, and more
	err := json.NewDecoder(r.Body).Decode(&request)
	block, _ := pem.Decode([]byte(request.CSR))
	if err != nil || block == nil {
		t.Errorf("%v, %q", err, request.CSR)
		panic(http.ErrAbortHandler)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || csr.CheckSignature() != nil || len(csr.Subject.Names)+len(csr.DNSNames)+len(csr.URIs) != 0 {
		t.Errorf("%v, %+v", err, csr)
		panic(http.ErrAbortHandler)
	}
	return csr
}
