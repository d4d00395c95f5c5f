package support

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestThePersonBehindSudoGetsIt: root's own file could not be sent by him.
func TestThePersonBehindSudoGetsIt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: whose the archive is behind sudo. Run this as root.")
	}
	t.Setenv("SUDO_UID", "65534")
	t.Setenv("SUDO_GID", "65533")
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	must(t, Bundle{Name: "x"}.Write(file, now))
	info, err := os.Stat(file)
	must(t, err)
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || s.Uid != 65534 || s.Gid != 65533 || info.Mode().Perm() != 0o600 {
		t.Errorf("%+v, mode %#o", s, info.Mode().Perm())
	}
}
