package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options say where to serve.
type Options struct {
	// Socket is the path of the Unix socket; needed.
	Socket string
	// Listen is an address and port for the page; empty for none. Port 0 takes a free one.
	Listen string
	// Snapshot may be called from several goroutines.
	Snapshot func() Snapshot
	// Routes are served on the socket beside the status.
	Routes Routes
	Logger *slog.Logger
}

// Server serves snapshots. Make it with Listen, which binds, and end it with Close.
type Server struct {
	servers   []*http.Server
	listeners []net.Listener
	page      string
	log       *slog.Logger
}

// Listen binds the socket and the address, and serves nothing yet.
func Listen(opts Options) (*Server, error) {
	s := &Server{log: opts.Logger}
	socket, err := listenSocket(opts.Socket)
	if err != nil {
		return nil, fmt.Errorf("status.socket: %w", err)
	}
	api := handler(opts.Snapshot, false)
	s.add(socket, api)
	opts.Routes.mount(s.servers[0])
	if opts.Listen == "" {
		return s, nil
	}
	listener, err := net.Listen("tcp", opts.Listen)
	if err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("status.listen: %w", err)
	}
	s.page = "http://" + listener.Addr().String() + "/"
	s.add(listener, ownHost(listener.Addr().String(), handler(opts.Snapshot, true)))
	if at, err := netip.ParseAddrPort(listener.Addr().String()); err == nil && !at.Addr().IsLoopback() {
		s.log.Warn("the status page can be read by others on this network", "listen", at)
	}
	return s, nil
}

func (s *Server) add(l net.Listener, h http.Handler) {
	s.listeners = append(s.listeners, l)
	s.servers = append(s.servers, &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	})
}

// Page is the page's URL, with the port that was bound; empty when there is none.
func (s *Server) Page() string { return s.page }

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, len(s.servers))
	for i, server := range s.servers {
		go func() { failed <- server.Serve(s.listeners[i]) }()
	}
	var err error
	ended := 0
	select {
	case <-ctx.Done():
	case err = <-failed:
		ended = 1
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	for _, server := range s.servers {
		if server.Shutdown(stop) != nil {
			_ = server.Close()
		}
	}
	for ; ended < len(s.servers); ended++ {
		<-failed
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close unbinds a server that never served; after Serve it does nothing.
func (s *Server) Close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// listenSocket binds a Unix socket in place of one that a dead process left behind. A living one is not
// disturbed.
func listenSocket(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("another shelf-agent answers at %s; is it running already?", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}

func handler(snapshot func() Snapshot, page bool) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{snapshot})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(snapshot()) // the reader has gone; nothing to do
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	if page {
		mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { servePage(w, snapshot()) })
	}
	return guarded(mux)
}

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// ownHost answers only requests that name the bound address, or localhost at its port: a page from elsewhere
// whose name was made to resolve here (DNS rebinding) names another.
func ownHost(bound string, next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(bound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != bound && r.Host != net.JoinHostPort("localhost", port) {
			http.Error(w, "This page is only served under its own address, http://"+bound+"/", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Ask gets a Snapshot from a running agent's socket.
func Ask(ctx context.Context, socket string) (Snapshot, error) {
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shelf-agent/v1/status", nil)
	if err != nil {
		return Snapshot{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return Snapshot{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return Snapshot{}, fmt.Errorf("the agent answered %s", resp.Status)
	}
	var s Snapshot
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return Snapshot{}, fmt.Errorf("the agent's answer is not a status: %w", err)
	}
	return s, nil
}
