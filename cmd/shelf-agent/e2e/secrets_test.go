package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/s3test"
)

// witness stands before S3 and sees every ticket that is used. It can answer in S3's place.
type witness struct {
	*httptest.Server
	behind *httputil.ReverseProxy

	mu      sync.Mutex
	instead http.HandlerFunc    // guarded by mu; nil: S3
	secrets map[string]struct{} // of tickets; guarded by mu
	asked   int                 // since the last answer was given; guarded by mu
}

func newWitness(t testing.TB, s3 *s3test.Server) *witness {
	t.Helper()
	config, err := s3.PKI.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	target := &url.URL{Scheme: "https", Host: s3.Addr}
	w := &witness{secrets: map[string]struct{}{}, behind: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: s3.HTTPClient().Transport,
	}}
	w.Server = httptest.NewUnstartedServer(w)
	w.TLS = config.Clone()
	w.TLS.ClientAuth = tls.NoClientCert
	w.Config.ErrorLog = nil
	w.StartTLS()
	t.Cleanup(w.Close)
	return w
}

func (w *witness) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	w.mu.Lock()
	w.asked++
	for _, name := range []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"} {
		if value := query.Get(name); value != "" {
			w.secrets[value] = struct{}{}
			w.secrets[url.QueryEscape(value)] = struct{}{}
		}
	}
	handle := w.instead
	w.mu.Unlock()
	if handle == nil {
		handle = w.behind.ServeHTTP
	}
	handle(answer, r)
}

func (w *witness) give(instead http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.instead, w.asked = instead, 0
}

func (w *witness) wasAsked(status.Snapshot) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked > 0
}

// whole is the presigned URL: the worst that an answer can quote.
func whole(r *http.Request) string { return "https://" + r.Host + r.URL.RequestURI() }

// provocations make everybody talk. Each answer quotes the ticket back, where it may end in an error's text.
var provocations = map[string]http.HandlerFunc{
	"a ticket that is over": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>%s</Message><Expires>2026-11-22T01:18:03Z</Expires>"+
			"<ServerTime>2026-11-22T02:18:03Z</ServerTime></Error>", url.QueryEscape(whole(r)))
	},
	"403": func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", r.URL.Query().Get("X-Amz-Signature"))
	},
	"418 in HTML": func(w http.ResponseWriter, r *http.Request) { http.Error(w, whole(r), http.StatusTeapot) },
	"a reset":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"a redirect": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", whole(r))
		w.WriteHeader(http.StatusTemporaryRedirect)
	},
	"a server that echoes": echo("%s\r\n\r\n"),
	"an echo as a header":  echo("HTTP/1.1 200 OK\r\n%s\r\n\r\n"),
}

func echo(format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack() //nolint:forcetypeassert // net/http documents it
		if err != nil {
			return
		}
		_, _ = fmt.Fprintf(conn, format, whole(r))
		_ = conn.Close()
	}
}

