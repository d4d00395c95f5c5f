package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCIWantsTheProof: without terraform, make test-terraform says so and goes on; where CI=true it fails, or all would
// be green with nothing proved.
func TestCIWantsTheProof(t *testing.T) {
	makeProgram, err := exec.LookPath("make")
	if err != nil {
		t.Skip("SKIPPED: what make test-terraform does without terraform: there is no make here")
	}
	tools := t.TempDir()
	// There is npm, and nothing else.
	if err := os.WriteFile(filepath.Join(tools, "npm"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, ci := range []string{"", "true"} {
		cmd := exec.CommandContext(t.Context(), makeProgram, "test-terraform", "GO=false")
		cmd.Dir, cmd.Env = filepath.Join("..", ".."), []string{"PATH=" + tools, "CI=" + ci}
		out, err := cmd.CombinedOutput()
		if (err != nil) != (ci == "true") || !strings.Contains(string(out), "SKIPPED: the tests of packaging/terraform") {
			t.Errorf("CI=%q: %v\n%s", ci, err, out)
		}
	}
}
