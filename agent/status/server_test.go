package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// shortDir is a folder with a path that leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "st")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// mustListen binds a server.
func mustListen(t *testing.T, opts Options) *Server {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve runs a server until the test ends.
func serve(t *testing.T, opts Options) *Server {
	t.Helper()
	return serveAs(t, opts, func(*Server) {})
}

// serveAs is serve for a server that is changed before it serves.
func serveAs(t *testing.T, opts Options, change func(*Server)) *Server {
	t.Helper()
	s := mustListen(t, opts)
	change(s)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

func options(t *testing.T, s Snapshot) Options {
	return Options{
		Socket: filepath.Join(shortDir(t), "run", "agent.sock"), Listen: "127.0.0.1:0", Snapshot: func() Snapshot { return s },
	}
}

func TestAskHearsWhatTheAgentSays(t *testing.T) {
	want := down(2)
	opts := options(t, want)
	serve(t, opts)
	got, err := Ask(t.Context(), opts.Socket)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestTheSocketIsForOwnerAndGroup(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes mean nothing here")
	}
	opts := options(t, healthy(0))
	serve(t, opts)
	info, err := os.Stat(opts.Socket)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("mode %v", info.Mode())
	}
	folder, err := os.Stat(filepath.Dir(opts.Socket))
	if err != nil || folder.Mode().Perm()&0o007 != 0 {
		t.Errorf("folder mode %v, %v", folder.Mode(), err)
	}
}

func TestTheSocketGoesWithTheServer(t *testing.T) {
	opts := options(t, healthy(0))
	opts.Logger = slog.New(slog.DiscardHandler)
	s, err := Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if _, err := os.Lstat(opts.Socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left behind: %v", err)
	}
}

// abandon leaves a socket behind as a killed process does.
func abandon(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADeadProcessesSocketIsReplaced(t *testing.T) {
	opts := options(t, healthy(0))
	abandon(t, opts.Socket)
	serve(t, opts)
	if _, err := Ask(t.Context(), opts.Socket); err != nil {
		t.Error(err)
	}
}

func TestALivingAgentIsNotDisturbed(t *testing.T) {
	opts := options(t, healthy(3))
	serve(t, opts)
	if _, err := Listen(opts); err == nil || !strings.Contains(err.Error(), "another shelf-agent answers at "+opts.Socket) {
		t.Errorf("got %v", err)
	}
	if got, err := Ask(t.Context(), opts.Socket); err != nil || len(got.Cameras) != 3 {
		t.Errorf("the first one: %v, %v", got, err)
	}
}

func TestNothingElseIsRemovedForTheSocket(t *testing.T) {
	dir := shortDir(t)
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip("this system makes no links: ", err)
	}
	for _, path := range []string{file, link, dir} {
		_, err := Listen(Options{Socket: path, Snapshot: func() Snapshot { return healthy(0) }, Logger: slog.New(slog.DiscardHandler)})
		if !errors.Is(err, ErrNotSocket) || !strings.Contains(err.Error(), "status.socket: "+path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if raw, err := os.ReadFile(link); err != nil || string(raw) != "precious" {
		t.Errorf("%q, %v", raw, err)
	}
}

func TestASocketWithTooLongAPathIsNamed(t *testing.T) {
	socket := filepath.Join(shortDir(t), strings.Repeat("x", 120))
	_, err := Listen(Options{Socket: socket, Snapshot: func() Snapshot { return healthy(0) }, Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "a socket's path at most 103; choose a shorter one") {
		t.Error(err)
	}
}

// TestWithoutItsAddressThereIsEverythingButThePage: what the page is for can do without it.
func TestWithoutItsAddressThereIsEverythingButThePage(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for story, tc := range map[string]struct{ socket, listen, says string }{
		"a port in use":     {"agent.sock", taken.Addr().String(), taken.Addr().String()},
		"no such interface": {"agent.sock", "192.0.2.1:0", "192.0.2.1:0"},
	} {
		socket := filepath.Join(shortDir(t), tc.socket)
		s := serve(t, Options{Socket: socket, Listen: tc.listen, Snapshot: func() Snapshot { return healthy(0) }})
		if err := s.PageProblem(); err == nil || !strings.Contains(err.Error(), tc.says) || s.Page() != "" {
			t.Errorf("%s: %v, page %q", story, err, s.Page())
		}
		if _, err := Ask(t.Context(), socket); err != nil {
			t.Errorf("%s: %v", story, err)
		}
	}
}

func TestAskSaysWhyThereIsNoAnswer(t *testing.T) {
	dir := shortDir(t)
	stale, file, other := filepath.Join(dir, "stale"), filepath.Join(dir, "file"), filepath.Join(dir, "other")
	abandon(t, stale)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", other)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{"/v1/status": "<html>"}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answers[r.URL.Path] == "" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, answers[r.URL.Path])
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	defer func() { server.Close(); <-done }()

	for socket, want := range map[string]error{
		filepath.Join(dir, "absent"): ErrNoAgent, stale: ErrNoAgent, file: ErrNotSocket, dir: ErrNotSocket,
	} {
		if _, err := Ask(t.Context(), socket); !errors.Is(err, want) || !strings.Contains(err.Error(), socket) {
			t.Errorf("%s: %v, want %v", socket, err, want)
		}
	}
	if _, err := Ask(t.Context(), other); err == nil || !strings.Contains(err.Error(), "is not a status") {
		t.Errorf("another program answers: %v", err)
	}
	answers["/v1/status"] = ""
	if _, err := Ask(t.Context(), other); err == nil || !strings.Contains(err.Error(), "404 Not Found") {
		t.Errorf("another program refuses: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ask(ended, other); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}

// get asks the page's server, by default as a browser on the rig would.
func get(t *testing.T, s *Server, method, path, host string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(s.Page(), "/")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestThePageSaysWhatTheTerminalSays(t *testing.T) {
	s := serve(t, options(t, degraded(8)))
	resp, body := get(t, s, http.MethodGet, "/", "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	shown := html.UnescapeString(body)
	for _, words := range []string{
		"Frames flow, but someone should look. The clock is wrong.", "Store <strong>4711</strong>, rig <strong>left</strong>", "warning, for ",
		"What to do:", "aisle-8", "1 needs a person", "41 GB free of 62 GB",
	} {
		if !strings.Contains(shown, words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	for _, foreign := range []string{"http://", "https://", `="//`, "<style", " style=", "@import", "url(", "<script>", "javascript:", " onclick=", " onload="} {
		if strings.Contains(body, foreign) {
			t.Errorf("the page holds %q", foreign)
		}
	}
}

func TestHostileNamesAreEscaped(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`
	hostile := down(1)
	hostile.Cameras[0].ID, hostile.Conditions[0].Detail, hostile.Conditions[0].Subject = evil, evil, evil
	hostile.Store, hostile.Rig, hostile.Link.Reason, hostile.Verdict, hostile.Version = evil, evil, evil, Verdict(evil), evil
	hostile.Conditions[0].Severity = evil
	_, body := get(t, serve(t, options(t, hostile)), http.MethodGet, "/", "")
	for _, tag := range []string{"<script>", "<img", "onerror='"} {
		if strings.Contains(body, tag) {
			t.Errorf("%s came through:\n%s", tag, body)
		}
	}
	if strings.Count(body, "&lt;script&gt;") < 6 {
		t.Errorf("the names are not shown:\n%s", body)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := serve(t, options(t, healthy(1)))
	for _, path := range []string{"/", "/v1/status", "/metrics", "/nothing"} {
		resp, _ := get(t, s, http.MethodGet, path, "")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
				"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cache-Control":                "no-store",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other pages may read it", path)
		}
	}
}

func TestNothingCanBeChanged(t *testing.T) {
	s := serve(t, options(t, healthy(1)))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		for _, path := range []string{"/", "/v1/status", "/metrics"} {
			if resp, _ := get(t, s, method, path, ""); resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
	}
	if resp, _ := get(t, s, http.MethodGet, "/v1", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown path: %s", resp.Status)
	}
}

// TestOnlyItsOwnNameIsAnswered: a page elsewhere whose name is made to resolve to 127.0.0.1 sends that name.
func TestOnlyItsOwnNameIsAnswered(t *testing.T) {
	s := serve(t, options(t, healthy(1)))
	_, port, _ := net.SplitHostPort(strings.Trim(strings.TrimPrefix(s.Page(), "http://"), "/"))
	for host, want := range map[string]int{
		"127.0.0.1:" + port: 200, "localhost:" + port: 200,
		"evil.example:" + port: 421, "127.0.0.1": 421, "127.0.0.1:1": 421, "localhost": 421, "localhost.evil.example:" + port: 421,
		"10.0.0.1:" + port: 421, "[::1]:" + port: 421, "127.0.0.1:" + port + ".evil.example": 421,
	} {
		for _, path := range []string{"/", "/v1/status", "/metrics"} {
			resp, body := get(t, s, http.MethodGet, path, host)
			if resp.StatusCode != want {
				t.Errorf("%s%s: %s, want %d", host, path, resp.Status, want)
			}
			if want != 200 && (strings.Contains(body, "4711") || !strings.Contains(body, s.Page())) {
				t.Errorf("%s%s: %s", host, path, body)
			}
		}
	}
}

func TestAPageForTheNetworkIsServedUnderAnyAddress(t *testing.T) {
	var log bytes.Buffer
	opts := options(t, healthy(1))
	opts.Listen, opts.Logger = "0.0.0.0:0", slog.New(slog.NewTextHandler(&log, nil))
	s := serve(t, opts)
	if !strings.Contains(log.String(), "can be read by others on this network") {
		t.Errorf("no warning: %s", log.String())
	}
	_, port, _ := net.SplitHostPort(strings.Trim(strings.TrimPrefix(s.Page(), "http://"), "/"))
	for host, want := range map[string]int{"192.168.1.20:" + port: 200, "localhost:" + port: 200, "evil.example:" + port: 421} {
		if resp, _ := get(t, s, http.MethodGet, "/v1/status", host); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", host, resp.Status, want)
		}
	}
}

func TestWithoutListenThereIsNoPage(t *testing.T) {
	opts := options(t, healthy(1))
	opts.Listen = ""
	if s := serve(t, opts); s.Page() != "" {
		t.Errorf("page at %s", s.Page())
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", opts.Socket)
	}, DisableKeepAlives: true}}
	for path, want := range map[string]int{"/": 404, "/v1/status": 200, "/metrics": 200} {
		resp, err := client.Get("http://agent" + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestTheDocumentHasStableNames(t *testing.T) {
	raw, err := json.Marshal(shown(down(1)).Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"verdict", "at", "version", "store", "rig", "started", "pid", "conditions", "cameras", "queue", "link", "disk", "intake",
		"code", "severity", "title", "detail", "meaning", "do", "since", "id", "last_frame", "admitted", "rejected", "files",
		"waiting", "parked", "delivered", "bytes", "max_bytes", "oldest", "up", "reason", "next_try", "slots", "bytes_per_second",
		"last_delivered", "outcomes", "certificate_expires", "free", "total", "hourly", "hourly_from", "picture", "recent", "state", "file", "sha256", "why",
	} {
		if !bytes.Contains(raw, []byte(`"`+name+`":`)) {
			t.Errorf("%q is gone from the document", name)
		}
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	for name, s := range map[string]Snapshot{
		"healthy": healthy(8), "degraded": degraded(1), "down": down(0), "before anything": {Verdict: Healthy},
	} {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(collector{func() Snapshot { return s }})
		problems, err := testutil.GatherAndLint(registry)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s: %s", name, p.Metric, p.Text)
		}
	}
}

func TestMetricsTellTheSnapshot(t *testing.T) {
	s := degraded(1)
	s.At = time.Time{}
	s.Cameras[0].Delays = Delays{Buckets: map[float64]uint64{1: 200, 5: 15_000}, Count: 15_059, Sum: 45_000}
	_, body := get(t, serve(t, options(t, s)), http.MethodGet, "/metrics", "")
	for _, line := range []string{
		`shelf_agent_info{rig="left",store="4711",version="1.4.0"} 1`,
		`shelf_agent_condition{code="clock_wrong",severity="warning",subject=""} 1`,
		`shelf_agent_camera_delivered_total{camera="aisle-1"} 15059`,
		`shelf_agent_camera_seen_total{camera="aisle-1"} 15070`,
		`shelf_agent_camera_rejected_total{camera="aisle-1",code="truncated"} 2`,
		`shelf_agent_camera_delivered_bytes_total{camera="aisle-1"} 7.2e+09`,
		`shelf_agent_camera_capture_to_cloud_seconds_bucket{camera="aisle-1",le="5"} 15000`,
		`shelf_agent_camera_capture_to_cloud_seconds_bucket{camera="aisle-1",le="+Inf"} 15059`,
		`shelf_agent_camera_capture_to_cloud_seconds_sum{camera="aisle-1"} 45000`,
		`shelf_agent_queue_frames{state="in_flight"} 2`,
		`shelf_agent_queue_frames{state="waiting"} 1`,
		`shelf_agent_upload_breaker_open 0`,
		`shelf_agent_disk_reserved_bytes 3.1e+09`,
		`shelf_agent_link_up 1`,
		`shelf_agent_clock_offset_seconds 187`,
		`shelf_agent_disk_free_bytes 4.12e+10`,
		`shelf_agent_upload_outcomes_total{cause="delivered"} 120482`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

// TestMetricsSurviveHostileNames: the library ends the program over a label that is not UTF-8, and refuses
// everything over two labels that are the same.
func TestMetricsSurviveHostileNames(t *testing.T) {
	s := healthy(0)
	names := []string{"K\xe4se", "K\xe5se", "a\nb", `"quoted"`, "Käse", "\xff", `\xff`, `\\xff`, `\`, `\"`, `"\`}
	for _, folder := range names {
		s.Conditions = append(s.Conditions, Condition{Code: "folder_unnamed", Severity: "warning", Subject: folder})
	}
	resp, body := get(t, serve(t, options(t, s)), http.MethodGet, "/metrics", "")
	if resp.StatusCode != http.StatusOK || strings.Count(body, "\nshelf_agent_condition{") != len(names) {
		t.Errorf("%s\n%s", resp.Status, body)
	}
	if !strings.Contains(body, `subject="K\\xe4se"`) || !strings.Contains(body, `subject="Käse"`) {
		t.Errorf("names are lost:\n%s", body)
	}
}

func TestWhatIsUnknownIsNoMetric(t *testing.T) {
	_, body := get(t, serve(t, options(t, Snapshot{Verdict: Healthy})), http.MethodGet, "/metrics", "")
	for _, name := range []string{"disk_free", "certificate_expiry", "clock_offset", "queue_oldest"} {
		if strings.Contains(body, name) {
			t.Errorf("%s is told, though nobody knows it", name)
		}
	}
}