// TestP7_NoSecretIsTold runs everything at the debug level, lets all go wrong that makes programs talk, and then looks
// for the device key, for what every ticket held, and for the backend's own credentials in all that was said or kept.
func TestP7_NoSecretIsTold(t *testing.T) {
	const token, wrongSecret = "session-token-of-the-role-5ec2e7", "wrong-secret-of-the-role-5ec2e7"
	server := s3test.Start(t)
	w := newWitness(t, server)
	r := newRig(t, plan{
		s3: server, way: func(backend, _ string) (string, string) { return backend, w.Listener.Addr().String() },
		agent: map[string]string{"listen": `"127.0.0.1:0"`},
	})
	r.write("backend.toml", string(read(t, r.path("backend.toml")))+"[log]\nlevel = \"debug\"\n")
	said := transcript{}
	frames := newShop(r.path("capture"))

	r.startBackend()
	r.life(said, "delivered", frames, allDelivered(1))
	for name, answer := range provocations {
		w.give(answer)
		r.life(said, name, frames, w.wasAsked)
	}
	w.give(nil)
	honest := read(t, r.path("backend.toml"))
	r.backend.stop()
	r.write("backend.toml", strings.Replace(string(honest), keyARN, keyARN[:len(keyARN)-1]+"c", 1))
	r.startBackend()
	r.life(said, "a ticket that the rig refuses", frames, func(s status.Snapshot) bool { return !s.Link.Up })
	r.backend.stop()
	r.write("backend.toml", string(honest))
	r.backend = start(t, r.path("backend.log"), nil, []string{
		"AWS_ACCESS_KEY_ID=s3test", "AWS_SECRET_ACCESS_KEY=" + wrongSecret, "AWS_SESSION_TOKEN=" + token,
	}, "shelf-backend", "serve", "--config", r.path("backend.toml"))
	w.give(nil)
	r.life(said, "credentials that S3 does not take", frames, w.wasAsked)
	r.backend.stop()
	r.startBackend()
	r.startAgent()
	r.await("everything is delivered", recovery, allDelivered(frames.total()))
	r.listen(said, "at the end")
	for _, command := range []string{"doctor", "config check", "queue list", "queue stats", "queue verify", "rejected list"} {
		said[command] = r.tell(append(strings.Fields(command), "--config", r.path("agent.toml"))...)
	}
	said["support"] = r.tell("support", "--config", r.path("agent.toml"), "--output", r.path("support.tar.gz"))
	said["the archive"] = unzip(t, r.path("support.tar.gz"))
	r.dieTalking(said)
	r.bucketHolds(frames)

	owner, err := server.Credentials().Retrieve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	secrets := w.keySecrets(t, server.PKI.RigFiles(devpki.Rig{Store: store, Rig: "of-" + r.bucket}))
	for _, s := range []string{owner.SecretAccessKey, wrongSecret, token, "X-Amz-Signature=", "X-Amz-Credential="} {
		secrets = append(secrets, []byte(s))
	}
	said["agent.log"], said["backend.log"] = read(t, r.path("agent.log")), read(t, r.path("backend.log"))
	said.addFolder(t, r.path("state"))
	t.Logf("%d texts and files were searched for %d secrets", len(said), len(secrets))
	for _, found := range said.leaks(secrets) {
		t.Error(found)
	}
	provesItself(t, said, secrets)
}

// unzip returns a tar as it is without its compression; its texts stand in it as they are.
func unzip(t testing.TB, file string) []byte {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil || !bytes.Contains(text, []byte("What is never in it")) {
		t.Fatalf("the archive holds %d bytes, %v", len(text), err)
	}
	return text
}

// provesItself plants each secret once, and wants it found.
func provesItself(t testing.TB, said transcript, secrets [][]byte) {
	t.Helper()
	for i, secret := range secrets {
		planted := transcript{"a log": bytes.Join([][]byte{[]byte(`{"msg":"`), secret, []byte(`"}`)}, nil)}
		if len(planted.leaks(secrets)) == 0 {
			t.Errorf("secret %d could leak unseen", i)
		}
	}
	if len(said) < 40 || len(secrets) < 20 {
		t.Errorf("only %d texts and %d secrets: what was to be provoked did not happen", len(said), len(secrets))
	}
}

