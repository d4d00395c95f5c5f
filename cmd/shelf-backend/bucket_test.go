package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shelfagent/uploader/backend/devpki"
)

// frameStore answers as S3 does: a whole frame, a damaged one, one of another key, one that is denied; no other. It
// has no settings at all. The programs under test reach it over TLS.
func frameStore(t *testing.T) (config string, keys map[string]string) {
	t.Helper()
	const keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	body := []byte("a picture of a shelf")
	digest := sha256.Sum256(body)
	name := func(cam string) string {
		return "raw/4711/2026-11-22/" + cam + "/011803.123-" + hex.EncodeToString(digest[:]) + ".jpg"
	}
	keys = map[string]string{}
	for _, story := range []string{"whole", "damaged", "foreign", "denied", "absent"} {
		keys[story] = name(story)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, code string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
		}
		sent, key := body, keyARN
		switch r.URL.Path {
		case "/frames/" + keys["whole"]:
		case "/frames/" + keys["damaged"]:
			sent = []byte("a picture of a SHELF")
		case "/frames/" + keys["foreign"]:
			key = strings.ReplaceAll(keyARN, "1234", "0000")
		case "/frames/" + keys["denied"]:
			refuse(http.StatusForbidden, "AccessDenied")
			return
		case "/frames":
			refuse(http.StatusForbidden, "AccessDenied")
			return
		default:
			refuse(http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("X-Amz-Server-Side-Encryption", "aws:kms")
		w.Header().Set("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", key)
		w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(digest[:]))
		w.Write(sent)
	})
	dir := t.TempDir()
	pki, err := devpki.Create(dir, devpki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	pair, err := tls.LoadX509KeyPair(pki.Server.Cert, pki.Server.Key)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	config = filepath.Join(dir, "backend.toml")
	text := strings.Replace(`[listen]
address = "127.0.0.1:0"
certificate = "server.pem"
key = "server-key.pem"
client_ca = "ca.pem"
`+aFleet, `bucket = "frames"`, fmt.Sprintf("bucket = \"frames\"\nendpoint = %q\npath_style = true", server.URL), 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", pki.CA.Cert)
	return config, keys
}

// program runs the real program to its end.
func program(t *testing.T, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, log strings.Builder
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Args = append([]string{"shelf-backend"}, arguments...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), log.String()
}

func TestGet(t *testing.T) {
	config, keys := frameStore(t)
	for story, want := range map[string]struct {
		code   int
		stdout string
		stderr string
	}{
		"whole":   {0, "a picture of a shelf", "20 bytes, SHA-256 "},
		"damaged": {exitDamaged, "", "damaged: its bytes have another SHA-256 than the one that S3 keeps"},
		"foreign": {exitWrongKey, "", "wrong_key: it is encrypted with arn:aws:kms:us-east-1:111122223333:key/0000abcd"},
		"denied":  {exitDenied, "", "denied: S3 refuses it to these credentials (AccessDenied)"},
		"absent":  {exitAbsent, "", "absent: there is no object at this key in frames"},
	} {
		t.Run(story, func(t *testing.T) {
			code, stdout, stderr := program(t, "get", keys[story], "--config", config)
			if code != want.code || stdout != want.stdout || !strings.Contains(stderr, want.stderr) {
				t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
			}
			if want.code != 0 && !strings.Contains(stderr, "\nWhat to do: ") {
				t.Errorf("nothing says what to do: %s", stderr)
			}
			file := filepath.Join(t.TempDir(), "frame.jpg")
			if code, _, _ := program(t, "get", keys[story], "--config", config, "-o", file); code != want.code {
				t.Errorf("exit code %d with -o, want %d", code, want.code)
			}
			if _, err := os.Stat(file); (err == nil) != (want.code == 0) {
				t.Errorf("the file: %v", err)
			}
			if code, _, stderr := program(t, "get", keys[story], "--config", config, "-o", file); want.code == 0 &&
				(code != exitUsage || !strings.Contains(stderr, "--overwrite replaces it")) {
				t.Errorf("over a file that exists: exit code %d, %s", code, stderr)
			}
		})
	}
	if code, _, stderr := program(t, "get", "raw/x"); code != exitUsage || !strings.Contains(stderr, "--config FILE is needed") {
		t.Errorf("without a configuration: exit code %d, %s", code, stderr)
	}
}

func TestCheckSaysWhatItCouldNotSee(t *testing.T) {
	config, _ := frameStore(t)
	code, stdout, stderr := program(t, "check", "--config", config)
	if code != exitUnseen || !strings.Contains(stderr, "8 of the settings could not be seen") ||
		!strings.Contains(stdout, "UNSEEN   tls_only: these credentials may not see it (AccessDenied)\n         What to do: Allow them s3:GetBucketPolicy.\n") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, _ = program(t, "check", "--config", config, "--json")
	if code != exitUnseen || strings.Count(stdout, `"outcome":"unseen"`) != 8 {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}
