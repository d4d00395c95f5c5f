package uploader

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/queue"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

const (
	testBucket = "frames"
	testKeyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	patience   = 30 * time.Second
)

var testRig = devpki.Rig{Store: "4711", Rig: "left"}

// shop is a rig with its queue, a real backend and an S3 server, all over TLS.
type shop struct {
	t       *testing.T
	pki     *devpki.PKI
	queue   *queue.Queue
	dir     string // the queue's
	backend *front // before the real backend
	s3      *front // before bucket, unless a real server is used
	bucket  *bucket
	log     *lines
	options Options
	*Uploader
}

// openShop makes everything but the Uploader, whose options change may change first.
func openShop(t *testing.T, change func(*shop)) *shop {
	t.Helper()
	s := &shop{t: t, dir: t.TempDir(), log: &lines{}}
	var err error
	s.pki, err = devpki.Create(t.TempDir(), devpki.Options{Rigs: []devpki.Rig{testRig}})
	must(t, err)
	s.openQueue()
	t.Cleanup(func() { _ = s.queue.Close() })
	s.bucket = &bucket{objects: map[string][]byte{}}
	s.s3 = newFront(s.bucket)
	at := s.serve(s.s3)
	s.backend = newFront(s.newBackend("https://"+at, testCredentials))
	identity, err := LoadIdentity(s.files().Cert, s.files().Key)
	must(t, err)
	s.options = Options{
		Queue: s.queue, Identity: identity,
		Backend:    &url.URL{Scheme: "https", Host: s.serveBackend()},
		BackendCAs: s.pki.Pool(), S3CAs: s.pki.Pool(), KMSKeyARN: testKeyARN,
		Destinations: []ticket.Destination{{Host: at, Bucket: testBucket}},
		Guard:        Guard{Development: true}, Stall: patience, Logger: s.log.logger(),
	}
	if change != nil {
		change(s)
	}
	s.Uploader, err = New(s.options)
	must(t, err)
	t.Cleanup(func() {
		for _, c := range s.clients {
			c.CloseIdleConnections()
		}
		s.wantNoSecret()
	})
	return s
}

func (s *shop) files() devpki.Pair { return s.pki.RigFiles(testRig) }

func (s *shop) openQueue() {
	s.t.Helper()
	q, err := queue.Open(s.t.Context(), queue.Options{Dir: s.dir, MaxBytes: 1 << 40, MinFree: 1, Reserve: -1})
	must(s.t, err)
	s.queue = q
}

func (s *shop) newBackend(endpoint string, provider credentials.StaticCredentialsProvider) *backend.Backend {
	s.t.Helper()
	b, err := backend.New(s.t.Context(), backend.Options{
		TrustDomain: devpki.DefaultTrustDomain,
		S3: backend.S3{
			Bucket: testBucket, Region: "us-east-1", Endpoint: endpoint, PathStyle: true,
			KMSKeyARN: testKeyARN, Credentials: provider,
		},
		Log: slog.New(slog.DiscardHandler),
	})
	must(s.t, err)
	return b
}

// serveBackend serves s.backend as shelf-backend does: client certificates are needed.
func (s *shop) serveBackend() string {
	s.t.Helper()
	config, err := s.pki.ServerTLS()
	must(s.t, err)
	l := listen(s.t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- backend.Serve(ctx, l, config, s.backend, slog.New(slog.DiscardHandler)) }()
	s.t.Cleanup(func() {
		stop()
		<-ended
	})
	return l.Addr().String()
}

// serve serves a handler over TLS with the authority's server certificate, and returns its address.
func (s *shop) serve(h http.Handler) string {
	s.t.Helper()
	config, err := s.pki.ServerTLS()
	must(s.t, err)
	server := httptest.NewUnstartedServer(h)
	server.Listener = narrow{server.Listener}
	server.TLS = config.Clone()
	server.TLS.ClientAuth = 0
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	s.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.Listener.Addr().String()
}

// put queues a picture of so many bytes; n tells it from others.
func (s *shop) put(n, size int) queue.Item {
	s.t.Helper()
	payload := bytes.Repeat(fmt.Appendf(nil, "picture %d. ", n), size/10+1)[:size]
	item, err := s.queue.Put(s.t.Context(), queue.New{
		Camera: "cam-3", CapturedAt: time.Date(2026, 11, 22, 1, 18, n, 0, time.UTC), Ext: "jpg", ContentType: "image/jpeg",
		SHA256: sha256.Sum256(payload), Source: fmt.Sprintf("IMG_%04d.jpg", n), Payload: payload,
	})
	must(s.t, err)
	return item
}

