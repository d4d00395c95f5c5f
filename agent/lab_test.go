package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/agent/config"
	"shelfagent/agent/health"
	"shelfagent/agent/status"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
)

const labKey = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

var labRig = devpki.Rig{Store: "store-7", Rig: "rig-1"}

// lab is a shop with a whole agent, the real backend, and doors before backend and S3 behind which anything can be put.
type lab struct {
	shop
	pki         *devpki.PKI
	backend, s3 *door
	options     backend.Options // of the real backend, which is made from them with the agent
	c           *config.Config
	still       bool // the agent does not look at its conditions by itself
	log         *lines
	a           *Agent
	stop        func() // ends the agent; may be called more than once
}

// door is a TLS listener. What is behind it can be changed while it is open.
type door struct {
	*httptest.Server
	behind atomic.Pointer[http.HandlerFunc]
	cert   atomic.Pointer[tls.Certificate] // nil: the authority's
}

func (d *door) put(h http.HandlerFunc) { d.behind.Store(&h) }

func (d *door) host() string { return d.Listener.Addr().String() }

func openDoor(t *testing.T, pki *devpki.PKI, clients tls.ClientAuthType) *door {
	t.Helper()
	d := &door{}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*d.behind.Load())(w, r) }))
	own, err := pki.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	own.ClientAuth = clients
	own.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		cert := d.cert.Load()
		if cert == nil {
			return nil, nil //nolint:nilnil // crypto/tls: go on with this one
		}
		other := own.Clone()
		other.GetConfigForClient, other.Certificates = nil, []tls.Certificate{*cert}
		return other, nil
	}
	d.TLS = own
	d.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	d.StartTLS()
	t.Cleanup(d.shut)
	return d
}

// shut closes the door, and whatever came through it.
func (d *door) shut() {
	d.CloseClientConnections()
	d.Close()
}

// takes answers as S3 does to a PUT that is in order. It checks nothing: what a lab is for is what goes wrong before.
func takes(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Amz-Checksum-Sha256", r.Header.Get("X-Amz-Checksum-Sha256"))
}

func answers(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// hangs takes a request and never answers it.
func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // a server that has read it all notices when the other side is gone
	<-r.Context().Done()
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{shop: newShop(t), log: &lines{}}
	var err error
	if l.pki, err = devpki.Create(l.path("pki"), devpki.Options{Rigs: []devpki.Rig{labRig}}); err != nil {
		t.Fatal(err)
	}
	l.backend, l.s3 = openDoor(t, l.pki, tls.RequireAndVerifyClientCert), openDoor(t, l.pki, tls.NoClientCert)
	l.s3.put(takes)
	l.options = backend.Options{
		TrustDomain: devpki.DefaultTrustDomain,
		S3: backend.S3{
			Bucket: "frames", Region: "us-east-1", Endpoint: "https://" + l.s3.host(), PathStyle: true, KMSKeyARN: labKey,
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		},
		Log: slog.New(slog.DiscardHandler),
	}
	l.c = l.configured("")
	return l
}

// configured reads a configuration as a file would have it; more is appended.
func (l *lab) configured(more string) *config.Config {
	t := l.t
	t.Helper()
	files := l.pki.RigFiles(labRig)
	sockets, err := os.MkdirTemp("", "lab-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	c, err := config.Parse("config.toml", fmt.Appendf(nil, `
state_dir = %q
[capture]
dir = %q
rescan = "1s"
settle = "100ms"
[frame.judge]
after = 1
[queue]
min_free = "1 MiB"
[backend]
url = "https://%s"
ca = %q
certificate = %q
key = %q
renew = false
[upload]
hosts = ["%s/frames"]
ca = %q
[status]
socket = %q
listen = "127.0.0.1:0"
[development]
allow_loopback = true
%s`, l.path("state"), l.path("capture"), l.backend.host(), l.pki.CA.Cert, files.Cert, files.Key, l.s3.host(), l.pki.CA.Cert,
		filepath.Join(sockets, "s"), more))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start runs the agent; it ends with the test at the latest.
func (l *lab) start() {
	t := l.t
	t.Helper()
	if l.backend.behind.Load() == nil {
		l.backend.put(l.realBackend())
	}
	var err error
	l.a, err = Open(t.Context(), l.c, Options{Version: "test", Logger: slog.New(slog.NewJSONHandler(l.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l.a.stepped = l.still
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.a.Run(ctx) }()
	l.stop = sync.OnceFunc(func() {
		l.backend.CloseClientConnections() // an answer that hangs would hold up the end
		l.s3.CloseClientConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	})
	t.Cleanup(l.stop)
}

// realBackend is the handler that start would put behind the backend's door.
func (l *lab) realBackend() http.HandlerFunc {
	l.t.Helper()
	real, err := backend.New(l.t.Context(), l.options)
	if err != nil {
		l.t.Fatal(err)
	}
	return real.ServeHTTP
}

// until waits for what the agent says of itself.
func (l *lab) until(what string, done func(facts) bool) facts {
	l.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		f := l.a.look()
		if done(f) {
			return f
		}
		select {
		case <-deadline:
			l.t.Fatalf("%s: not within 20 s: %+v\n%s", what, f, l.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// seen is what would be shown of the facts of this moment if they had held for as long as the condition must, and later.
func (l *lab) seen(later time.Duration, code health.Code) []health.Active {
	a := l.a
	b := &Agent{
		watcher: a.watcher, intake: a.intake, queue: a.queue, uploader: a.uploader, renewer: a.renewer, status: a.status, silence: a.silence,
		health: health.NewSet(slog.New(slog.DiscardHandler)),
	}
	f, now := b.look(), time.Now().Add(later)
	b.observe(f, now)
	for _, c := range health.All() {
		if c.Code == code {
			b.observe(f, now.Add(c.ShowsAfter))
		}
	}
	return b.health.Active()
}

// reads is what a person sees of them in the terminal, in one line.
func (l *lab) reads(active []health.Active) string {
	l.t.Helper()
	var out strings.Builder
	now := time.Now()
	s := status.Snapshot{Verdict: verdict(active), At: now, Started: now, Conditions: conditions(active)}
	if err := status.Text(&out, s, now, false); err != nil {
		l.t.Fatal(err)
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// takenAddress is one that somebody else listens at.
func takenAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
