package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// mostBytes is of the image, compressed: what every cold start of a function fetches.
const mostBytes = 20 << 20

// build is the real program, as make builds it.
func build(t *testing.T, arch string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "shelf-backend")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "./cmd/shelf-backend")
	cmd.Dir = "../../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

func TestTheImage(t *testing.T) {
	program, dir := build(t, runtime.GOARCH), t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, []byte("an authority"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, second := filepath.Join(dir, "first.tar"), filepath.Join(dir, "second.tar")
	for _, path := range []string{first, second} {
		var out strings.Builder
		if err := run([]string{"-program", program, "-arch", runtime.GOARCH, "-version", "1.2.3", "-add", ca, "-o", path}, &out); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^sha256:[0-9a-f]{64}  .*\.tar\n$`).MatchString(out.String()) {
			t.Errorf("it says %q", out.String())
		}
	}
	if a, b := content(t, first), content(t, second); !bytes.Equal(a, b) {
		t.Error("the same program gives different images")
	} else if len(a) > mostBytes {
		t.Errorf("the image has %d bytes", len(a))
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".image-*")); err != nil || left != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}

	made := open(t, first)
	if err := validate.Image(made); err != nil { // digests, sizes and layers agree
		t.Error(err)
	}
	config, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/shelf-backend"}) || c.Cmd != nil || c.WorkingDir != "/var/task" || c.Env != nil || c.ExposedPorts != nil ||
		c.Labels["org.opencontainers.image.version"] != "1.2.3" || config.OS != "linux" || config.Architecture != runtime.GOARCH {
		t.Errorf("the configuration: %+v", config)
	}
	root := t.TempDir()
	names := unpack(t, made, root)
	if want := []string{"etc/", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt", "shelf-backend", "var/", "var/task/", "var/task/ca.pem"}; !slices.Equal(names, want) {
		t.Errorf("in it are %v", names) // so there is no shell
	}
	t.Run("starts", func(t *testing.T) { starts(t, root) }) // what it skips is listed
}

// open unpacks the archive and reads its only image.
func open(t *testing.T, archive string) v1.Image {
	t.Helper()
	dir := t.TempDir()
	unpackTar(t, bytes.NewReader(content(t, archive)), dir)
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	made, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func unpack(t *testing.T, made v1.Image, dir string) []string {
	t.Helper()
	layers, err := made.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	layer, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer layer.Close()
	return unpackTar(t, layer, dir)
}

func unpackTar(t *testing.T, from io.Reader, dir string) (names []string) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Gid != 0 || header.ModTime.Unix() != 0 || header.Mode&0o022 != 0 {
			t.Errorf("%s: owner %d:%d, time %s, mode %o", header.Name, header.Uid, header.Gid, header.ModTime, header.Mode)
		}
		names = append(names, header.Name)
		path := filepath.Join(dir, header.Name)
		if strings.HasSuffix(header.Name, "/") {
			err = os.Mkdir(path, 0o755)
		} else if body, readErr := io.ReadAll(r); readErr != nil {
			err = readErr
		} else if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, body, os.FileMode(header.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// The authorities are a bundle that crypto/x509 takes, with the one that AWS's endpoints are under.
func TestRoots(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-roots"}, &out); err != nil {
		t.Fatal(err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(out.Bytes()) || bytes.Count(out.Bytes(), []byte("BEGIN CERTIFICATE")) < 50 {
		t.Errorf("%d bytes of authorities", out.Len())
	}
	if !bytes.Contains(out.Bytes(), amazonRoot) {
		t.Error("Amazon Root CA 1 is not among them")
	}
}

// amazonRoot is the beginning of Amazon Root CA 1.
var amazonRoot = []byte("MIIDQTCCAimgAwIBAgITBmyfz5m/jAo54vB4ikPmljZbyjANBgkqhkiG9w0BAQsF")

func TestWhatWouldNotStartIsRefused(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ program, arch, want string }{
		{self, other, "it was built for"},
		{self, "mips", "not an architecture of this image"},
		{script, "amd64", "it is no program for linux"},
		{"absent", "amd64", "no such file"},
		{"", "amd64", "-program and -o are needed"},
	} {
		err := run([]string{"-program", test.program, "-arch", test.arch, "-o", filepath.Join(t.TempDir(), "image.tar")}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s for %s: %v", test.program, test.arch, err)
		}
	}
}

// The Containerfile, which no engine runs in the tests, says the same as the image.
func TestTheContainerfileSaysTheSame(t *testing.T) {
	text := string(content(t, "../Containerfile"))
	entrypoint, err := json.Marshal([]string{"/" + programPath})
	if err != nil {
		t.Fatal(err)
	}
	last := text[strings.LastIndex(text, "\nFROM "):]
	for _, want := range []string{"\nFROM scratch\n", "\nUSER " + nobody + "\n", "\nWORKDIR /" + taskRoot + "\n", "\nENTRYPOINT " + string(entrypoint) + "\n", " /" + rootsPath + "\n", " /" + programPath + "\n"} {
		if !strings.Contains(last, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Count(last, "COPY ") != 2 || strings.Contains(last, "RUN ") || strings.Contains(last, "ADD ") {
		t.Error("it puts something else into the image")
	}
}
