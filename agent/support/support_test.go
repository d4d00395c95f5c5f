package support

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/devpki"
)

var now = time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC)

// Secrets of a rig, which all lie where an archive looks, or are said where it listens.
const (
	token        = "tok-5ec2e7d1a0b94c3f8e6d5a4b3c2d1e0f5ec2e7d1"
	code         = "7KQ2-M0X9-DB3H-4TZE"
	signature    = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
	credential   = "AKIAIOSFODNN7EXAMPLE/20261122/eu-central-1/s3/aws4_request"
	session      = "IQoJb3JpZ2luX2VjEXAMPLE"
	variable     = "correct-horse-battery"
	urlPassword  = "hunter2hunter2"
	camPassword  = "abc/123@x?y"
	logPassword  = "pa55w0rd-in-a-log"
	bearer       = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"
	comment      = "the wifi is called bananarama"
	photographed = "the bytes of a picture"
	leave        = "2f7e0c55b1"
)

// presigned is a URL that is leave to write.
const presigned = "https://frames.example.com/raw/4711/a.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + credential +
	"&X-Amz-Security-Token=" + session + "&X-Amz-Signature=" + signature

// rig is a machine on which everything that should be secret lies about, and an agent that says all of it.
type rig struct {
	dir     string
	options Options
	key     []byte
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "su") // a socket's path must be short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	id := devpki.Rig{Store: "4711", Rig: "left"}
	pki, err := devpki.Create(filepath.Join(dir, "pki"), devpki.Options{Rigs: []devpki.Rig{id}})
	must(t, err)
	files := pki.RigFiles(id)
	r := &rig{dir: dir, options: Options{Config: filepath.Join(dir, "config.toml"), Version: "1.2.3", Unit: "shelf-agent", Now: now}}
	r.key, err = os.ReadFile(files.Key)
	must(t, err)
	for _, folder := range []string{"cameras", "state/queue/payload/aisle-1", "bin"} {
		must(t, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	}
	must(t, os.WriteFile(filepath.Join(dir, "state/queue/payload/aisle-1/a.jpg"), []byte(photographed), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "token"), []byte(token+"\n"), 0o600))
	r.configure(t, fmt.Sprintf(`state_dir = '%s' # %s
[capture]
dir = '%s'
[backend]
url = "https://tickets.example.com"
certificate = '%s'
key = '%s'
token_file = '%s'
[upload]
hosts = ["frames.example.com"]
[status]
socket = '%s'
listen = ""
[development]
allow_lab_token = true
`, filepath.Join(dir, "state"), comment, filepath.Join(dir, "cameras"), files.Cert, files.Key, filepath.Join(dir, "token"), r.socket()))
	t.Setenv("SHELF_DATABASE_PASSWORD", variable)
	return r
}

func (r *rig) socket() string { return filepath.Join(r.dir, "s") }

func (r *rig) configure(t *testing.T, text string) {
	t.Helper()
	must(t, os.WriteFile(r.options.Config, []byte(text), 0o600))
}

// said is everything that must not leave, where programs might say it.
func (r *rig) said() []string {
	block, _ := pem.Decode(r.key)
	quoted, _ := json.Marshal(string(r.key))
	return []string{
		"PUT " + presigned, "PUT " + url.QueryEscape(presigned), `{"level":"ERROR","reason":"` + presigned + `"}`,
		"key: " + string(quoted), "key: " + base64.StdEncoding.EncodeToString(block.Bytes), string(r.key),
		"lab token " + token, "Authorization: Bearer " + bearer, `{"authorization":"Bearer ` + bearer + `"}`,
		"sudo shelf-agent enroll --code " + code, "the code " + strings.ToLower(code) + " was used",
		"connecting with " + variable, "s3://user:" + urlPassword + "@s3.example.com/bucket", "password=" + logPassword,
		`{"db_password":"` + logPassword + `"}`, "admin:" + urlPassword + "@10.0.0.7",
		"rtsp://admin:" + camPassword + "@10.0.0.7:554/stream1", "logged in with " + bearer,
		"GET https://login.example.com/portal?leave=" + leave,
	}
}

