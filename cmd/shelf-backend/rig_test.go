package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/mototest"
	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/ticket"
)

// TestRigsOfARunningServer is what a person and a rig do with the real programs: invite, enrol, ask, renew, revoke
// while the connection stays open, restart, invite again.
func TestRigsOfARunningServer(t *testing.T) {
	dir := t.TempDir()
	pki, err := devpki.Create(dir, devpki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "backend.toml")
	if err := os.WriteFile(config, []byte(enrolling), 0o600); err != nil {
		t.Fatal(err)
	}
	server, addr := startOn(t, config)
	office := func(arguments ...string) string {
		t.Helper()
		cmd, err := childOf(t.Context(), append([]string{"rig", arguments[0], "--config", config}, arguments[1:]...)...)
		if err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("rig %q: %v\n%s", arguments, err, stderr.String())
		}
		return string(out)
	}
	invite := func() string {
		t.Helper()
		out := office("invite", "--store", "4711", "--rig", "left")
		code := regexp.MustCompile(`--backend https://tickets\.example\.com --code (\S+)\n`).FindStringSubmatch(out)
		if code == nil {
			t.Fatalf("no command to type in:\n%s", out)
		}
		return code[1]
	}

	rig := &device{t: t, pki: pki, url: "https://" + addr}
	rig.enrol(ticket.EnrollPath, func(csr string) any { return ticket.EnrollRequest{Code: invite(), CSR: csr} })
	if status, body := rig.post(ticket.TicketsPath, upload); status != http.StatusOK || !strings.Contains(body, "raw/4711/") {
		t.Fatalf("tickets: %d %s", status, body)
	}
	rig.enrol(ticket.RenewPath, func(csr string) any { return ticket.RenewRequest{CSR: csr} })
	if status, body := rig.post(ticket.TicketsPath, upload); status != http.StatusOK {
		t.Fatalf("tickets after the renewal: %d %s", status, body)
	}
	if out := office("list"); !strings.Contains(out, "4711   left  "+rig.serial()) {
		t.Errorf("the list:\n%s", out)
	}

	office("revoke", "--store", "4711", "--rig", "left", "--reason", "stolen from the shop")
	status, body := rig.post(ticket.TicketsPath, upload)
	if status != http.StatusForbidden || !strings.Contains(body, `"code":"revoked"`) {
		t.Errorf("after the revocation: %d %s", status, body)
	}
	if !rig.reused {
		t.Error("it took a new connection to see the revocation")
	}

	// A restart forgets nothing.
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if out := office("list", "--json"); !strings.Contains(out, "stolen from the shop") { // of the file itself
		t.Errorf("the list:\n%s", out)
	}
	_, addr = startOn(t, config)
	rig.url = "https://" + addr
	if status, body := rig.post(ticket.TicketsPath, upload); status != http.StatusForbidden || !strings.Contains(body, `"code":"revoked"`) {
		t.Errorf("after the restart: %d %s", status, body)
	}
	rig.certificate = nil
	rig.enrol(ticket.EnrollPath, func(csr string) any { return ticket.EnrollRequest{Code: invite(), CSR: csr} })
	if status, body := rig.post(ticket.TicketsPath, upload); status != http.StatusOK {
		t.Errorf("after the new invitation: %d %s", status, body)
	}
	office("revoke", "--serial", rig.serial())
	if status, body := rig.post(ticket.TicketsPath, upload); status != http.StatusForbidden || !strings.Contains(body, `"code":"revoked"`) {
		t.Errorf("after the certificate's revocation: %d %s", status, body)
	}
}