func (s *shop) payload(item queue.Item) string {
	return filepath.Join(s.dir, "payload", filepath.FromSlash(string(item.ID)))
}

// once fills the free slots and returns when all outcomes are recorded.
func (s *shop) once() {
	s.t.Helper()
	s.step(context.Background())
	s.settled()
}

func (s *shop) settled() {
	s.wg.Wait()
	for len(s.freed) > 0 {
		<-s.freed
		s.inFlight.Add(-1)
	}
	if n := s.inFlight.Load(); n != 0 {
		s.t.Errorf("%d slots were not given back", n)
	}
}

// probeNow lets the next probe of an open breaker go at once.
func (s *shop) probeNow() {
	s.breaker.mu.Lock()
	defer s.breaker.mu.Unlock()
	s.breaker.until = time.Time{}
}

// wantItem checks where an item is and what it was charged.
func (s *shop) wantItem(id queue.ID, state queue.State, attempts int, reason string) {
	s.t.Helper()
	item, err := s.queue.Item(id)
	must(s.t, err)
	if item.State != state || item.Attempts != attempts || item.Reason != reason {
		s.t.Errorf("%v, %d attempts, reason %q (%s); want %v, %d, %q",
			item.State, item.Attempts, item.Reason, item.LastError, state, attempts, reason)
	}
}

// wantOutage checks the cause of the outage; "" means that there must be none.
func (s *shop) wantOutage(want Cause) {
	s.t.Helper()
	outage := s.Status().Outage
	switch {
	case outage == nil && want != "":
		s.t.Errorf("no outage, want %s", want)
	case outage != nil && outage.Cause != want:
		s.t.Errorf("outage %s (%s), want %q", outage.Cause, outage.Reason, want)
	}
}

// wantDelivered checks the receipt, and that record and payload are gone.
func (s *shop) wantDelivered(item queue.Item, proof string) {
	s.t.Helper()
	r, err := s.queue.Receipt(item.ID)
	must(s.t, err)
	if r.Proof != proof || !strings.HasPrefix(r.Key, "raw/4711/") || r.Bytes != item.Bytes {
		s.t.Errorf("receipt %+v, want proof %s", r, proof)
	}
	if _, err := os.Stat(s.payload(item)); !errors.Is(err, os.ErrNotExist) {
		s.t.Errorf("the payload is still there: %v", err)
	}
	if n := s.queue.Stats().Pending(); n != 0 {
		s.t.Errorf("%d frames are still to be delivered", n)
	}
}

// running is an Uploader in its loop.
type running struct {
	stop  context.CancelFunc
	ended chan struct{}
}

func (s *shop) run() *running {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		if err := s.Run(ctx); err != nil {
			s.t.Errorf("Run: %v", err)
		}
	}()
	s.t.Cleanup(func() {
		stop()
		s.wait(r.ended, "Run to end")
	})
	return r
}

func (s *shop) halt(r *running) {
	s.t.Helper()
	r.stop()
	s.wait(r.ended, "Run to end")
}

func (s *shop) wait(event <-chan struct{}, what string) {
	s.t.Helper()
	select {
	case <-event:
	case <-time.After(patience):
		s.t.Fatalf("waited %v in vain for %s", patience, what)
	}
}

