package backend

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shelfagent/uploader/backend/authority"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/ticket"
)

// branch is a backend that enrols, behind its own Serve, with a registry in a file.
type branch struct {
	url      string
	pki      *devpki.PKI
	registry *registry.Registry
	table    *fragile
	log      *lines
}

func newBranch(t *testing.T, change func(*Options)) *branch {
	t.Helper()
	dir := t.TempDir()
	pki, err := devpki.Create(filepath.Join(dir, "pki"), devpki.Options{TrustDomain: testDomain, Rigs: []devpki.Rig{testRig}})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := authority.OpenFile(pki.CA.Cert, pki.CA.Key, authority.DefaultValid)
	if err != nil {
		t.Fatal(err)
	}
	file := openRegistry(t, filepath.Join(dir, "registry.db"))
	b := &branch{pki: pki, table: &fragile{Table: file}, log: &lines{}}
	b.registry = registry.New(b.table, b.log.logger())
	o := testOptions()
	o.Registry, o.Signer, o.Log = b.registry, signer, b.log.logger()
	if change != nil {
		change(&o)
	}
	handler := mustBuild(t, o)
	config, err := LoadTLS(pki.Server.Cert, pki.Server.Key, pki.CA.Cert, b.log.logger())
	if err != nil {
		t.Fatal(err)
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	stop, stopped, address := serve(t, config, handler)
	b.url = address
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-stopped, b.registry.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func openRegistry(t *testing.T, path string) *registry.File {
	t.Helper()
	if _, err := registry.MakeFile(path); err != nil {
		t.Fatal(err)
	}
	file, err := registry.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// fragile is a real table that can be made to fail.
type fragile struct {
	registry.Table
	broken bool
}

var errTableGone = errors.New("the table is gone")

func (f *fragile) Get(ctx context.Context, keys ...registry.Key) ([]registry.Record, error) {
	if f.broken {
		return nil, errTableGone
	}
	return f.Table.Get(ctx, keys...)
}

func (b *branch) invite(t *testing.T) string {
	t.Helper()
	made, err := b.registry.Invite(t.Context(), registry.Rig(testRig), registry.DefaultValid, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return made.Code
}

// client presents the certificate, or none.
func (b *branch) client(t *testing.T, cert *tls.Certificate) *http.Client {
	t.Helper()
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: b.pki.Pool()}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	transport := &http.Transport{TLSClientConfig: config, MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (b *branch) post(t *testing.T, client *http.Client, path string, body any) (int, http.Header, []byte) {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+path, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	return do(t, client, request)
}

func (b *branch) wantRefused(t *testing.T, client *http.Client, path string, body any, status int, code string) http.Header {
	t.Helper()
	got, header, answer := b.post(t, client, path, body)
	wantProblem(t, got, header, answer, status, code)
	return header
}

// enrolled is what the rig makes of a 200.
func (b *branch) enrolled(t *testing.T, client *http.Client, path string, body any, key crypto.PrivateKey) *tls.Certificate {
	t.Helper()
	status, _, answer := b.post(t, client, path, body)
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, answer)
	}
	var got ticket.Enrollment
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode([]byte(got.Certificate))
	if block == nil || len(rest) != 0 {
		t.Fatalf("want one certificate, below the root: %q", got.Certificate)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got.Store != testRig.Store || got.Rig != testRig.Rig || !got.NotAfter.Equal(leaf.NotAfter) {
		t.Errorf("answer %+v", got)
	}
	return &tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key, Leaf: leaf}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// csr asks for more than it will get.
func csr(t *testing.T, key crypto.Signer) string {
	t.Helper()
	foreign, err := url.Parse("spiffe://shelf.test/store/0815/rig/other")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "admin"}, DNSNames: []string{"localhost"}, URIs: []*url.URL{foreign},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// TestLifeOfARig goes all the way: invited, enrolled, tickets, renewed, revoked in the middle of a connection,
// invited again.
func TestLifeOfARig(t *testing.T) {
	b := newBranch(t, nil)
	stranger := b.client(t, nil)
	uploads := ticket.Request{Uploads: []ticket.Upload{frame("f", []byte("x"))}}

	key, code := newKey(t), b.invite(t)
	first := b.enrolled(t, stranger, ticket.EnrollPath, ticket.EnrollRequest{Code: strings.ToLower(code), CSR: csr(t, key)}, key)
	wantRigCertificate(t, b, first.Leaf, key.Public())
	b.wantRefused(t, stranger, ticket.EnrollPath, ticket.EnrollRequest{Code: code, CSR: csr(t, newKey(t))}, 403, CodeInvitationUsed)
	// The answer was lost on the way: the same key gets the same certificate.
	again := b.enrolled(t, stranger, ticket.EnrollPath, ticket.EnrollRequest{Code: code, CSR: csr(t, key)}, key)
	if again.Leaf.SerialNumber.Cmp(first.Leaf.SerialNumber) != 0 {
		t.Error("the same code and key made a second certificate")
	}

	rig := b.client(t, first)
	if status, _, answer := b.post(t, rig, ticket.TicketsPath, uploads); status != http.StatusOK || !bytes.Contains(answer, []byte(`"key":"raw/4711/`)) {
		t.Fatalf("tickets: %d %s", status, answer)
	}
	b.wantRefused(t, rig, ticket.RenewPath, ticket.RenewRequest{CSR: csr(t, newKey(t))}, 400, CodeCSR)
	second := b.enrolled(t, rig, ticket.RenewPath, ticket.RenewRequest{CSR: csr(t, key)}, key)
	wantRigCertificate(t, b, second.Leaf, key.Public())
	renewed := b.client(t, second)
	for _, client := range []*http.Client{rig, renewed} { // the old one is good until it ends
		if status, _, answer := b.post(t, client, ticket.HeartbeatPath, map[string]any{}); status != http.StatusOK {
			t.Errorf("heartbeat: %d %s", status, answer)
		}
	}

	if err := b.registry.RevokeRig(t.Context(), registry.Rig(testRig), "stolen", false, time.Now()); err != nil {
		t.Fatal(err)
	}
	reused := b.reuses(t, renewed)
	for _, path := range []string{ticket.TicketsPath, ticket.HeartbeatPath, ticket.RenewPath} {
		b.wantRefused(t, renewed, path, uploads, 403, CodeRevoked)
		b.wantRefused(t, rig, path, uploads, 403, CodeRevoked)
	}
	if !*reused {
		t.Error("the revocation was seen only after a new handshake")
	}

	key = newKey(t)
	third := b.enrolled(t, stranger, ticket.EnrollPath, ticket.EnrollRequest{Code: b.invite(t), CSR: csr(t, key)}, key)
	if status, _, answer := b.post(t, b.client(t, third), ticket.TicketsPath, uploads); status != http.StatusOK {
		t.Errorf("after the new invitation: %d %s", status, answer)
	}
	b.wantRefused(t, rig, ticket.TicketsPath, uploads, 403, CodeRevoked)

	log := b.log.String()
	if strings.Contains(log, code) || strings.Contains(log, "CERTIFICATE") || strings.Contains(log, "stolen\\n") {
		t.Error("the log holds a code or a certificate")
	}
	if lines := b.log.audit(t, "rig enrolled"); len(lines) != 3 || lines[0]["serial"] != registry.Serial(first.Leaf.SerialNumber) ||
		lines[0]["store"] != "4711" || lines[0]["rig"] != "left" || lines[0]["not_after"] == nil {
		t.Errorf("audit lines %v", lines)
	}
	wantRecord(t, b.log.audit(t, "certificate renewed"), map[string]any{"serial": registry.Serial(second.Leaf.SerialNumber), "store": "4711"})
}

// reuses tells whether the client's next request goes over a connection that is there already.
func (b *branch) reuses(t *testing.T, client *http.Client) *bool {
	t.Helper()
	reused := new(bool)
	next := client.Transport
	client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { *reused = *reused || info.Reused }}
		return next.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	})
	return reused
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func wantRigCertificate(t *testing.T, b *branch, leaf *x509.Certificate, key crypto.PublicKey) {
	t.Helper()
	id, err := ticket.ParseIdentity(leaf)
	if want := (ticket.Identity{TrustDomain: testDomain, Store: "4711", Rig: "left"}); err != nil || id != want {
		t.Errorf("it names %v (%v), want %v", id, err, want)
	}
	if len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.EmailAddresses) > 0 || leaf.Subject.CommonName != "" {
		t.Errorf("it holds what the request asked for: %v %v", leaf.DNSNames, leaf.Subject)
	}
	if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("usage %v %v", leaf.ExtKeyUsage, leaf.KeyUsage)
	}
	if !leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(key) {
		t.Error("it is for another key")
	}
	left := time.Until(leaf.NotAfter)
	if left > authority.DefaultValid || left < authority.DefaultValid-time.Hour || time.Since(leaf.NotBefore) < 5*time.Minute {
		t.Errorf("good from %s to %s", leaf.NotBefore, leaf.NotAfter)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: b.pki.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
}

// Enrolment opens the listener to those without a certificate, and nothing but enrolment.
func TestStrangersGetNothingButEnrolment(t *testing.T) {
	b := newBranch(t, nil)
	stranger := b.client(t, nil)
	for _, path := range []string{ticket.TicketsPath, ticket.HeartbeatPath, ticket.RenewPath, HealthPath, "/", "/v2", ticket.EnrollPath + "/"} {
		b.wantRefused(t, stranger, path, map[string]any{}, 403, CodeNoCertificate)
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, nil)
		status, header, answer := do(t, stranger, request)
		wantProblem(t, status, header, answer, 403, CodeNoCertificate)
	}
	// A token that nobody gave out opens nothing, and does not show whether the backend is well.
	for path, code := range map[string]string{
		ticket.TicketsPath: CodeLabToken, ticket.RenewPath: CodeNoCertificate, HealthPath: CodeNoCertificate, "/": CodeNoCertificate,
	} {
		method := http.MethodPost
		if path == HealthPath {
			method = http.MethodGet
		}
		request, _ := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader("{}"))
		request.Header.Set("Authorization", "Bearer "+aToken)
		status, header, answer := do(t, stranger, request)
		wantProblem(t, status, header, answer, 403, code)
	}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+ticket.EnrollPath, nil)
	status, header, answer := do(t, stranger, request)
	wantProblem(t, status, header, answer, 405, CodeMethod)
	// A certificate of another authority is still no connection.
	other, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := other.Issue(authority.RigTemplate(ticket.Identity{TrustDomain: testDomain, Store: "4711", Rig: "left"}))
	if err != nil {
		t.Fatal(err)
	}
	client := b.client(t, nil)
	client.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate =
		func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	if response, err := client.Post(b.url+ticket.EnrollPath, "application/json", strings.NewReader("{}")); err == nil {
		response.Body.Close()
		t.Errorf("a certificate of another authority got %s", response.Status)
	}
}

