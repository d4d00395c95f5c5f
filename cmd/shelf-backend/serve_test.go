package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/lambdatest"
	"shelfagent/uploader/ticket"
)

const aFleet = `
[identity]
trust_domain = "shelf.test"
[s3]
bucket = "frames"
region = "us-east-1"
kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
`

var aRig = devpki.Rig{Store: "4711", Rig: "left"}

// configure writes a configuration beside the certificates that it names.
func configure(t *testing.T, listen string) (*devpki.PKI, string) {
	t.Helper()
	dir := t.TempDir()
	pki, err := devpki.Create(dir, devpki.Options{Rigs: []devpki.Rig{aRig}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "backend.toml")
	if err := os.WriteFile(file, []byte(listen+aFleet), 0o600); err != nil {
		t.Fatal(err)
	}
	return pki, file
}

// requestForOne is what a rig sends for one frame.
var requestForOne = fmt.Sprintf(`{"uploads":[{"frame":"f","camera":"cam-3","captured_at":"2026-11-22T01:18:03.123Z","bytes":1,
	"content_type":"image/jpeg","sha256":"%064d","md5":"%032d"}]}`, 0, 0)

// TestServeUntilSIGTERM runs the real program: it binds free ports, says which, answers a rig and those who look
// after it, and stops.
func TestServeUntilSIGTERM(t *testing.T) {
	pki, file := configure(t, `
[listen]
address = "127.0.0.1:0"
certificate = "server.pem"
key = "server-key.pem"
client_ca = "ca.pem"
[operations]
address = "127.0.0.1:0"
`)
	server, addr := start(t, "serve", "--config", file)

	config, err := pki.ClientTLS(aRig)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	defer client.CloseIdleConnections()
	response, err := client.Post("https://"+addr["listening"]+ticket.TicketsPath, "application/json", strings.NewReader(requestForOne))
	wantAnswer(t, response, err, http.StatusOK, "raw/4711/2026-11-22/cam-3/011803.123-")

	response, err = http.Get("http://" + addr["operations"] + "/metrics")
	wantAnswer(t, response, err, http.StatusOK, "\nshelf_backend_tickets_issued_total 1\n")
	response, err = http.Get("http://" + addr["operations"] + "/healthz")
	wantAnswer(t, response, err, http.StatusOK, "ok")

	stop(t, server)
}

// TestServeBehindALoadBalancer is the program in its second home; the proxy in front of it is this test.
func TestServeBehindALoadBalancer(t *testing.T) {
	pki, file := configure(t, `
[listen]
home = "alb"
address = "127.0.0.1:0"
client_ca = "ca.pem"
proxies = ["127.0.0.0/8"]
`)
	server, addr := start(t, "serve", "--config", file)
	leaf, err := os.ReadFile(pki.RigFiles(aRig).Cert)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]int{"": http.StatusForbidden, url.PathEscape(string(leaf)): http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr["listening"]+ticket.TicketsPath,
			strings.NewReader(requestForOne))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-Amzn-Mtls-Clientcert-Leaf", value)
		response, err := http.DefaultClient.Do(request)
		wantAnswer(t, response, err, want, "")
	}
	response, err := http.Get("http://" + addr["listening"] + "/healthz")
	wantAnswer(t, response, err, http.StatusOK, "ok")
	stop(t, server)
}

// TestLambdaAnswersEvents is the program in its third home, called as a zip's bootstrap is: without arguments.
func TestLambdaAnswersEvents(t *testing.T) {
	pki, file := configure(t, `
[listen]
home = "lambda"
client_ca = "ca.pem"
`)
	leaf, err := os.ReadFile(pki.RigFiles(aRig).Cert)
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{
		"httpMethod": "POST", "path": ticket.TicketsPath, "headers": map[string]string{"content-type": "application/json"},
		"body": requestForOne,
		"requestContext": map[string]any{"identity": map[string]any{
			"sourceIp": "203.0.113.9", "clientCert": map[string]string{"clientCertPem": string(leaf)},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("LAMBDA_TASK_ROOT", filepath.Dir(file))
	cmd, err := childOf(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	function := lambdatest.Start(t, cmd)
	var got struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(function.Invoke(event), &got); err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != http.StatusOK || !strings.Contains(got.Body, "raw/4711/2026-11-22/cam-3/011803.123-") {
		t.Errorf("%d: %s", got.StatusCode, got.Body)
	}
}

func wantAnswer(t *testing.T, response *http.Response, err error, status int, contains string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status || !strings.Contains(string(body), contains) {
		t.Errorf("%s, want %d with %q: %s (%v)", response.Status, status, contains, body, err)
	}
}

func stop(t *testing.T, server *exec.Cmd) {
	t.Helper()
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// start returns when the program says that it listens, with the addresses that it named by then.
func start(t *testing.T, arguments ...string) (*exec.Cmd, map[string]string) {
	t.Helper()
	cmd, err := childOf(t.Context(), arguments...)
	if err != nil {
		t.Fatal(err)
	}
	log, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stderr.Close()
	t.Cleanup(func() { log.Close() })
	addresses := map[string]string{}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var record struct{ Msg, Addr string }
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatalf("%v in %q", err, lines.Text())
		}
		addresses[record.Msg] = record.Addr
		if record.Msg == "listening" {
			go io.Copy(io.Discard, log)
			return cmd, addresses
		}
	}
	t.Fatalf("the program ended before it listened: %v", cmd.Wait())
	return nil, nil
}
