package proof

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/mototest"
)

// applyTimeout is generous: some 170 resources, one after the other, in Python.
const applyTimeout = 15 * time.Minute

// motoAccount is whose cloud moto is.
const motoAccount = "123456789012"

// site is a deployment in moto's cloud.
type site struct {
	*deployment
	dir string // where it was made from: ca.pem and what else is in the package
	pki *devpki.PKI
}

// apply makes the deployment that testdata/main.tf says.
func apply(t *testing.T, mirror string) *site {
	t.Helper()
	program := terraform(t)
	if _, err := exec.LookPath("moto_server"); err != nil {
		missing(t, "there is no moto_server here (Python's moto[server]): packaging/terraform is not applied")
	}
	dir := t.TempDir()
	pki, err := devpki.Create(filepath.Join(dir, "pki"), devpki.Options{Rigs: []devpki.Rig{{Store: "4711", Rig: "left"}}})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(pki.CA.Cert)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "ca.pem"), ca)
	write(t, filepath.Join(dir, "issuer.pem"), ca)
	write(t, filepath.Join(dir, "package.zip"), zipped(t, map[string][]byte{"bootstrap": build(t, "arm64"), "ca.pem": ca, "issuer.pem": ca}))
	write(t, filepath.Join(dir, "main.tf"), []byte(strings.Replace(mainTF(t), "MODULE", moduleFrom(t, dir), 1)))
	configureCLI(t, dir, mirror)
	t.Setenv("AWS_ENDPOINT_URL", remember(t, mototest.Start(t)))
	t.Setenv("TF_VAR_module_account", motoAccount)
	run(t, dir, program, "init", "-input=false", "-no-color")
	run(t, dir, program, "apply", "-auto-approve", "-input=false", "-no-color")
	return &site{deployment: read(t, run(t, dir, program, "show", "-json", "-no-color")), dir: dir, pki: pki}
}

func mainTF(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// moduleFrom is the module's path as Terraform wants it, relative: an absolute one it would copy.
func moduleFrom(t *testing.T, dir string) string {
	t.Helper()
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Rel(dir, module)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(path)
}

// terraform is Terraform or OpenTofu.
func terraform(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"terraform", "tofu"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	missing(t, "there is no terraform or tofu here: packaging/terraform is not applied")
	return ""
}

// configureCLI points to the mirror of providers.
func configureCLI(t *testing.T, dir, mirror string) {
	t.Helper()
	file := filepath.Join(dir, "terraform.rc")
	write(t, file, []byte("provider_installation {\n  filesystem_mirror {\n    path = \""+filepath.ToSlash(mirror)+"\"\n  }\n}\n"))
	t.Setenv("TF_CLI_CONFIG_FILE", file)
	t.Setenv("TF_IN_AUTOMATION", "1")
	t.Setenv("CHECKPOINT_DISABLE", "1")
}

// build is the backend's program for linux.
func build(t *testing.T, arch string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, "./cmd/shelf-backend")
	cmd.Dir, cmd.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	program, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func zipped(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, body := range files {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o755)
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = f.Write(body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func write(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// run returns what the program says on standard output.
func run(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), applyTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its providers, and says where it was
	cmd.WaitDelay = 30 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s\n%s", filepath.Base(program), args[0], err, &stderr, tail(stdout.String(), 4000))
	}
	return stdout.Bytes()
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }
