package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/s3test"
)

const (
	store  = "store-7"
	bucket = "frames"
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// programs is the folder of the two programs, built once by TestMain; or, where envPrograms names it, by the process that
// started this one.
var programs string

const envPrograms = "SHELFAGENT_E2E_PROGRAMS"

func TestMain(m *testing.M) {
	becomeClocked()
	zerolog.SetGlobalLevel(zerolog.Disabled) // a toxic logs to standard error otherwise
	if programs = os.Getenv(envPrograms); programs != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "shelf-e2e-")
	if err != nil {
		panic(err)
	}
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "shelfagent/cmd/shelf-agent", "shelfagent/cmd/shelf-backend")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("building the programs: %v\n%s", err, out))
	}
	programs = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// rig is a shop and its cloud: an S3 server, a backend and an agent, each a process.
type rig struct {
	t       testing.TB
	dir     string
	s3      *s3test.Server
	bucket  string
	backend *process
	agent   *process

	backendAddr              string
	backendClock, agentClock *clock // nil: the machine's
}

// plan is what a test can have otherwise. Zero values are the usual way.
type plan struct {
	s3     *s3test.Server // nil: one of its own
	bucket string         // "": frames
	// way returns where the agent meets the backend and S3, when something stands between.
	way func(backend, s3 string) (string, string)
	// agent replaces lines of the agent's configuration, each the key and its new value.
	agent map[string]string
	// backendListen is where the backend listens; "": a free port of this machine.
	backendListen string
}

