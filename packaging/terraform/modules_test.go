package terraform

import (
	"path/filepath"
	"testing"
)

// modules are the folders with tests of their own.
func modules(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("modules/*/versions.tf")
	if err != nil {
		t.Fatal(err)
	}
	found := []string{"."}
	for _, file := range files {
		found = append(found, filepath.Dir(file))
	}
	if len(found) < 10 {
		t.Fatalf("only %d modules were found: %v", len(found), found)
	}
	return found
}

// TestTerraform is in one test, so that a module is initialised once.
func TestTerraform(t *testing.T) {
	w := openWorkshop(t)
	t.Run("format", w.isFormatted)
	t.Run("valid", w.isValid)
	t.Run("tests", w.passesItsTests)
	t.Run("mistakes", w.noticesMistakes)
}

func (w *workshop) isFormatted(t *testing.T) {
	if out, err := w.run(t, ".", "fmt", "-check", "-diff", "-recursive"); err != nil {
		t.Errorf("not formatted (%v): run terraform fmt -recursive packaging/terraform\n%s", err, out)
	}
}

func (w *workshop) isValid(t *testing.T) {
	for _, module := range []string{".", "examples/enterprise", "examples/free-tier"} {
		w.make(t, module)
		w.must(t, module, "validate", "-no-color")
	}
}

// passesItsTests runs each module's own tests. They are HCL: modules/*/tests, and tests for the whole.
func (w *workshop) passesItsTests(t *testing.T) {
	for _, module := range modules(t) {
		t.Run(filepath.Base(module), func(t *testing.T) {
			tests, err := filepath.Glob(filepath.Join(module, "tests/*.tftest.hcl"))
			if err != nil || len(tests) == 0 {
				t.Fatalf("%s has no tests (%v)", module, err)
			}
			w.make(t, module)
			w.must(t, module, "test", "-no-color")
		})
	}
}