// TestRigsOfManyServers: two servers share a table and an authority's key in Secrets Manager; what one is told, the
// other knows.
func TestRigsOfManyServers(t *testing.T) {
	mototest.Start(t)
	mototest.Table(t, "shelf-registry")
	dir := t.TempDir()
	pki, err := devpki.Create(dir, devpki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(pki.CA.Key)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(enrolling, `kind = "file"`, "kind = \"dynamodb\"\ntable = \"shelf-registry\"", 1)
	text = strings.Replace(text, `ca_key = "ca-key.pem"`, fmt.Sprintf("ca_secret_arn = %q", mototest.Secret(t, "shelf/ca", string(key))), 1)
	config := filepath.Join(dir, "backend.toml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := loadSettings(config)
	if err != nil {
		t.Fatal(err)
	}
	_, first := startOn(t, config)
	_, second := startOn(t, config)
	office, end, err := settings.openOffice(t.Context(), func(string) { t.Error("the office is the table's own") })
	if err != nil {
		t.Fatal(err)
	}
	defer end()

	made, err := office.Invite(t.Context(), registry.Rig{Store: "4711", Rig: "left"}, registry.DefaultValid, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	rig := &device{t: t, pki: pki, url: "https://" + first}
	rig.enrol(ticket.EnrollPath, func(csr string) any { return ticket.EnrollRequest{Code: made.Code, CSR: csr} })
	for _, addr := range []string{first, second} {
		rig.url = "https://" + addr
		if status, body := rig.post(ticket.TicketsPath, upload); status != http.StatusOK {
			t.Fatalf("tickets: %d %s", status, body)
		}
	}
	if err := office.RevokeRig(t.Context(), made.Rig, "", false, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{first, second} {
		rig.url = "https://" + addr
		status, body := rig.post(ticket.TicketsPath, upload)
		if status != http.StatusForbidden || !strings.Contains(body, `"code":"revoked"`) || !rig.reused {
			t.Errorf("after the revocation: %d %s", status, body)
		}
	}
}

// What is not remembered, or not any more, is said at the start.
func TestStartSaysWhatIsNotRemembered(t *testing.T) {
	for name, test := range map[string]struct {
		text, want  string
		first, next int // how often it is said at the first start, and at the next
	}{
		"no registry":    {"", "there is no [registry]: nobody can be enrolled or revoked", 1, 1},
		"a new registry": {"[registry]\nkind = \"file\"\npath = \"registry.db\"\n", "a new registry was made: nobody is revoked", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parseSettings("backend.toml", []byte(serving+test.text))
			if err != nil {
				t.Fatal(err)
			}
			s.dir = t.TempDir()
			for _, want := range []int{test.first, test.next} {
				var log strings.Builder
				m, err := s.openMemory(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
				if err != nil {
					t.Fatal(err)
				}
				if err := m.close(); err != nil {
					t.Fatal(err)
				}
				if got := strings.Count(log.String(), test.want); got != want {
					t.Errorf("said %d times, want %d:\n%s", got, want, log.String())
				}
			}
		})
	}
}

// enrolling is the configuration of a server that enrols, beside certificates of dev-pki.
const enrolling = serving + `
[registry]
kind = "file"
path = "registry.db"
[enrolment]
url = "https://tickets.example.com"
ca_certificate = "ca.pem"
ca_key = "ca-key.pem"
`

var upload = json.RawMessage(fmt.Sprintf(`{"uploads":[{"frame":"f","camera":"cam-3","captured_at":"2026-11-22T01:18:03.123Z",
	"bytes":1,"content_type":"image/jpeg","sha256":"%064d","md5":"%032d"}]}`, 0, 0))

// device is a rig that knows nothing of this project but the wire contract.
type device struct {
	t           *testing.T
	pki         *devpki.PKI
	url         string
	key         *ecdsa.PrivateKey
	certificate *tls.Certificate
	client      *http.Client
	reused      bool // whether the last request went over a connection that was there
}

func (d *device) enrol(path string, request func(csr string) any) {
	d.t.Helper()
	if d.certificate == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			d.t.Fatal(err)
		}
		d.key = key
		d.connect()
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, d.key)
	if err != nil {
		d.t.Fatal(err)
	}
	status, body := d.post(path, request(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))))
	if status != http.StatusOK {
		d.t.Fatalf("%s: %d %s", path, status, body)
	}
	var got ticket.Enrollment
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		d.t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(got.Certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil || got.Store != "4711" || got.Rig != "left" {
		d.t.Fatalf("%+v, %v", got, err)
	}
	d.certificate = &tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: d.key, Leaf: leaf}
	d.connect()
}

func (d *device) connect() {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.pki.Pool()}
	if d.certificate != nil {
		config.Certificates = []tls.Certificate{*d.certificate}
	}
	transport := &http.Transport{TLSClientConfig: config}
	d.t.Cleanup(transport.CloseIdleConnections)
	d.client = &http.Client{Transport: transport}
}

func (d *device) serial() string { return registry.Serial(d.certificate.Leaf.SerialNumber) }

func (d *device) post(path string, body any) (int, string) {
	d.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { d.reused = info.Reused }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(d.t.Context(), trace), http.MethodPost, d.url+path, bytes.NewReader(encoded))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}