// secrets are what must not be found, by what they are.
func (r *rig) secrets(t *testing.T) map[string]string {
	t.Helper()
	block, _ := pem.Decode(r.key)
	pair, err := tls.X509KeyPair(r.certificate(t), r.key)
	must(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(r.key)), "\n")
	return map[string]string{
		"token": token, "code": code, "code in small letters": strings.ToLower(code), "signature": signature, "credential": credential,
		"credential, escaped": url.QueryEscape(credential), "session": session, "environment": variable, "URL's password": urlPassword, "log's password": logPassword, "camera's password": camPassword,
		"bearer": bearer, "query": leave, "key": "PRIVATE KEY", "key's line": lines[1], "key in one": base64.StdEncoding.EncodeToString(block.Bytes),
		"PKCS 8": base64.StdEncoding.EncodeToString(pkcs8),
	}
}

func (r *rig) certificate(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "pki", "rig-4711-left.pem"))
	must(t, err)
	return text
}

// talk has a journal and a running agent say everything.
func (r *rig) talk(t *testing.T) {
	t.Helper()
	r.journal(t, strings.Join(r.said(), "\n")+"\n"+`{"level":"WARN","msg":"The link is down","condition":"link_down","detail":"PUT `+presigned+`"}`+"\n")
	all := strings.Join(r.said(), "\n")
	snapshot := status.Snapshot{
		Verdict: status.Down, Conditions: []status.Condition{{Code: "link_down", Severity: "critical", Detail: all, Since: now}},
		Link: status.Link{Reason: all, HeartbeatProblem: presigned}, Recent: []status.Recent{{File: "IMG_1.jpg", Why: presigned}},
	}
	agent, err := status.Listen(status.Options{
		Socket: r.socket(), Logger: slog.New(slog.DiscardHandler), Snapshot: func() status.Snapshot { return snapshot },
	})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- agent.Serve(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

// journal puts a journalctl before the system's, which says this.
func (r *rig) journal(t *testing.T, text string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("NOT TESTED: there is no journal here")
	}
	bin := filepath.Join(r.dir, "bin")
	must(t, os.WriteFile(filepath.Join(bin, "said"), []byte(text), 0o600))
	must(t, os.WriteFile(filepath.Join(bin, "journalctl"), []byte("#!/bin/sh\ncat "+bin+"/said\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// unpack returns the archive's texts by name, without their folder.
func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	must(t, err)
	texts := map[string]string{}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return texts
		}
		must(t, err)
		text, err := io.ReadAll(archive)
		must(t, err)
		folder, name, _ := strings.Cut(header.Name, "/")
		if folder != "shelf-agent-support-4711-left-20261122T011803Z" || header.Mode != 0o600 {
			t.Errorf("%s, mode %#o", header.Name, header.Mode)
		}
		texts[name] = string(text)
	}
}

// TestP7_NoSecretInTheArchive: a rig on which all secrets lie about and are told by everybody gives an archive with none
// of them; and one with each of them where nothing is taken out, so that this test would find it.
func TestP7_NoSecretInTheArchive(t *testing.T) {
	r := newRig(t)
	r.talk(t)
	b := Gather(t.Context(), r.options)
	file := filepath.Join(r.dir, b.Name+".tar.gz")
	must(t, b.Write(file, now))
	texts := unpack(t, file)
	texts["what the command prints"] = strings.Join(b.Contents(), "\n")
	redactor := NewRedactor()
	open := gather(t.Context(), r.options, redactor, func(text []byte) []byte { return text })
	for what, secret := range r.secrets(t) {
		for name, text := range texts {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s tells the %s: …%.200s", name, what, text[max(0, at-60):])
			}
		}
		leaks := false
		for _, p := range open.Parts {
			leaks = leaks || bytes.Contains(p.Text, []byte(secret))
		}
		if !leaks {
			t.Errorf("the %s is not told even where nothing is taken out: this test would not find it", what)
		}
	}
	for _, never := range []string{comment, photographed} {
		for name, text := range texts {
			if strings.Contains(text, never) {
				t.Errorf("%s holds %q", name, never)
			}
		}
	}
}

// TestWhatStays: the archive is still of use.
func TestWhatStays(t *testing.T) {
	r := newRig(t)
	r.talk(t)
	b := Gather(t.Context(), r.options)
	file := filepath.Join(r.dir, "a.tar.gz")
	must(t, b.Write(file, now))
	texts := unpack(t, file)
	for name, wants := range map[string][]string{
		"README.txt":      {"shelf-agent 1.2.3 at 2026-11-22 01:18:03 UTC", "status.json", "signature, ", "What is never in it: pictures"},
		"status.json":     {`"verdict": "down"`, "IMG_1.jpg", "https://frames.example.com/raw/4711/a.jpg?[redacted]"},
		"conditions.txt":  {"Now: critical link_down , since 2026-11-22T01:18:03Z", `"condition":"link_down"`},
		"queue.json":      {`"payload": {`, fmt.Sprintf(`"bytes": %d`, len(photographed))},
		"config.toml":     {`url = "https://tickets.example.com"`, "token_file = '" + filepath.Join(r.dir, "token") + "'"},
		"certificate.txt": {"spiffe://shelf.test/store/4711/rig/left", "mode 0600"},
		"disk.txt":        {"state_dir " + filepath.Join(r.dir, "state"), "MB free of"},
		"network.txt":     {"lo: up"},
		"machine.txt":     {"shelf-agent 1.2.3", runtime.Version(), "SHELF_DATABASE_PASSWORD"},
		"logs.txt":        {"PUT https://frames.example.com/raw/4711/a.jpg?[redacted]", "s3://[redacted]@s3.example.com/bucket"},
	} {
		for _, want := range wants {
			if runtime.GOOS == "linux" && !strings.Contains(texts[name], want) {
				t.Errorf("%s does not say %q:\n%.2000s", name, want, texts[name])
			}
		}
	}
	for _, name := range []string{"status.json", "queue.json"} {
		if !json.Valid([]byte(texts[name])) {
			t.Errorf("%s is no document any more: %s", name, texts[name])
		}
	}
	if got := strings.Count(texts["config.toml"], "\n"); got < 15 || strings.Contains(texts["config.toml"], "#") {
		t.Errorf("the configuration lost its lines, or kept a comment:\n%s", texts["config.toml"])
	}
}

// TestAConfigurationWithMistakes: nothing of it but the mistakes, which may quote it.
func TestAConfigurationWithMistakes(t *testing.T) {
	r := newRig(t)
	r.configure(t, "state_dir = '"+r.dir+"'\nnote = '"+comment+"'\n[upload]\nhosts = [\"user:"+urlPassword+"@s3.example.com/frames\"]\n"+
		"[backend]\nurl = 'https://user:"+urlPassword+"@tickets.example.com/?token="+token+"'\n")
	b := Gather(t.Context(), r.options)
	for _, p := range b.Parts {
		for _, secret := range []string{urlPassword, comment, token} {
			if strings.Contains(string(p.Text)+p.Missing+p.About, secret) {
				t.Errorf("%s tells %s: %s", p.Name, secret, p.Text)
			}
		}
		if p.Name == "config.toml" && !strings.Contains(string(p.Text), "config.toml:2:1: note: there is no such key") {
			t.Errorf("%s", p.Text)
		}
	}
	if !strings.Contains(strings.Join(b.Contents(), "\n"), "the file has mistakes") {
		t.Error("it is not said that there is no more of it")
	}
}

// TestABareMachine: no configuration, no certificate, no agent, no journal. What is missing is said, and the rest is there.
func TestABareMachine(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	b := Gather(t.Context(), Options{Config: filepath.Join(dir, "absent.toml"), Unit: "shelf-agent", Now: now})
	said := strings.Join(b.Contents(), "\n")
	for _, want := range []string{"absent.toml: there is no such file", "this machine has no journalctl", "no such file or directory"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if b.Name != "shelf-agent-support-unknown-rig-20261122T011803Z" {
		t.Error(b.Name)
	}
	must(t, b.Write(filepath.Join(dir, "a.tar.gz"), now))
}

// TestNothingIsWrittenOver, and only the owner reads it.
func TestNothingIsWrittenOver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	b := Bundle{Name: "x", Parts: []Part{{Name: "README.txt", Text: []byte("a")}}}
	must(t, b.Write(file, now))
	info, err := os.Stat(file)
	must(t, err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %#o", info.Mode().Perm())
	}
	before, err := os.ReadFile(file)
	must(t, err)
	if err := b.Write(file, now); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	after, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("it was written over")
	}
}