// until waits for a condition that nothing signals.
func (s *shop) until(what string, met func() bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !met() {
		select {
		case <-tick.C:
		case <-end:
			s.t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}

// front counts requests and can answer in place of the server behind it.
type front struct {
	behind   http.Handler
	requests atomic.Int64
	bytes    atomic.Int64 // of bodies, as far as they were read

	mu      sync.Mutex
	instead http.HandlerFunc // guarded by mu; nil: the server behind
	signed  []string         // signatures seen; guarded by mu
}

func (f *front) signatures() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.signed
}

func newFront(behind http.Handler) *front { return &front{behind: behind} }

// answer replaces the server; nil brings it back.
func (f *front) answer(instead http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instead = instead
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests.Add(1)
	f.mu.Lock()
	handle := f.instead
	f.signed = append(f.signed, r.URL.Query().Get("X-Amz-Signature"))
	f.mu.Unlock()
	if handle == nil {
		handle = f.behind.ServeHTTP
	}
	// A copy: net/http looks at the body of its own request to see whether the client still waits to send it.
	copied := *r
	copied.Body = &counted{r.Body, &f.bytes}
	handle(w, &copied)
}

type counted struct {
	io.ReadCloser
	bytes *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

// bucket answers as S3 does to a PUT that is in order. It checks no signature: the stories with a real server do.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte // by path; guarded by mu
	puts    int               // that made an object; guarded by mu
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	_, exists := b.objects[r.URL.Path]
	b.mu.Unlock()
	if exists && r.Header.Get("If-None-Match") == "*" {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	sum := sha256.Sum256(body)
	checksum := ticket.ChecksumSHA256(fmt.Sprintf("%x", sum))
	if r.Header.Get("X-Amz-Checksum-Sha256") != checksum {
		refuse(w, http.StatusBadRequest, "BadDigest")
		return
	}
	b.mu.Lock()
	b.objects[r.URL.Path] = body
	b.puts++
	b.mu.Unlock()
	w.Header().Set("X-Amz-Checksum-Sha256", checksum)
	w.Header().Set("ETag", `"etag"`)
}

func (b *bucket) count() (objects, puts int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.objects), b.puts
}

// refuse answers with S3's error document.
func refuse(w http.ResponseWriter, status int, code string, more ...string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>no</Message>%s</Error>`,
		code, strings.Join(more, ""))
}

// faulty is the real queue with an error in the way.
type faulty struct {
	*queue.Queue
	lease func() error
	ack   func(queue.ID) error
}

func (f *faulty) Lease(ctx context.Context, n int) ([]queue.Item, error) {
	if f.lease != nil {
		if err := f.lease(); err != nil {
			return nil, err
		}
	}
	return f.Queue.Lease(ctx, n)
}

func (f *faulty) Ack(ctx context.Context, id queue.ID, r queue.Receipt) error {
	if f.ack != nil {
		if err := f.ack(id); err != nil {
			return err
		}
	}
	return f.Queue.Ack(ctx, id, r)
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
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

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// wantNoSecret: whatever happened, at any level no presigned URL, no part of its query, and no key is logged.
func (s *shop) wantNoSecret() {
	s.t.Helper()
	secrets := []string{"X-Amz-Signature=", "X-Amz-Credential", "AKIDEXAMPLE", "https://", "PRIVATE KEY", keyLine(s.files().Key)}
	log := s.log.String()
	for _, secret := range append(secrets, s.s3.signatures()...) {
		if secret != "" && strings.Contains(log, secret) {
			s.t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
}

// keyLine is the first line of a key's PEM body.
func keyLine(keyFile string) string {
	raw, err := os.ReadFile(keyFile)
	if err != nil {
		return ""
	}
	all := strings.Split(string(raw), "\n")
	if len(all) < 2 {
		return ""
	}
	return all[1]
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func otherPool(t *testing.T) *x509.CertPool {
	t.Helper()
	pki, err := devpki.Create(t.TempDir(), devpki.Options{})
	must(t, err)
	return pki.Pool()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var testCredentials = credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")

// atomicFlag tells the first call from the others.
type atomicFlag struct{ set atomic.Bool }

func (f *atomicFlag) first() bool { return !f.set.Swap(true) }

// mustLease leases the one item that is ready.
func (s *shop) mustLease() queue.Item {
	s.t.Helper()
	items, err := s.queue.Lease(context.Background(), 1)
	must(s.t, err)
	if len(items) != 1 {
		s.t.Fatal("nothing to lease")
	}
	return items[0]
}

// makeDue ends an item's deferral now; its attempts stay.
func (s *shop) makeDue(id queue.ID) {
	s.t.Helper()
	must(s.t, s.queue.Defer(context.Background(), id, queue.Deferral{Until: time.Now().Add(-time.Second)}))
}

// cut closes the connection without a word. (http.ErrAbortHandler would first wait for a body that the client holds
// back.)
func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.Close()
}

// narrow keeps the kernel from taking in a whole frame for a server that reads slowly: on a real line it is the
// sender's own buffer that fills.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	conn, err := n.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(32 << 10)
	}
	return conn, err
}
