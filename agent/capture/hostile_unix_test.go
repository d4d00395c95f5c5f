//go:build unix

package capture

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func needUnix(*testing.T) {}

func makeFIFO(t *testing.T, path string) {
	t.Helper()
	must(t, unix.Mkfifo(path, 0o666))
}

// makeSocket binds in the folder itself, because socket paths are short.
func makeSocket(t *testing.T, path string) {
	t.Helper()
	short := os.TempDir() + "/s" + randomHex(4)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	must(t, err)
	l.SetUnlinkOnClose(false)
	must(t, l.Close())
	must(t, os.Rename(short, path))
}
