package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// serving is the configuration of a server beside certificates of dev-pki.
const serving = `
[listen]
address = "127.0.0.1:0"
certificate = "server.pem"
key = "server-key.pem"
client_ca = "ca.pem"
[identity]
trust_domain = "shelf.test"
[s3]
bucket = "frames"
region = "us-east-1"
kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
`

// TestServeUntilSIGTERM runs the real program: it binds a free port, says which, answers a rig and stops.
func TestServeUntilSIGTERM(t *testing.T) {
	dir := t.TempDir()
	rig := devpki.Rig{Store: "4711", Rig: "left"}
	pki, err := devpki.Create(dir, devpki.Options{Rigs: []devpki.Rig{rig}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "backend.toml")
	if err := os.WriteFile(file, []byte(serving), 0o600); err != nil {
		t.Fatal(err)
	}
	server, addr := start(t, file)

	config, err := pki.ClientTLS(rig)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	defer client.CloseIdleConnections()
	body := fmt.Sprintf(`{"uploads":[{"frame":"f","camera":"cam-3","captured_at":"2026-11-22T01:18:03.123Z","bytes":1,
		"content_type":"image/jpeg","sha256":"%064d","md5":"%032d"}]}`, 0, 0)
	response, err := client.Post("https://"+addr+ticket.TicketsPath, "application/json", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte("raw/4711/2026-11-22/cam-3/011803.123-")) {
		t.Errorf("%s: %s (%v)", response.Status, answer, err)
	}

	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// start runs a server until the test ends, and returns when it listens.
func start(t *testing.T, config string) (*exec.Cmd, string) {
	t.Helper()
	cmd, addr, err := startServer(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, addr
}

// startServer returns when the program says that it listens.
func startServer(ctx context.Context, config string) (*exec.Cmd, string, error) {
	cmd, err := program(ctx, "serve", "--config", config)
	if err != nil {
		return nil, "", err
	}
	log, stderr, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	cmd.Stderr = stderr
	if err := errors.Join(cmd.Start(), stderr.Close()); err != nil {
		return nil, "", err
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var record struct{ Msg, Addr string }
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			break
		}
		if record.Msg == "listening" {
			go func() { io.Copy(io.Discard, log); log.Close() }() // ends with the program
			return cmd, record.Addr, nil
		}
	}
	return nil, "", fmt.Errorf("the program ended before it listened: %w; its last line: %s", cmd.Wait(), lines.Text())
}

// program is this program with arguments; TestMain runs main when it is called by its name.
func program(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = append([]string{"shelf-backend"}, arguments...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	return cmd, nil
}