// keySecrets are the secrets of all tickets, and the device key in the forms in which it could be written.
func (w *witness) keySecrets(t testing.TB, files devpki.Pair) [][]byte {
	t.Helper()
	block, _ := pem.Decode(read(t, files.Key))
	key, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil || block == nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	all := [][]byte{[]byte("PRIVATE KEY")}
	for _, der := range [][]byte{block.Bytes, pkcs8} {
		all = append(all, der, []byte(base64.StdEncoding.EncodeToString(der)), []byte(hex.EncodeToString(der)))
	}
	for line := range strings.Lines(string(pem.EncodeToMemory(block))) {
		if line = strings.TrimSpace(line); len(line) > 40 {
			all = append(all, []byte(line))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for secret := range w.secrets {
		all = append(all, []byte(secret))
	}
	return all
}

// transcript is all that was said and kept, by where.
type transcript map[string][]byte

func (said transcript) leaks(secrets [][]byte) []string {
	var found []string
	for where, text := range said {
		for _, secret := range secrets {
			if at := bytes.Index(text, secret); at >= 0 {
				found = append(found, fmt.Sprintf("%s tells %.12q…: …%.200q", where, secret, text[max(0, at-100):]))
			}
		}
	}
	return found
}

func (said transcript) addFolder(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			said[path] = read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// life is one life of the agent, so that no pause from before counts: it takes a frame, and when what is awaited has
// happened, is asked everything.
func (r *rig) life(said transcript, name string, frames *shop, happened func(status.Snapshot) bool) {
	r.t.Helper()
	frames.shootSome(r.t, 1)
	r.startAgent()
	r.await(name, recovery, happened)
	r.listen(said, name)
	r.agent.stop()
}

// listen asks everything that can be asked.
func (r *rig) listen(said transcript, when string) {
	t := r.t
	t.Helper()
	now, err := status.Ask(t.Context(), r.path("agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "metrics", "v1/status"} {
		said[when+": page /"+path] = get(t, now.Page+path)
	}
	socket, config := []string{"--socket", r.path("agent.sock")}, []string{"--config", r.path("agent.toml")}
	for _, command := range [][]string{
		append([]string{"status"}, socket...), append([]string{"status", "--json"}, socket...),
		append([]string{"queue", "list", "--json"}, config...),
	} {
		said[when+": "+strings.Join(command, " ")] = r.tell(command...)
	}
	for _, digest := range waiting(t, r.path("state", "queue", "payload")) {
		said[when+": show"] = r.tell(append([]string{"queue", "show", "--json", digest}, config...)...)
		break // one, with the error of its last try
	}
	if runtime.GOOS == "linux" {
		for _, file := range []string{"cmdline", "environ"} {
			said[when+": the agent's "+file] = read(t, fmt.Sprintf("/proc/%d/%s", r.agent.cmd.Process.Pid, file))
		}
		said[when+": the backend's cmdline"] = read(t, fmt.Sprintf("/proc/%d/cmdline", r.backend.cmd.Process.Pid))
	}
}

// tell runs a command of the agent; how it ends says how the agent is, and does not matter here.
func (r *rig) tell(args ...string) []byte {
	out, _ := exec.Command(filepath.Join(programs, "shelf-agent"), args...).CombinedOutput()
	return out
}

// waiting are the digests by which the payloads in the queue can be asked for.
func waiting(t testing.TB, dir string) []string {
	t.Helper()
	var digests []string
	for _, file := range files(t, dir) {
		_, digest, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".jpg"), "-")
		digests = append(digests, digest)
	}
	return digests
}

func get(t testing.TB, at string) []byte {
	t.Helper()
	response, err := http.Get(at) //nolint:noctx // the agent's own page
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// dieTalking ends the agent by the signal that makes Go print all it is doing, and sees that no core was allowed.
func (r *rig) dieTalking(said transcript) {
	t := r.t
	t.Helper()
	if runtime.GOOS == "linux" {
		limits := read(t, fmt.Sprintf("/proc/%d/limits", r.agent.cmd.Process.Pid))
		said["limits"] = limits
		for line := range strings.Lines(string(limits)) {
			if fields := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && (fields[4] != "0" || fields[5] != "0") {
				t.Errorf("a core of the agent would hold its key: %s", line)
			}
		}
	}
	if err := r.agent.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	err := <-r.agent.ended
	r.agent.ended <- err
	if !logHas(t, r.path("agent.log"), "goroutine ") {
		t.Errorf("the agent ended without a word: %v", err)
	}
}
