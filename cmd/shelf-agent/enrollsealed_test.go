package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
)

// TestASealedKeyIsNotReplaced: the service would go on using it, and no certificate for another key fits it.
func TestASealedKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	store, state := filepath.Join(dir, "store"), filepath.Join(dir, "state")
	sealed, file := filepath.Join(store, "shelf-agent.rig-key"), filepath.Join(dir, "config.toml")
	answers := config.ReferenceAnswers()
	answers.Backend = "https://127.0.0.1:1" // where nobody must be asked
	text := strings.Replace(string(answers.File()), `state_dir = "/var/lib/shelf-agent"`, `state_dir = '`+state+`'`, 1)
	if err := errors.Join(os.Mkdir(store, 0o700), os.WriteFile(sealed, nil, 0o600), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	e := enrolment{file: file, code: "7KQ2-M0X9-DB3H-4TZE", yes: true, stores: []string{store}}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	err := e.run(cmd)
	var hint hintedError
	if !errors.As(err, &hint) || !strings.Contains(err.Error(), sealed) || !strings.Contains(hint.hint, "sudo mv "+sealed+" ") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was changed: %v", err)
	}
	maybe := notSealed(&config.SealedError{File: sealed, Maybe: true})
	if !errors.As(maybe, &hint) || !strings.Contains(hint.hint, "sudo shelf-agent enroll") {
		t.Errorf("%v", maybe)
	}
}
