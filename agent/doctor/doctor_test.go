package doctor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/config/strict"
	"shelfagent/uploader/backend/devpki"
)

// rig is a shop in which everything works, until a test breaks something.
type rig struct {
	dir string
	pki *devpki.PKI
	c   config.Config
}

func newRig(t *testing.T, valid time.Duration) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir()}
	pki, err := devpki.Create(filepath.Join(r.dir, "pki"), devpki.Options{Rigs: []devpki.Rig{{Store: "4711", Rig: "left"}}, Valid: valid})
	if err != nil {
		t.Fatal(err)
	}
	r.pki = pki
	files := pki.RigFiles(devpki.Rig{Store: "4711", Rig: "left"})
	r.c = config.Default()
	r.c.StateDir, r.c.Capture.Dir = filepath.Join(r.dir, "state"), filepath.Join(r.dir, "cameras")
	for _, dir := range []string{r.c.StateDir, r.c.Capture.Dir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.c.Queue.MinFree = 1
	socket, err := os.MkdirTemp("", "dr") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(socket) })
	r.c.Status = config.Status{Socket: filepath.Join(socket, "s"), Listen: "127.0.0.1:0"}
	r.c.Backend = config.Backend{URL: "https://" + r.serve(t, r.pki), CA: pki.CA.Cert, Certificate: files.Cert, Key: files.Key}
	r.c.Upload.Hosts, r.c.Upload.CA = []string{r.serve(t, r.pki) + "/frames"}, pki.CA.Cert
	r.c.Development.AllowLoopback = true
	return r
}

// serve shakes hands with who comes, and says nothing.
func (r *rig) serve(t *testing.T, pki *devpki.PKI) string {
	t.Helper()
	settings, err := pki.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	settings.ClientAuth = tls.RequestClientCert
	return listen(t, func(conn net.Conn) { _ = tls.Server(conn, settings).HandshakeContext(t.Context()) })
}

// listen answers at an address of this machine until the test ends.
func listen(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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

// closed is an address that refuses.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (r *rig) walk(t *testing.T) []Result {
	t.Helper()
	var results []Result
	Walk(t.Context(), &r.c, func(result Result) { results = append(results, result) })
	for _, result := range results {
		if bad := result.Outcome == Warn || result.Outcome == Fail; bad != (result.Do != "") || result.Saw == "" {
			t.Errorf("%+v: whoever has a problem needs to be told what to do, and nobody else", result)
		}
	}
	return results
}

func TestAHealthyRigPassesEveryStep(t *testing.T) {
	r := newRig(t, 0)
	results := r.walk(t)
	steps := []string{"capture folder", "state folder", "status page", "identity", "backend", "s3 " + r.c.Upload.Hosts[0]}
	for i, result := range results {
		if i >= len(steps) || result.Step != steps[i] || result.Outcome != OK {
			t.Errorf("step %d: %+v", i, result)
		}
	}
	if len(results) != len(steps) {
		t.Errorf("%d steps, want %d", len(results), len(steps))
	}
	for _, dir := range []string{r.c.Capture.Dir, r.c.StateDir} {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s holds %v, %v", dir, left, err)
		}
	}
}