func TestBackendWithoutEnrolmentHasNoSuchPaths(t *testing.T) {
	s := newSite(t, testOptions())
	for _, path := range []string{ticket.EnrollPath, ticket.RenewPath} {
		status, header, body := s.post(t, path, []byte(`{}`))
		wantProblem(t, status, header, body, 404, CodeNotFound)
	}
}

func TestHostileEnrolments(t *testing.T) {
	b := newBranch(t, func(o *Options) { o.Now = fastClock() })
	stranger := b.client(t, nil)
	good := csr(t, newKey(t))
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(good))
	forged := bytes.Clone(block.Bytes)
	forged[len(forged)-1] ^= 1
	asPEM := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	code := b.invite(t)
	for name, request := range map[string]struct {
		code, csr string
		status    int
		want      string
	}{
		"a guess":                 {"0000-0000-0000-0000", good, 403, CodeInvitation},
		"no code":                 {"", good, 400, CodeInvitation},
		"a code of another shape": {"../../etc/passwd", good, 400, CodeInvitation},
		"a long code":             {strings.Repeat("A", 10_000), good, 400, CodeInvitation},
		"no request":              {code, "", 400, CodeCSR},
		"a certificate":           {code, asPEM("CERTIFICATE", block.Bytes), 400, CodeCSR},
		"nonsense in PEM":         {code, asPEM("CERTIFICATE REQUEST", []byte("nonsense")), 400, CodeCSR},
		"two requests":            {code, good + good, 400, CodeCSR},
		"an RSA key":              {code, csr(t, small), 400, CodeCSR},
		"a P-521 key":             {code, csr(t, p521), 400, CodeCSR},
		"a forged signature":      {code, asPEM("CERTIFICATE REQUEST", forged), 400, CodeCSR},
		"a long request":          {code, good + strings.Repeat("\n", ticket.MaxCSRBytes), 400, CodeCSR},
	} {
		t.Run(name, func(t *testing.T) {
			b.wantRefused(t, stranger, ticket.EnrollPath, ticket.EnrollRequest{Code: request.code, CSR: request.csr}, request.status, request.want)
		})
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// None of that has used the code.
	b.enrolled(t, stranger, ticket.EnrollPath, ticket.EnrollRequest{Code: code, CSR: csr(t, ed)}, ed)
}

