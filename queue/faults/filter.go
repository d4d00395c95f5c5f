//go:build linux && (amd64 || arm64)

package faults

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrUnsupported says that this machine cannot watch system calls in this way, and why.
var ErrUnsupported = errors.New("faults: system calls cannot be watched here")

// envSocket names the descriptor through which Submit hands the listener over.
const envSocket = "SHELFAGENT_FAULTS_SOCKET"

// envDir names Run.Dir for Tell.
const envDir = "SHELFAGENT_FAULTS_DIR"

// Offsets in struct seccomp_data, which the filter reads. Both architectures are little endian: the low half of an
// argument comes first.
const (
	offsetNR   = 0
	offsetArch = 4
	offsetArgs = 16
)

func argOffset(arg int) uint32 { return offsetArgs + 8*uint32(arg) }

// Watched tells whether this process was started by Run.Do, and must call Submit.
func Watched() bool { return os.Getenv(envSocket) != "" }

// Submit puts every thread of this process, and of those that it starts, under the eyes of the process that started
// it. It is called once, before anything that is to be seen.
func Submit() error {
	socket, err := strconv.Atoi(os.Getenv(envSocket))
	if err != nil {
		return fmt.Errorf("faults: %s: %w", envSocket, err)
	}
	if err := os.Unsetenv(envSocket); err != nil { // not for this one's children
		return err
	}
	listener, err := install(program(rules()))
	if err != nil {
		// Without a descriptor the message says why there is none.
		return errors.Join(err, unix.Sendmsg(socket, []byte(err.Error()), nil, nil, 0), unix.Close(socket))
	}
	err = unix.Sendmsg(socket, []byte{0}, unix.UnixRights(listener), nil, 0)
	// Only the watcher keeps the listener: were it to die, calls fail rather than wait for ever.
	return errors.Join(err, unix.Close(listener), unix.Close(socket))
}

// install gives a filter to all threads and returns its listener.
func install(filter []unix.SockFilter) (int, error) {
	runtime.LockOSThread() // the two calls below belong together
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, fmt.Errorf("no_new_privs: %w", err)
	}
	fprog := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	flags := unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	// A thread that waits for its answer is not to be disturbed by signals: the call would begin anew, and be counted
	// twice. Linux before 5.19 does not know how; the Go runtime's own signals are turned off by Run.Do.
	for _, more := range []int{unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 0} {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags|more),
			uintptr(unsafe.Pointer(fprog))) //nolint:gosec // the kernel's own interface
		if errno == 0 {
			return int(fd), nil
		}
		if errno != unix.EINVAL || more == 0 {
			return -1, fmt.Errorf("seccomp: %w", errno)
		}
	}
	panic("unreachable")
}

// program makes the filter: calls of the rules notify, all others are allowed.
func program(rules []rule) []unix.SockFilter {
	const (
		load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		eq   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		set  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret  = unix.BPF_RET | unix.BPF_K
	)
	allow := unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}
	notify := unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF}
	p := []unix.SockFilter{
		{Code: load, K: offsetArch},
		{Code: eq, Jt: 1, K: auditArch}, allow,
		{Code: load, K: offsetNR},
	}
	for _, r := range rules {
		// Behind each comparison stands what is done when it holds.
		body := []unix.SockFilter{notify}
		if r.bits != 0 || len(r.values) > 0 {
			body = []unix.SockFilter{{Code: load, K: argOffset(r.arg)}}
			for _, v := range r.values {
				body = append(body, unix.SockFilter{Code: eq, Jf: 1, K: v}, notify)
			}
			if r.bits != 0 {
				body = append(body, unix.SockFilter{Code: set, Jf: 1, K: r.bits}, notify)
			}
			body = append(body, allow)
		}
		p = append(p, unix.SockFilter{Code: eq, Jf: uint8(len(body)), K: r.nr})
		p = append(p, body...)
	}
	return append(p, allow)
}
