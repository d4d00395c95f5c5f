package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"shelfagent/agent/trail"
)

// Options say where to serve.
type Options struct {
	// Socket is the path of the Unix socket; needed.
	Socket string
	// Listen is an address and port for the page; empty for none. Port 0 takes a free one.
	Listen string
	// Snapshot may be called from several goroutines.
	Snapshot func() Snapshot
	// Thumbnail returns a camera's newest picture as a small JPEG, nil when there is none. Nil: the page shows none.
	Thumbnail func(camera string) []byte
	// Find answers "where is my picture?". Nil: the page has no search.
	Find func(context.Context, trail.Query) (trail.Answer, error)
	// Location is the shop's time zone; nil means this machine's.
	Location *time.Location
	// Routes are served on the socket beside the status.
	Routes Routes
	Logger *slog.Logger
}

// Server serves snapshots. Make it with Listen, which binds, and end it with Close.
type Server struct {
	socket *http.Server
	door   *crowd // of the socket
	page   *pageDoor
}

// Listen binds the socket and the address, and serves nothing yet. Without the socket there is no Server: often it
// is another agent's. Without the page there is one, see PageProblem.
func Listen(opts Options) (*Server, error) {
	socket, err := listenSocket(opts.Socket)
	if err != nil {
		return nil, fmt.Errorf("status.socket: %w", err)
	}
	s := &Server{door: limit(socket), page: &pageDoor{address: opts.Listen, page: newPage(opts), log: opts.Logger, retry: pageRetry}}
	s.socket = newServer(s.door, guarded(handler(opts.Snapshot, nil)), opts.Logger)
	opts.Routes.mount(s.socket)
	s.page.bind()
	return s, nil
}

// Page is the page's URL, with the port that was bound; empty when there is none now.
func (s *Server) Page() string { return s.page.url() }

// PageProblem says why there is no page although one is wanted. It is tried again while the server serves.
func (s *Server) PageProblem() error { return s.page.why() }

// Serve answers until ctx ends, or the socket fails.
func (s *Server) Serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var page sync.WaitGroup
	page.Go(func() { s.page.serve(ctx) })
	err := serveUntil(ctx, s.socket, s.door)
	stop()
	page.Wait()
	return err
}

// serveUntil answers until ctx ends, and then gives answers under way a moment. It returns nil when ctx ended it.
func serveUntil(ctx context.Context, server *http.Server, door *crowd) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(door) }()
	select {
	case err := <-failed:
		_ = server.Close()
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(stop) != nil {
		_ = server.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close unbinds a server that never served; after Serve it does nothing.
func (s *Server) Close() {
	_ = s.door.Close()
	s.page.close()
}

// longestSocket is what a Unix socket's address has room for, on the system with the least.
const longestSocket = 103

// listenSocket binds a Unix socket in place of one that a dead process left behind. A living one is not
// disturbed, and nothing else is removed.
func listenSocket(path string) (net.Listener, error) {
	if len(path) > longestSocket {
		return nil, fmt.Errorf("%s has %d letters, a socket's path at most %d; choose a shorter one", path, len(path), longestSocket)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if err := makeRoom(path); err != nil {
		return nil, err
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

// makeRoom removes the socket that a dead process left behind.
func makeRoom(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular() || info.IsDir() || info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s: %w; remove it, or name another place", path, ErrNotSocket)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("another shelf-agent answers at %s; see it with: shelf-agent status", path)
	}
	// Only a refusal says that nobody is there: a living agent may be busy, or another user's.
	if !errors.Is(err, syscall.ECONNREFUSED) && runtime.GOOS != "windows" {
		return err
	}
	return os.Remove(path)
}

// handler answers programs and, where there is a page, people.
func handler(snapshot func() Snapshot, page *page) http.Handler {
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
	if page != nil {
		page.handle(mux)
	}
	return mux
}

// contentPolicy: what the page loads comes from here, it is in nobody's frame, and it sends nothing but its own form. No
// style or script stands in the document.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// ownHost answers only requests that name the bound address, or localhost for a loopback one: a page from
// elsewhere whose name was made to resolve here (DNS rebinding) names another. A listener on every address has
// none of its own; there any address will do, since rebinding needs a name.
func ownHost(bound netip.AddrPort, next http.Handler) http.Handler {
	own := func(host string) bool {
		name, port, err := net.SplitHostPort(host)
		if err != nil { // browsers leave out the port that is http's own
			name, port = strings.Trim(host, "[]"), "80"
		}
		if port != strconv.Itoa(int(bound.Port())) {
			return false
		}
		at, err := netip.ParseAddr(name)
		if err != nil {
			return name == "localhost" && (bound.Addr().IsLoopback() || bound.Addr().IsUnspecified())
		}
		return at.Unmap() == bound.Addr().Unmap() || bound.Addr().IsUnspecified()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !own(r.Host) {
			http.Error(w, fmt.Sprintf("This page is only served under its own address, http://%s/", bound), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Why Ask has no answer, beside fs.ErrPermission and the context's errors.
var (
	// ErrNoAgent says that nobody answers at the socket.
	ErrNoAgent = errors.New("no agent answers")
	// ErrNotSocket says that there is something else in the socket's place.
	ErrNotSocket = errors.New("not a socket")
)

// maxAnswer bounds what is believed to be a Snapshot; one of a thousand cameras has a tenth of it.
const maxAnswer = 8 << 20

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
		return Snapshot{}, unanswered(socket, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return Snapshot{}, fmt.Errorf("the agent answered %s", resp.Status)
	}
	var s Snapshot
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&s); err != nil {
		return Snapshot{}, fmt.Errorf("the agent's answer is not a status: %w", err)
	}
	return s, nil
}

// unanswered says what it means that nobody could be spoken to.
func unanswered(socket string, err error) error {
	switch info, statErr := os.Stat(socket); {
	case statErr == nil && (info.Mode().IsRegular() || info.IsDir()): // dialling these looks like a refused connection
		return fmt.Errorf("%s: %w", socket, ErrNotSocket)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w: %w", socket, ErrNoAgent, err)
	default:
		return err
	}
}