// fastClock goes on by some seconds for each look, so that no throttle is felt, from an hour ago: an invitation stays good.
func fastClock() func() time.Time {
	var seconds atomic.Int64
	began := time.Now().Add(-time.Hour)
	return func() time.Time { return began.Add(time.Duration(seconds.Add(20)) * time.Second) }
}

func TestGuessingIsSlow(t *testing.T) {
	now := time.Now()
	b := newBranch(t, func(o *Options) { o.Now = func() time.Time { return now } })
	stranger := b.client(t, nil)
	guess := ticket.EnrollRequest{Code: "0000-0000-0000-0000", CSR: csr(t, newKey(t))}
	for range triesBurst {
		b.wantRefused(t, stranger, ticket.EnrollPath, guess, 403, CodeInvitation)
	}
	header := b.wantRefused(t, stranger, ticket.EnrollPath, guess, 429, CodeRate)
	if header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
}

func TestThrottle(t *testing.T) {
	now := time.Now()
	throttle := newThrottle(time.Minute, 2, time.Second, 5)
	tries := func(key string, n int) (passed int) {
		for range n {
			if throttle.wait(key, now) == 0 {
				passed++
			}
		}
		return passed
	}
	if a, b, c := tries("a", 5), tries("b", 5), tries("c", 5); a != 2 || b != 2 || c != 1 {
		t.Errorf("%d %d %d passed, want 2 each and 5 together", a, b, c)
	}
	now = now.Add(time.Hour)
	for i := range maxThrottledKeys + 10 {
		throttle.wait(string(rune('d'+i)), now)
	}
	if n := len(throttle.single); n > maxThrottledKeys {
		t.Errorf("%d keys are remembered", n)
	}
	now = now.Add(time.Hour)
	if tries("new", 1) != 1 || len(throttle.single) > 2 {
		t.Errorf("%d keys are remembered after a rest", len(throttle.single))
	}
	for remote, want := range map[string]string{
		"192.0.2.1:1234": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1", "[2001:db8:1:2:3::4]:1": "2001:db8:1:2::/64", "odd": "odd",
	} {
		if got := clientAddress(&http.Request{RemoteAddr: remote}); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

// A registry that cannot be asked is a no for now.
func TestRegistryThatCannotBeAsked(t *testing.T) {
	b := newBranch(t, func(o *Options) { o.Policy.DailyFrames = 10 })
	cert, err := tls.LoadX509KeyPair(b.pki.RigFiles(testRig).Cert, b.pki.RigFiles(testRig).Key)
	if err != nil {
		t.Fatal(err)
	}
	rig, stranger := b.client(t, &cert), b.client(t, nil)
	uploads := ticket.Request{Uploads: []ticket.Upload{frame("f", []byte("x"))}}
	ask := func() int { status, _, _ := b.post(t, rig, ticket.TicketsPath, uploads); return status }
	if ask() != http.StatusOK {
		t.Fatal("a rig with a certificate of before the registry is refused")
	}
	b.table.broken = true
	for _, path := range []string{ticket.TicketsPath, ticket.HeartbeatPath, ticket.RenewPath} {
		if header := b.wantRefused(t, rig, path, uploads, 503, CodeRegistry); header.Get("Retry-After") != "10" {
			t.Errorf("Retry-After %q", header.Get("Retry-After"))
		}
	}
	b.wantRefused(t, stranger, ticket.EnrollPath, ticket.EnrollRequest{Code: "0000-0000-0000-0000", CSR: csr(t, newKey(t))}, 503, CodeRegistry)
	b.table.broken = false
	if ask() != http.StatusOK {
		t.Error("the registry is back, the rig is not")
	}
}

// signerFunc is a signer that does as told.
type signerFunc func(key crypto.PublicKey, id ticket.Identity) ([]*x509.Certificate, error)

func (f signerFunc) Sign(_ context.Context, key crypto.PublicKey, id ticket.Identity, _ time.Time) ([]*x509.Certificate, error) {
	return f(key, id)
}

// What a signer gets wrong never leaves the backend, and costs no code.
func TestSignerIsNotBelieved(t *testing.T) {
	var sign signerFunc
	var right Signer
	b := newBranch(t, func(o *Options) {
		right = o.Signer
		o.Signer = signerFunc(func(key crypto.PublicKey, id ticket.Identity) ([]*x509.Certificate, error) { return sign(key, id) })
	})
	issue := func(template *x509.Certificate) ([]*x509.Certificate, error) {
		cert, err := b.pki.Issue(template)
		return []*x509.Certificate{cert.Leaf}, err
	}
	code, key := b.invite(t), newKey(t)
	request := ticket.EnrollRequest{Code: code, CSR: csr(t, key)}
	for name, wrong := range map[string]signerFunc{
		"fails":   func(crypto.PublicKey, ticket.Identity) ([]*x509.Certificate, error) { return nil, errors.New("no") },
		"nothing": func(crypto.PublicKey, ticket.Identity) ([]*x509.Certificate, error) { return nil, nil },
		"another rig": func(key crypto.PublicKey, id ticket.Identity) ([]*x509.Certificate, error) {
			id.Store = "0815"
			return right.Sign(t.Context(), key, id, time.Now())
		},
		"another key": func(_ crypto.PublicKey, id ticket.Identity) ([]*x509.Certificate, error) {
			return right.Sign(t.Context(), newKey(t).Public(), id, time.Now())
		},
		"for servers too": func(_ crypto.PublicKey, id ticket.Identity) ([]*x509.Certificate, error) {
			template := authority.RigTemplate(id)
			template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
			return issue(template)
		},
	} {
		t.Run(name, func(t *testing.T) {
			sign = wrong
			b.wantRefused(t, b.client(t, nil), ticket.EnrollPath, request, 503, CodeAuthority)
		})
	}
	sign = func(key crypto.PublicKey, id ticket.Identity) ([]*x509.Certificate, error) {
		return right.Sign(t.Context(), key, id, time.Now())
	}
	b.enrolled(t, b.client(t, nil), ticket.EnrollPath, request, key)
}

func TestDailyQuota(t *testing.T) {
	now := time.Now().UTC().Truncate(24 * time.Hour).Add(22*time.Hour + 59*time.Minute)
	o := testOptions()
	o.Now = func() time.Time { return now }
	o.Policy = Policy{DailyFrames: 3, MaxBytes: 1000, DailyBytes: 1000}
	o.Registry = registry.New(openRegistry(t, filepath.Join(t.TempDir(), "registry.db")), o.Log)
	t.Cleanup(func() { o.Registry.Close() })
	b := mustBuild(t, o)
	id := caller{Identity: ticket.Identity{TrustDomain: testDomain, Store: "4711", Rig: "left"}}
	ask := func(uploads ...ticket.Upload) *problem {
		t.Helper()
		response, err := b.answer(t.Context(), id, ticket.Request{Uploads: uploads})
		if err != nil {
			return asProblem(err)
		}
		if len(response.Tickets)+len(response.Refusals) != len(uploads) {
			t.Errorf("%d tickets", len(response.Tickets))
		}
		return nil
	}
	some := frames(5)
	for range 3 { // tries of the same frames are charged once
		if p := ask(some[0], some[1]); p != nil {
			t.Fatal(p)
		}
	}
	refused := some[4]
	refused.Bytes = 1001
	if p := ask(refused, some[2]); p != nil { // what the policy refuses costs nothing
		t.Fatal(p)
	}
	p := ask(some[0], some[3])
	if p == nil || p.status != http.StatusTooManyRequests || p.code != CodeQuota || p.retryAfter != 61*time.Minute {
		t.Fatalf("beyond the quota: %+v, want 429 until midnight", p)
	}
	w := httptest.NewRecorder()
	p.write(w)
	if w.Header().Get("Retry-After") != "3660" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	if p := ask(some[0], some[1]); p != nil {
		t.Errorf("frames that were charged: %v", p)
	}
	now = now.Add(2 * time.Hour)
	if p := ask(some[3]); p != nil {
		t.Errorf("the next day: %v", p)
	}
}

func TestNothingIsRememberedWithoutARegistry(t *testing.T) {
	for option, change := range map[string]func(*Options){
		"policy.daily_frames": func(o *Options) { o.Policy.DailyFrames = 1 },
		"enrolment":           func(o *Options) { o.Signer = signerFunc(nil) },
	} {
		o := testOptions()
		o.Log = slog.New(slog.DiscardHandler)
		change(&o)
		var wrong *OptionError
		if _, err := New(t.Context(), o); !errors.As(err, &wrong) || wrong.Option != option {
			t.Errorf("%s: %v", option, err)
		}
	}
}
