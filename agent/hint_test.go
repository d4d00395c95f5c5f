package agent

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"shelfagent/queue"
)

func TestHints(t *testing.T) {
	for _, tc := range []struct {
		story string
		err   error
		want  string // a part; "" for none
	}{
		{"a disk turned read-only", &os.PathError{Op: "mkdir", Path: "/var/lib/x", Err: syscall.EROFS}, "Mount the disk writable"},
		{"a full disk", &os.PathError{Op: "write", Path: "/var/lib/x", Err: syscall.ENOSPC}, "Free space on the disk of state_dir"},
		{"a full disk, in the queue's words", &queue.FullError{What: "disk", Err: syscall.ENOSPC}, "Free space on the disk of state_dir"},
		{"a socket of another program", &net.OpError{Op: "listen", Net: "unix", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}, "in [status]"},
		{"a missing file", os.ErrNotExist, "Put the file there"},
		{"a file of another user", os.ErrPermission, "sudo -u shelf-agent"},
		{"another agent on the queue", &queue.LockedError{PID: 42}, "(process 42)"},
		{"what nobody knows", errors.New("odd"), ""},
	} {
		got := Hint(errors.Join(fmt.Errorf("opening: %w", tc.err), nil))
		if !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("%s: %q", tc.story, got)
		}
	}
}
