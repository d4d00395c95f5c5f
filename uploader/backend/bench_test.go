package backend

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// BenchmarkTickets issues tickets through the whole handler, one request after the other on one core: identity,
// policy, key, signature, the backend's own check, and an audit line in JSON. Beside it is what cannot be done
// without: the SDK's bare presigning of the same PUT. The network and TLS are left out.
func BenchmarkTickets(b *testing.B) {
	pki, err := devpki.Create(b.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		b.Fatal(err)
	}
	id := ticket.Identity{TrustDomain: testDomain, Store: "4711", Rig: "left"}
	cert, err := pki.Issue(&x509.Certificate{URIs: []*url.URL{id.URI()}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		b.Fatal(err)
	}
	standalone, alb := testOptions(), testOptions()
	standalone.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	alb.Log = standalone.Log
	alb.Home = ALB{Authority: pki.Pool(), Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	asStandalone := func(r *http.Request) {
		r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{cert.Leaf}}}
	}
	asALB := func(r *http.Request) { r.Header.Set(leafHeader, leafHeaderValue(pemOf(cert.Leaf.Raw))) }

	b.Run("bare presign", func(b *testing.B) { benchmarkPresign(b, mustBuild(b, standalone), id) })
	b.Run("standalone, 1 a request", func(b *testing.B) { benchmarkHandler(b, mustBuild(b, standalone), 1, asStandalone) })
	b.Run("standalone, 8 a request", func(b *testing.B) { benchmarkHandler(b, mustBuild(b, standalone), 8, asStandalone) })
	b.Run("alb, 1 a request", func(b *testing.B) { benchmarkHandler(b, mustBuild(b, alb), 1, asALB) })
	b.Run("alb, 8 a request", func(b *testing.B) { benchmarkHandler(b, mustBuild(b, alb), 8, asALB) })
}

func benchmarkPresign(b *testing.B, backend *Backend, id ticket.Identity) {
	upload := frame("f", []byte("picture"))
	key, metadata := backend.key.Key(id, upload), backend.metadata.object(id, upload)
	at := backend.presigner.places[""]
	for b.Loop() {
		if _, err := backend.presigner.presign(b.Context(), at, upload, key, metadata, time.Minute); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, 1)
}

func benchmarkHandler(b *testing.B, backend *Backend, n int, vouch func(*http.Request)) {
	body := requestBody(b, frames(n)...)
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, ticket.TicketsPath, bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		vouch(r)
		w := httptest.NewRecorder()
		backend.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	perSecond(b, n)
}

func perSecond(b *testing.B, tickets int) {
	b.ReportMetric(float64(b.N*tickets)/b.Elapsed().Seconds(), "tickets/s")
}
