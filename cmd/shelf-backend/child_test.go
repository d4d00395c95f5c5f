package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
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

// startOn runs a server until the test ends, and returns when it listens.
func startOn(t *testing.T, config string) (*exec.Cmd, string) {
	t.Helper()
	cmd, addr, err := startServer(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, addr
}

// startServer returns when the program says that it listens.
func startServer(ctx context.Context, config string) (*exec.Cmd, string, error) {
	cmd, err := childOf(ctx, "serve", "--config", config)
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

// childOf is this program with arguments; TestMain runs main when it is called by its name.
func childOf(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
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