// TestLongTextsAreCut at their beginning, between lines.
func TestLongTextsAreCut(t *testing.T) {
	got := string(tail([]byte(strings.Repeat("0123456789\n", 100)), 55))
	if got != "(what came before was left out)\n"+strings.Repeat("0123456789\n", 5) && got != "(what came before was left out)\n"+strings.Repeat("0123456789\n", 4) {
		t.Errorf("%q", got)
	}
}

func TestWithoutComments(t *testing.T) {
	for text, want := range map[string]string{
		"a = 1 # x\nb = 2":                          "a = 1 \nb = 2",
		"# x":                                       "",
		`a = "b # \" c" # x`:                        `a = "b # \" c" `,
		`a = 'b # \' # x`:                           `a = 'b # \' `,
		"a = \"\"\"\n# y \"\"\nz\"\"\" # x\n":       "a = \"\"\"\n# y \"\"\nz\"\"\" \n",
		"a = '''\n# y ''\n'''# x":                   "a = '''\n# y ''\n'''",
		"hosts = [\n \"a\", # x\n 'b', # y \"\n]\n": "hosts = [\n \"a\", \n 'b', \n]\n",
	} {
		if got := string(withoutComments([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestWhatIsNoSecret: digests, names and places must survive, or the archive is of no use.
func TestWhatIsNoSecret(t *testing.T) {
	for _, text := range []string{
		"sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"raw/4711/2026-11-22/cam-3/011803.123-9f86.jpg", `"ticket_refused": 3`, "token_file = '/etc/token'", "allow_lab_token = true", "spiffe://shelf.test/store/4711/rig/left",
		"2026-11-22T01:18:03.123Z", "dial tcp 10.0.0.7:443: connection refused", "https://tickets.example.com/v1/tickets", "fd00:ec2::254",
		"https://tickets.example.com/v1/a@b", "open /srv/cam@3/a.jpg: no such file", "version eyJ.b.c",
	} {
		if got := string(NewRedactor().Clean([]byte(text))); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// TestPasswordsOfCameras may hold any character, and vendors' addresses have them in the middle.
func TestPasswordsOfCameras(t *testing.T) {
	for text, want := range map[string]string{
		"rtsp://admin:abc/123@10.0.0.7:554/s":             "rtsp://[redacted]@10.0.0.7:554/s",
		"rtsp://admin:a@b/c@10.0.0.7/s?channel=1":         "rtsp://[redacted]@10.0.0.7/s?[redacted]",
		"rtsp://admin:<abc'/123>@10.0.0.7/s failed":       "rtsp://[redacted]@10.0.0.7/s failed",
		"rtsp://:abc/123@10.0.0.7":                        "rtsp://[redacted]@10.0.0.7",
		"rtsp://admin@10.0.0.7/s":                         "rtsp://[redacted]@10.0.0.7/s",
		"rtsp://admin:abc?123@10.0.0.7/s next":            "rtsp://[redacted] next",
		"admin:abc/123@10.0.0.7":                          "[redacted]@10.0.0.7",
		"admin:/abc@10.0.0.7":                             "[redacted]@10.0.0.7",
		"https://h:8443/a?mail=me@x.org&sig=5ec2e7 next":  "https://[redacted] next",
		"https://h:8443?mail=me@x.org&sig=5ec2e7 next":    "https://[redacted] next",
		"https://h/a:b?mail=me@x.org&sig=5ec2e7 next":     "https://h/a:b?[redacted] next",
		`{"a":"rtsp://u:p/q@h","b":"me@x.org"}`:           `{"a":"rtsp://[redacted]@h","b":"me@x.org"}`,
		"token eyJhbGciOiJFUzI1NiJ9.e30.c2ln-_x, refused": "token [redacted], refused",
	} {
		if got := string(NewRedactor().Clean([]byte(text))); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
