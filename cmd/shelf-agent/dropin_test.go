package main

import (
	"regexp"
	"strings"
	"testing"

	"shelfagent/systemd"
)

func TestDropIn(t *testing.T) {
	for folder, want := range map[string]string{
		"/mnt/cameras":       "ReadWritePaths=-/mnt/cameras",
		"/homes/cameras":     "ReadWritePaths=-/homes/cameras",
		"/home":              "ReadWritePaths=-/home\nProtectHome=read-only",
		"/home/cam/ftp":      "ReadWritePaths=-/home/cam/ftp\nProtectHome=read-only",
		"/root/cameras":      "ReadWritePaths=-/root/cameras\nProtectHome=read-only",
		"/tmp/cameras":       "ReadWritePaths=-/tmp/cameras\nPrivateTmp=no",
		"/srv/all cameras":   `ReadWritePaths="-/srv/all cameras"`,
		`/srv/100%`:          "ReadWritePaths=-/srv/100%%",
		`/srv/left\"right`:   `ReadWritePaths="-/srv/left\\\"right"`,
		"/srv/küche/kameras": "ReadWritePaths=-/srv/küche/kameras",
	} {
		want = "  [Service]\n  " + strings.ReplaceAll(want, "\n", "\n  ") + "\n"
		if got := dropIn(folder); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", folder, got, want)
		}
	}
}

// TestDropInsUndoWhatTheUnitSays holds the lines against the unit.
func TestDropInsUndoWhatTheUnitSays(t *testing.T) {
	for _, folder := range []string{"/home/x", "/root/x", "/run/user/x", "/tmp/x", "/var/tmp/x"} {
		_, line := hiddenBy(folder)
		setting, _, _ := strings.Cut(line, "=")
		if !regexp.MustCompile(`(?m)^` + setting + `=yes$`).Match(systemd.Unit) {
			t.Errorf("%s: the unit does not hide it by %s", folder, setting)
		}
	}
}
