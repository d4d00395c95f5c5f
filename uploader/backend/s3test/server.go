package s3test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/uploader/backend/devpki"
)

const (
	// Region is the server's region.
	Region = "us-east-1"

	accessKey = "s3test"
	secretKey = "s3test-secret"

	healthPath    = "/healthz"
	startAttempts = 5
	startTimeout  = 30 * time.Second
	pollInterval  = 10 * time.Millisecond
	logTail       = 16 << 10
)

// Server is one versitygw. Its methods fail the test; Start and Stop are for one goroutine at a time.
type Server struct {
	// Endpoint is https://127.0.0.1:<port>, the same after Stop and Start.
	Endpoint string
	// Addr is Endpoint's host and port.
	Addr string
	// PKI made the server's certificate; it can make more.
	PKI *devpki.PKI

	t       testing.TB
	program string
	dir     string
	client  *http.Client
	log     *tail
	stop    context.CancelFunc // nil while stopped
	ended   chan struct{}      // closed at the process's end; made by launch
	end     error              // how it ended; set before ended is closed
}

// Start runs a server until the test ends. It fails the test when versitygw has not been built. Its certificate is also
// for the hosts, beside those of this machine itself.
func Start(t testing.TB, hosts ...string) *Server {
	t.Helper()
	dir := t.TempDir()
	pki, err := devpki.Create(filepath.Join(dir, "pki"), devpki.Options{Hosts: append(devpki.DefaultHosts(), hosts...)})
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	for _, name := range []string{"data", "iam", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatalf("s3test: %v", err)
		}
	}
	s := &Server{PKI: pki, t: t, program: find(t), dir: dir, log: &tail{limit: logTail}}
	s.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pki.Pool()},
	}}
	t.Cleanup(s.cleanup)
	s.firstStart()
	return s
}

// firstStart looks for a free port. Another process can take it before the server does, hence the attempts.
func (s *Server) firstStart() {
	s.t.Helper()
	var err error
	for range startAttempts {
		if s.Addr, err = freeAddr(); err != nil {
			continue
		}
		s.Endpoint = "https://" + s.Addr
		if err = s.launch(); err == nil {
			return
		}
	}
	s.t.Fatalf("s3test: versitygw does not start: %v\n%s", err, s.log)
}

// Start runs the server again, on the same port and data. It does nothing while the server runs.
func (s *Server) Start() {
	s.t.Helper()
	if s.stop != nil {
		return
	}
	if err := s.launch(); err != nil {
		s.t.Fatalf("s3test: versitygw does not start again: %v\n%s", err, s.log)
	}
}

// Stop kills the server, as a power cut would. It does nothing while the server is stopped.
func (s *Server) Stop() {
	if s.stop == nil {
		return
	}
	s.stop()
	<-s.ended
	s.stop = nil
	s.client.CloseIdleConnections()
}

// HTTPClient trusts the server's certificate and sends nothing but what it is told: no credential.
func (s *Server) HTTPClient() *http.Client { return s.client }

// Credentials are those of the server's owner.
func (s *Server) Credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(accessKey, secretKey, "")
}

func (s *Server) cleanup() {
	s.Stop()
	if s.t.Failed() {
		s.t.Logf("s3test: the end of versitygw's log:\n%s", s.log)
	}
}

// launch returns when the server answers.
func (s *Server) launch() error {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, s.program, //nolint:gosec // the program that the tester named.
		"--port", s.Addr, "--region", Region, "--iam-dir", filepath.Join(s.dir, "iam"),
		"--health", healthPath, "--cert", s.PKI.Server.Cert, "--key", s.PKI.Server.Key, "--quiet", "--keep-alive",
		"posix", "--versioning-dir", filepath.Join(s.dir, "versions"), filepath.Join(s.dir, "data"))
	cmd.Env = []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey, "HOME=" + s.dir}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, s.log, s.log
	dieWithParent(cmd)

	started, ended := make(chan error, 1), make(chan struct{})
	s.ended = ended
	go func() {
		defer close(ended)
		// The kernel's "parent" is the thread that forked: it must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			s.end = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		cancel()
		return err
	}
	if err := s.waitHealthy(ctx); err != nil {
		cancel()
		<-s.ended
		return err
	}
	s.stop = cancel
	return nil
}

func (s *Server) waitHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := s.healthy(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("it ended: %w", s.end)
		case <-ctx.Done():
			return fmt.Errorf("not healthy after %s: %w", startTimeout, err)
		case <-tick.C:
		}
	}
}

func (s *Server) healthy(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+healthPath, nil)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", healthPath, response.Status)
	}
	return nil
}

func freeAddr() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// find returns the program's path, or fails the test with what to do.
func find(t testing.TB) string {
	t.Helper()
	if program := os.Getenv("SHELF_VERSITYGW"); program != "" {
		return program
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	program := filepath.Join(root, ".tools", "versitygw")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("s3test: no S3 server to test with (%v): run `make tools`, or set SHELF_VERSITYGW", err)
	}
	return program
}

// moduleRoot is the folder of go.mod, above the test's own.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod above the test's folder: %w", os.ErrNotExist)
		}
		dir = parent
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int

	mu   sync.Mutex
	kept []byte // guarded by mu
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if surplus := len(t.kept) - t.limit; surplus > 0 {
		t.kept = bytes.Clone(t.kept[surplus:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
