package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// roff is what manual pages have beside words: escapes, fonts, and lines that begin with a dot.
var roff = regexp.MustCompile(`(?m)^\..*$|\\f[BIPR]|\\&`)

// TestEveryCommandHasAManualPage with its exit codes and an example, and no word of its help is lost in the markup.
func TestEveryCommandHasAManualPage(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	root := rootCommand()
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	pages := 0
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if !sub.Hidden && sub.Name() != "help" {
				look(sub)
			}
		}
		pages++
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			return
		}
		page := string(raw)
		for _, section := range []string{".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH EXIT STATUS", ".SH EXAMPLE"} {
			if !strings.Contains(page, section) {
				t.Errorf("%s has no %s", name, section)
			}
		}
		if !strings.Contains(page, "Nov 2023") {
			t.Errorf("%s is not of the day of its source", name)
		}
		words := strings.NewReplacer(`\-`, "-", `\\`, `\`, `\[la]`, "<", `\[ra]`, ">").Replace(roff.ReplaceAllString(page, ""))
		for _, word := range strings.Fields(strings.NewReplacer("Exit codes:", "", "`", "").Replace(cmd.Long)) {
			if word = strings.Trim(word, ","); !strings.Contains(words, word) {
				t.Errorf("%s has lost %q", name, word)
			}
		}
	}
	look(rootCommand())
	if pages < 20 {
		t.Errorf("only %d commands were looked at", pages)
	}
}
