package terraform

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mirrorEnv names the folder with a mirror of Terraform's providers; .ci/mirror finds it.
const mirrorEnv = "TERRAFORM_MIRROR"

// commandTimeout bounds one run of terraform. The longest take half a minute on two quiet cores.
const commandTimeout = 10 * time.Minute

// workshop is a copy of the modules, in which terraform can leave its files and mistakes can be made.
type workshop struct {
	dir string
	env []string
}

func openWorkshop(t *testing.T) *workshop {
	t.Helper()
	mirror := os.Getenv(mirrorEnv)
	if mirror == "" {
		t.Skip("SKIPPED: make test-terraform runs this")
	}
	dir := t.TempDir()
	if err := copyModules(dir, "."); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(dir, "terraformrc")
	text := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &workshop{dir: dir, env: append(withoutAWS(os.Environ()), "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1")}
}

// withoutAWS keeps this machine's credentials away from what is tested.
func withoutAWS(environment []string) []string {
	return slices.DeleteFunc(environment, func(line string) bool { return strings.HasPrefix(line, "AWS_") || strings.HasPrefix(line, "TF_") })
}

// copyModules copies what belongs to modules, and nothing that terraform has left in them.
func copyModules(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != from && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o700)
		case !slices.Contains([]string{".tf", ".hcl", ".tftpl"}, filepath.Ext(path)) || strings.HasPrefix(entry.Name(), "."):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), text, 0o600)
	})
}

// run is terraform in one module's folder; its error is that of the program.
func (w *workshop) run(t *testing.T, module string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "terraform", append([]string{"-chdir=" + filepath.Join(w.dir, module)}, args...)...)
	cmd.Env = w.env
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (w *workshop) must(t *testing.T, module string, args ...string) {
	t.Helper()
	if out, err := w.run(t, module, args...); err != nil {
		t.Fatalf("terraform %s in %s: %v\n%s", strings.Join(args, " "), module, err, out)
	}
}

func (w *workshop) initialise(t *testing.T, module string) {
	t.Helper()
	w.must(t, module, "init", "-backend=false", "-input=false", "-no-color")
}
