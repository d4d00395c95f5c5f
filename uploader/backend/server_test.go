package backend

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"shelfagent/uploader/backend/devpki"
)

func TestServeStopsGracefully(t *testing.T) {
	pki, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain, Rigs: []devpki.Rig{testRig}})
	if err != nil {
		t.Fatal(err)
	}
	config, err := LoadTLS(pki.Server.Cert, pki.Server.Key, pki.CA.Cert, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	running, release := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(running)
		<-release
		w.WriteHeader(http.StatusTeapot)
	})
	stop, stopped, url := serve(t, config, slow)

	clientTLS, err := pki.ClientTLS(testRig)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan int, 1)
	go func() {
		transport := &http.Transport{TLSClientConfig: clientTLS}
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get(url)
		if err != nil {
			answered <- 0
			return
		}
		response.Body.Close()
		answered <- response.StatusCode
	}()
	<-running
	stop()
	untilRefused(t, strings.TrimPrefix(url, "https://"))
	close(release)
	if status := <-answered; status != http.StatusTeapot {
		t.Errorf("the running request got %d, want its answer", status)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// untilRefused returns when nobody listens any more: the stop has begun.
func untilRefused(t *testing.T, addr string) {
	t.Helper()
	for t.Context().Err() == nil {
		connection, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		if err := connection.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Without a certificate there is no connection, so that strangers cannot even ask.
func TestStrangersGetNoConnection(t *testing.T) {
	pki, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		t.Fatal(err)
	}
	config, err := LoadTLS(pki.Server.Cert, pki.Server.Key, pki.CA.Cert, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped, url := serve(t, config, http.NotFoundHandler())
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pki.Pool()}}
	defer transport.CloseIdleConnections()
	if response, err := (&http.Client{Transport: transport}).Get(url); err == nil {
		response.Body.Close()
		t.Errorf("a client without a certificate got %s", response.Status)
	}
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestServeToALoadBalancer: between the load balancer and its target, TLS is there without client certificates.
func TestServeToALoadBalancer(t *testing.T) {
	pki, err := devpki.Create(t.TempDir(), devpki.Options{TrustDomain: testDomain})
	if err != nil {
		t.Fatal(err)
	}
	config, err := LoadServerTLS(pki.Server.Cert, pki.Server.Key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped, url := serve(t, config, http.NotFoundHandler())
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pki.Pool()}}
	response, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	transport.CloseIdleConnections()
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestLoadTLSNamesTheFile(t *testing.T) {
	pki, err := devpki.Create(t.TempDir(), devpki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LoadTLS(pki.Server.Cert, pki.CA.Key, pki.CA.Cert, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a key that is not the certificate's was taken")
	}
	if _, err := LoadTLS(pki.Server.Cert, pki.Server.Key, pki.CA.Key, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a key was taken for an authority")
	}
	if _, err := LoadTLS(pki.Server.Cert, pki.Server.Key, pki.CA.Cert+".gone", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a missing authority was taken")
	}
}

func serve(t *testing.T, config *tls.Config, handler http.Handler) (stop func(), stopped <-chan error, url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- Serve(ctx, l, config, handler, slog.New(slog.DiscardHandler)) }()
	return cancel, done, "https://" + l.Addr().String()
}
