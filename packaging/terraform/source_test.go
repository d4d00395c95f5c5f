package terraform

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources are the modules' files, without their tests.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("only %d files", len(found))
	}
	return found
}

// TestEveryWildcardHasItsReason: a resource that is everything says why, beside it.
func TestEveryWildcardHasItsReason(t *testing.T) {
	wildcard := regexp.MustCompile(`(?i)\bresources? *= *\[?"\*"`)
	for file, text := range sources(t) {
		for i, line := range strings.Split(text, "\n") {
			if wildcard.MatchString(line) && !strings.Contains(line, "#") {
				t.Errorf("%s:%d: a wildcard, and no reason beside it", file, i+1)
			}
		}
	}
}

// TestVariablesExplainThemselves: each has a description and a type, and a validation that looks at its own variable
// alone; others could be looked at only since Terraform 1.9.
func TestVariablesExplainThemselves(t *testing.T) {
	variable := regexp.MustCompile(`(?ms)^variable "(\w+)" \{\n(.*?)^\}`)
	condition := regexp.MustCompile(`(?s)condition += (.*?)\n +error_message`)
	reference := regexp.MustCompile(`\b(?:var|local|data|module)\.(\w+)`)
	for file, text := range sources(t) {
		for _, v := range variable.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(v[2], "  description = ") || !strings.Contains(v[2], "  type ") {
				t.Errorf("%s: %s has no description or no type", file, v[1])
			}
			for _, c := range condition.FindAllStringSubmatch(v[2], -1) {
				for _, r := range reference.FindAllStringSubmatch(c[1], -1) {
					if r[1] != v[1] {
						t.Errorf("%s: the validation of %s looks at %s", file, v[1], r[1])
					}
				}
			}
		}
	}
}
