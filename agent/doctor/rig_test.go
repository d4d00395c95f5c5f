package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/agent/config"
	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/backend/s3test"
)

const (
	bucket = "frames"
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

var left = devpki.Rig{Store: "4711", Rig: "left"}

// rig is a shop in which everything works, with a real backend and a real S3 server, until a test breaks something.
type rig struct {
	dir     string
	pki     *devpki.PKI
	s3      *s3test.Server
	backend backend.Options // before begin
	c       config.Config
	limits  limits
}

// cloud is an S3 server with the bucket, for several rigs.
func cloud(t *testing.T) *s3test.Server {
	t.Helper()
	server := s3test.Start(t)
	server.CreateBucket(t, bucket)
	return server
}

func newRig(t *testing.T, server *s3test.Server) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir(), pki: server.PKI, s3: server, limits: limits{diskTimeout, Longest}}
	files, err := r.pki.AddRig(left, true)
	must(t, err)
	r.c = config.Default()
	r.c.StateDir, r.c.Capture.Dir = filepath.Join(r.dir, "state"), filepath.Join(r.dir, "cameras")
	for _, dir := range []string{r.c.StateDir, r.c.Capture.Dir, filepath.Join(r.c.Capture.Dir, "aisle-1")} {
		must(t, os.Mkdir(dir, 0o700))
	}
	r.c.Queue.MinFree = 1
	socket, err := os.MkdirTemp("", "dr") // a socket's path must be short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(socket) })
	r.c.Status = config.Status{Socket: filepath.Join(socket, "s"), Listen: "127.0.0.1:0"}
	r.c.Backend = config.Backend{CA: r.pki.CA.Cert, Certificate: files.Cert, Key: files.Key}
	r.c.Upload.CA, r.c.Upload.KMSKeyARN = r.pki.CA.Cert, keyARN
	r.c.Development.AllowLoopback = true
	r.backend = backend.Options{
		TrustDomain: r.pki.TrustDomain, Policy: backend.Policy{CanariesPerHour: 100}, Log: slog.New(slog.DiscardHandler),
		S3: backend.S3{
			Bucket: bucket, Region: s3test.Region, Endpoint: server.Endpoint, PathStyle: true, KMSKeyARN: keyARN,
			Credentials: server.Credentials(),
		},
	}
	return r
}

// begin starts the backend as it is configured by now, and has the rig use it.
func (r *rig) begin(t *testing.T) {
	t.Helper()
	b, err := backend.New(t.Context(), r.backend)
	must(t, err)
	settings, err := r.pki.ServerTLS()
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- backend.Serve(ctx, l, settings, b, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() { stop(); <-ended })
	r.c.Backend.URL = "https://" + l.Addr().String()
	r.c.Upload.Hosts = []string{strings.TrimPrefix(r.backend.S3.Endpoint, "https://") + "/" + r.backend.S3.Bucket}
}

// revoke takes the rig's certificate back, as `shelf-backend rig revoke` does.
func (r *rig) revoke(t *testing.T) {
	t.Helper()
	path := filepath.Join(r.dir, "registry.db")
	_, err := registry.MakeFile(path)
	must(t, err)
	file, err := registry.OpenFile(path)
	must(t, err)
	r.backend.Registry = registry.New(file, r.backend.Log)
	t.Cleanup(func() { r.backend.Registry.Close() })
	must(t, r.backend.Registry.RevokeRig(t.Context(), registry.Rig{Store: left.Store, Rig: left.Rig}, "stolen", true, time.Now()))
}

// before puts a front before S3 that changes its answers.
func (r *rig) before(t *testing.T, change func(*http.Response)) {
	t.Helper()
	target, err := url.Parse(r.s3.Endpoint)
	must(t, err)
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // it is signed
		},
		Transport:      r.s3.HTTPClient().Transport,
		ModifyResponse: func(answer *http.Response) error { change(answer); return nil },
		ErrorLog:       slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	})
	front.TLS, err = r.pki.ServerTLS()
	must(t, err)
	front.TLS.ClientAuth = tls.NoClientCert
	front.StartTLS()
	t.Cleanup(front.Close)
	r.backend.S3.Endpoint = front.URL
}

// serve shakes hands with who comes, with a server certificate of pki's, and says nothing.
func serve(t *testing.T, pki *devpki.PKI) string {
	t.Helper()
	settings, err := pki.ServerTLS()
	must(t, err)
	settings.ClientAuth = tls.RequestClientCert
	return listen(t, func(conn net.Conn) { _ = tls.Server(conn, settings).HandshakeContext(t.Context()) })
}

// firewall answers for everybody, with certificates that it signs itself.
func firewall(t *testing.T) func(net.Conn) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ACME Firewall", Organization: []string{"ACME"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	settings := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return func(conn net.Conn) { _ = tls.Server(conn, settings).HandshakeContext(t.Context()) }
}

// listen answers at an address of this machine until the test ends.
func listen(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			answer(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// silent takes what comes and never answers.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// refusing is an address that refuses.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// walk returns the results, and holds each to what all of them promise.
func (r *rig) walk(t *testing.T) []Result { return r.walkIn(t.Context(), t) }

func (r *rig) walkIn(ctx context.Context, t *testing.T) []Result {
	t.Helper()
	var results []Result
	r.limits.walk(ctx, &r.c, func(result Result) { results = append(results, result) })
	var steps []string
	for _, result := range results {
		steps = append(steps, result.Step)
		if bad := result.Outcome == Warn || result.Outcome == Fail; bad != (result.Do != "") || result.Saw == "" {
			t.Errorf("%+v: whoever has a problem needs to be told what to do, and nobody else", result)
		}
		if result.Outcome == Fail && result.Means == "" {
			t.Errorf("%s does not say what it means", result.Step)
		}
		if strings.Contains(result.Saw+result.Do, "X-Amz") || strings.Contains(result.Saw+result.Do, "?") {
			t.Errorf("%s tells a ticket: %s", result.Step, result.Saw)
		}
	}
	want := []string{"agent", "capture folder", "watches", "state folder", "status page", "clock", "backend dns", "backend tcp", "backend tls"}
	for _, host := range r.c.Upload.Hosts {
		want = append(want, "s3 "+host+" dns", "s3 "+host+" tcp", "s3 "+host+" tls")
	}
	want = append(want, "identity", "ticket", "clock offset", "canary", "proof", "no overwriting")
	if strings.Join(steps, "\n") != strings.Join(want, "\n") {
		t.Errorf("steps %q, want %q", steps, want)
	}
	return results
}

// find returns the step by the beginning of its name, and that of its end.
func find(results []Result, begins, ends string) Result {
	for _, r := range results {
		if strings.HasPrefix(r.Step, begins) && strings.HasSuffix(r.Step, ends) {
			return r
		}
	}
	return Result{}
}

// theirs are credentials that S3 does not know.
func theirs() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