// TestWhatIsBroken breaks one thing a row, and reads what a technician would read.
func TestWhatIsBroken(t *testing.T) {
	foreign, err := devpki.Create(t.TempDir(), devpki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := devpki.Create(t.TempDir(), devpki.Options{Hosts: []string{"s3.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		story   string
		harm    func(*testing.T, *rig)
		step    string
		outcome Outcome
		saw, do string // parts; DIR is the rig's folder
	}{
		{"the capture disk is not mounted", func(t *testing.T, r *rig) { os.Remove(r.c.Capture.Dir) },
			"capture folder", Fail, "DIR/cameras does not exist", "mount its disk"},
		{"the capture folder is a file", func(t *testing.T, r *rig) { r.c.Capture.Dir = r.c.Backend.Key },
			"capture folder", Fail, "not a directory", "Set capture.dir to the folder that the cameras write into"},
		{"the agent has never run", func(t *testing.T, r *rig) { os.Remove(r.c.StateDir) },
			"state folder", Warn, "DIR/state is not there yet", "Nothing before the first start"},
		{"the state folder is a file", func(t *testing.T, r *rig) { r.c.StateDir = r.c.Backend.Key },
			"state folder", Fail, "is not a folder", "correct state_dir"},
		{"the queue is a file", func(t *testing.T, r *rig) { r.c.Queue.Dir = r.c.Backend.Key },
			"state folder", Fail, "the queue cannot be looked into: not a directory", "sudo -u shelf-agent shelf-agent doctor"},
		{"the queue's disk has less than has to stay free", func(t *testing.T, r *rig) {
			if err := os.Mkdir(r.c.QueueDir(), 0o700); err != nil {
				t.Fatal(err)
			}
			r.c.Queue.MinFree = 1 << 60
		}, "state folder", Fail, "and 1152921504606 MB have to stay free (queue.min_free)", "lower queue.min_free"},
		{"another program has the page's port", func(t *testing.T, r *rig) { r.c.Status.Listen = listen(t, func(net.Conn) {}) },
			"status page", Warn, "no agent runs", "End the program that has it, or name a free address"},
		{"the page's address is another machine's", func(t *testing.T, r *rig) { r.c.Status.Listen = "192.0.2.1:80" },
			"status page", Warn, "192.0.2.1:80", "name a free address and port of this machine in status.listen"},
		{"no certificate", func(t *testing.T, r *rig) { os.Remove(r.c.Backend.Certificate) },
			"identity", Fail, "rig-4711-left.pem: no such file", "sudo shelf-agent enroll. If it was, put the file there, or correct its place in [backend]"},
		{"everybody may read the key", func(t *testing.T, r *rig) { os.Chmod(r.c.Backend.Key, 0o644) },
			"identity", Fail, "(mode 0644); run: chmod 600 DIR/pki/rig-4711-left-key.pem", "Do what is said above."},
		{"the certificate is no certificate", func(t *testing.T, r *rig) { r.c.Backend.Certificate = r.c.Backend.Key },
			"identity", Fail, "device certificate DIR/pki/rig-4711-left-key.pem", "ask the cloud team for a new one"},
		{"nothing listens at the backend", func(t *testing.T, r *rig) { r.c.Backend.URL = "https://" + closed(t) },
			"backend", Fail, "the backend: connection refused", "Check host and port in backend.url"},
		{"a firewall that signs everything itself", func(t *testing.T, r *rig) { r.c.Backend.URL = "https://" + r.serve(t, foreign) },
			"backend", Fail, "which this machine does not trust; a firewall may be intercepting TLS", "name its authority in backend.ca"},
		{"a login page without TLS", func(t *testing.T, r *rig) {
			r.c.Upload.Hosts = []string{listen(t, func(conn net.Conn) { fmt.Fprint(conn, "HTTP/1.1 302 Found\r\n\r\n") }) + "/frames"}
		}, "s3", Fail, "does not speak TLS", "a login page may be answering"},
		{"another host's certificate", func(t *testing.T, r *rig) {
			r.c.Upload.Hosts, r.c.Upload.CA = []string{r.serve(t, elsewhere) + "/frames"}, elsewhere.CA.Cert
		}, "s3", Fail, "not for the name", "Check the name in upload.hosts"},
		{"a rig in a shop with a name that leads to itself", func(t *testing.T, r *rig) {
			r.c.Development.AllowLoopback, r.c.Upload.Hosts = false, []string{"localhost/frames"}
		}, "s3", Fail, "is not allowed", "Check the name in upload.hosts, the DNS server of this machine, and the VPN"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			if runtime.GOOS == "windows" && (strings.Contains(tc.story, "read the key") || strings.Contains(tc.saw, "not a directory")) {
				t.Skip("another system, other words")
			}
			r := newRig(t, 0)
			tc.harm(t, r)
			for _, result := range r.walk(t) {
				if step, _, _ := strings.Cut(result.Step, " 127"); step != tc.step && !strings.HasPrefix(result.Step, tc.step+" ") {
					continue
				}
				saw, do := strings.ReplaceAll(tc.saw, "DIR", r.dir), strings.ReplaceAll(tc.do, "DIR", r.dir)
				if result.Outcome != tc.outcome || !strings.Contains(result.Saw, saw) || !strings.Contains(result.Do, do) {
					t.Errorf("%s: %s\nDo: %s\nwant %s, %s\nDo: %s", result.Outcome, result.Saw, result.Do, tc.outcome, saw, do)
				}
				return
			}
			t.Error("the step is missing")
		})
	}
}

func TestWithoutAnIdentityTheRestIsSkipped(t *testing.T) {
	r := newRig(t, 0)
	os.Remove(r.c.Backend.Key)
	results := r.walk(t)
	for _, result := range results[len(results)-2:] {
		if result.Outcome != Skipped {
			t.Errorf("%+v", result)
		}
	}
}

func TestACertificateThatEndsSoonIsAWarning(t *testing.T) {
	for _, result := range newRig(t, 10*time.Minute).walk(t) {
		if result.Step == "identity" && (result.Outcome != Warn || !strings.Contains(result.Saw, "ends soon")) {
			t.Errorf("%+v", result)
		}
	}
}

func TestRemedies(t *testing.T) {
	for want, err := range map[string]error{
		"the DNS server of this machine": &net.DNSError{Name: "tickets.example.com"},
		"Open tickets.example.com:443":   errors.New("i/o timeout"),
	} {
		if got := Remedy(true, "tickets.example.com:443", err); !strings.Contains(got, want) || !strings.Contains(got, "backend.url") {
			t.Errorf("%v: %q", err, got)
		}
	}
}

func TestOnlyKeysOfTheConfigurationAreNamed(t *testing.T) {
	known := strings.Join(strict.Keys(config.Config{}), " ") + " "
	for _, key := range []string{"capture.dir", "state_dir", "backend.url", "backend.ca", "upload.hosts", "upload.ca", "queue.min_free", "status.listen"} {
		if !strings.Contains(known, key+" ") {
			t.Errorf("the advice names %s, which is no key", key)
		}
	}
}
