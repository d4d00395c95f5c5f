package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maintained is a machine on which the maintainer scripts of the deb run: what they call is there, and one call fails.
type maintained struct{ dir string }

func newMaintained(t *testing.T, failing string) maintained {
	t.Helper()
	m := maintained{t.TempDir()}
	for _, folder := range []string{"bin", "run", "state/queue"} {
		if err := os.MkdirAll(filepath.Join(m.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"systemd-sysusers", "systemd-tmpfiles", "systemctl", "deb-systemd-invoke", failing} {
		code := "0"
		if name == failing {
			code = "1"
		}
		if err := os.WriteFile(filepath.Join(m.dir, "bin", name), []byte("#!/bin/sh\nexit "+code+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// run has a script work on this machine's folders in place of the system's.
func (m maintained) run(t *testing.T, script string, arguments ...string) (said string, err error) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../deb", script))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for ours, system := range map[string]string{
		"run": "/run/systemd/system", "state": "/var/lib/shelf-agent", "debconf": "/usr/share/debconf/confmodule", "etc": "/etc/systemd/system",
	} {
		text = strings.ReplaceAll(text, system, filepath.Join(m.dir, ours))
	}
	cmd := exec.Command("sh", append([]string{"-c", text, script}, arguments...)...)
	cmd.Env = []string{"PATH=" + filepath.Join(m.dir, "bin") + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestNoMaintainerScriptFailsForTheAgent: one that did would leave the package half configured or half removed, and every
// later apt run complain of it.
func TestNoMaintainerScriptFailsForTheAgent(t *testing.T) {
	for _, tc := range []struct {
		story, failing, script string
		arguments              []string
		says                   string
	}{
		{"an upgraded agent does not start", "deb-systemd-invoke", "postinst", []string{"configure", "1.4.0"}, "did not start"},
		{"one that goes does not stop", "deb-systemd-invoke", "prerm", []string{"remove"}, ""},
		{"a disk is mounted in the state folder", "find", "postrm", []string{"purge"}, "sudo rm -r "},
	} {
		said, err := newMaintained(t, tc.failing).run(t, tc.script, tc.arguments...)
		if err != nil || !strings.Contains(said, tc.says) {
			t.Errorf("%s: %v, %q", tc.story, err, said)
		}
	}
}
