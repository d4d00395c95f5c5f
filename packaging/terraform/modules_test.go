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

func TestFormat(t *testing.T) {
	t.Parallel()
	w := openWorkshop(t)
	if out, err := w.run(t, ".", "fmt", "-check", "-diff", "-recursive"); err != nil {
		t.Errorf("not formatted (%v): run terraform fmt -recursive packaging/terraform\n%s", err, out)
	}
}

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	w := openWorkshop(t)
	for _, module := range []string{".", "examples/enterprise", "examples/free-tier"} {
		w.initialise(t, module)
		w.must(t, module, "validate", "-no-color")
	}
}

// TestModules runs each module's own tests, which are HCL, and then makes mistakes in it. Each module has a workshop of
// its own, because they are made of each other.
func TestModules(t *testing.T) {
	for _, module := range modules(t) {
		t.Run(filepath.Base(module), func(t *testing.T) {
			t.Parallel()
			tests, err := filepath.Glob(filepath.Join(module, "tests/*.tftest.hcl"))
			if err != nil || len(tests) == 0 {
				t.Fatalf("%s has no tests (%v)", module, err)
			}
			w := openWorkshop(t)
			w.initialise(t, module)
			w.must(t, module, "test", "-no-color")
			for n, m := range mistakes {
				if filepath.Join("modules", m.module) != module {
					continue
				}
				t.Run(m.name, func(t *testing.T) {
					if testing.Short() && n%2 == 1 {
						t.Skip("SKIPPED: with -short every other mistake is made")
					}
					w.notices(t, module, m)
				})
			}
		})
	}
}