func newRig(t testing.TB, p plan) *rig {
	t.Helper()
	// The socket's path must be short, so not t.TempDir.
	dir, err := os.MkdirTemp("", "rig-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	r := &rig{t: t, dir: dir, s3: p.s3, bucket: cmp.Or(p.bucket, bucket)}
	if r.s3 == nil {
		r.s3 = s3test.Start(t)
	}
	r.s3.CreateBucket(t, r.bucket)
	who := devpki.Rig{Store: store, Rig: "of-" + r.bucket}
	if _, err := r.s3.PKI.AddRig(who, false); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(r.path("capture"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.backendAddr = cmp.Or(p.backendListen, freePort(t))
	backendDoor, s3Door := r.backendAddr, r.s3.Addr
	if p.way != nil {
		backendDoor, s3Door = p.way(r.backendAddr, r.s3.Addr)
	}
	pki, files := r.s3.PKI, r.s3.PKI.RigFiles(who)
	r.write("backend.toml", fmt.Sprintf(`
[listen]
address = %q
certificate = %q
key = %q
client_ca = %q
[identity]
trust_domain = %q
[s3]
bucket = %q
region = %q
kms_key_arn = %q
endpoint = "https://%s"
path_style = true
`, r.backendAddr, pki.Server.Cert, pki.Server.Key, pki.CA.Cert, pki.TrustDomain, r.bucket, s3test.Region, keyARN, s3Door))
	agent := fmt.Sprintf(`
state_dir = %q
[capture]
dir = %q
[queue]
min_free = "64 MiB"
[backend]
url = "https://%s"
ca = %q
certificate = %q
key = %q
[upload]
hosts = ["%s/%s"]
ca = %q
kms_key_arn = %q
# A kill counts as a try of whatever was under way; these tests kill more often than a lifetime of power cuts.
max_attempts = 100
stall = "1m"
start_spread = "0s"
[network]
private_only = false
private_ranges = ["10.0.0.0/8"]
[status]
socket = %q
listen = ""
[log]
level = "debug"
format = "text"
[development]
allow_loopback = true
`, r.path("state"), r.path("capture"), backendDoor, pki.CA.Cert, files.Cert, files.Key, s3Door, r.bucket, pki.CA.Cert, keyARN, r.path("agent.sock"))
	for key, value := range p.agent {
		line := regexp.MustCompile(`(?m)^` + key + ` = .*$`)
		if !line.MatchString(agent) {
			t.Fatalf("the agent's configuration has no %s", key)
		}
		agent = line.ReplaceAllLiteralString(agent, key+" = "+value)
	}
	r.write("agent.toml", agent)
	return r
}

func (r *rig) path(names ...string) string {
	return filepath.Join(append([]string{r.dir}, names...)...)
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(r.path(name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) startBackend() {
	r.t.Helper()
	credentials, err := r.s3.Credentials().Retrieve(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	r.backend = start(r.t, r.path("backend.log"), r.backendClock, []string{
		"AWS_ACCESS_KEY_ID=" + credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + credentials.SecretAccessKey,
	}, "shelf-backend", "serve", "--config", r.path("backend.toml"))
}

// awaitBackend returns when the backend takes connections, as it does all day.
func (r *rig) awaitBackend() {
	r.t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		conn, err := net.Dial("tcp", r.backendAddr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-deadline:
			r.t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (r *rig) startAgent() {
	r.t.Helper()
	r.agent = start(r.t, r.path("agent.log"), r.agentClock, nil, "shelf-agent", "run", "--config", r.path("agent.toml"))
}

// ask returns the agent's own document, by the command that people use.
func (r *rig) ask() (status.Snapshot, error) {
	cmd := exec.Command(filepath.Join(programs, "shelf-agent"), "status", "--json", "--socket", r.path("agent.sock"))
	out, err := cmd.Output()
	if len(out) == 0 {
		return status.Snapshot{}, fmt.Errorf("status said nothing: %w", err)
	}
	var s status.Snapshot
	return s, json.Unmarshal(out, &s)
}

// await asks until the answer is as wanted.
func (r *rig) await(what string, limit time.Duration, wanted func(status.Snapshot) bool) status.Snapshot {
	r.t.Helper()
	deadline := time.After(limit)
	var last status.Snapshot
	for {
		s, err := status.Ask(context.Background(), r.path("agent.sock"))
		if err == nil {
			last = s
			if wanted(s) {
				return s
			}
		}
		select {
		case <-deadline:
			r.t.Fatalf("%s: not within %s; last status %+v, error %v", what, limit, last, err)
		case err := <-r.agent.ended:
			r.agent.ended <- err
			r.t.Fatalf("%s: the agent ended: %v", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// process is a child that dies with the test.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	ended chan error
}

func start(t testing.TB, logFile string, c *clock, env []string, program string, args ...string) *process {
	t.Helper()
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	t.Cleanup(func() {
		if t.Failed() {
			raw, _ := os.ReadFile(logFile)
			t.Logf("the end of %s:\n%s", filepath.Base(logFile), raw[max(0, len(raw)-8000):])
		}
	})
	if c != nil {
		return c.start(t, log, env, program, args...)
	}
	return startTo(t, log, env, program, args...)
}

// startTo starts a child that writes its log to an open file.
func startTo(t testing.TB, log *os.File, env []string, program string, args ...string) *process {
	t.Helper()
	return startExtra(t, log, env, nil, filepath.Join(programs, program), args...)
}

// startExtra starts a child with open files beside the usual three.
func startExtra(t testing.TB, log *os.File, env []string, extra []*os.File, file string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(file, args...), ended: make(chan error, 1)}
	p.cmd.ExtraFiles = extra
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithParent()
	begun := make(chan error)
	go func() {
		runtime.LockOSThread() // the child dies with this thread: it must live as long as the child
		err := p.cmd.Start()
		begun <- err
		if err == nil {
			p.ended <- p.cmd.Wait()
		}
	}()
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// kill is SIGKILL, and waits for the end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	err := <-p.ended
	p.ended <- err
}

// stop is SIGTERM, and wants a clean end.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		if err != nil {
			p.t.Fatalf("%s did not stop cleanly: %v", p.cmd.Path, err)
		}
	case <-time.After(30 * time.Second):
		p.t.Fatalf("%s did not stop within 30 s", p.cmd.Path)
	}
}

// bucketFor makes a bucket's name of the test's.
func bucketFor(t testing.TB) string {
	name := []byte(strings.ToLower(path.Base(t.Name())))
	for i, b := range name {
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') {
			name[i] = '-'
		}
	}
	return string(name)
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// files lists what is below a folder, but for the agent's own marker.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() != ".shelf-agent-capture" {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func logHas(t testing.TB, file, text string) bool {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(raw, []byte(text)) && !strings.Contains(text, "\n")
}
