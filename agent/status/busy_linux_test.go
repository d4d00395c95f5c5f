package status

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestABusyAgentIsNotTakenForADeadOne: an agent that cannot accept now refuses nobody.
func TestABusyAgentIsNotTakenForADeadOne(t *testing.T) {
	path := filepath.Join(shortDir(t), "agent.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for { // until nobody else is let in
		conn, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		defer conn.Close()
	}
	taken, err := Listen(Options{Socket: path, Snapshot: func() Snapshot { return healthy(0) }, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		taken.Close()
		t.Fatal("the socket was taken over")
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSocket == 0 {
		t.Errorf("the socket is gone: %v", err)
	}
	if _, err := Ask(t.Context(), path); err == nil || errors.Is(err, ErrNoAgent) {
		t.Errorf("asked: %v", err)
	}
}
