//go:build linux && (amd64 || arm64)

package faults

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// notification is struct seccomp_notif.
type notification struct {
	ID    uint64
	TID   uint32 // the thread that waits
	Flags uint32
	NR    int32
	Arch  uint32
	IP    uint64
	Args  [6]uint64
}

// answer is struct seccomp_notif_resp.
type answer struct {
	ID    uint64
	Val   int64
	Error int32 // negative errno
	Flags uint32
}

// listener is the watcher's end of the filter.
type listener struct{ fd int }

// receiveListener waits for what Submit sends.
func receiveListener(socket int, limit time.Duration) (listener, error) {
	tv := unix.NsecToTimeval(limit.Nanoseconds())
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return listener{}, err
	}
	text, rights := make([]byte, 512), make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := unix.Recvmsg(socket, text, rights, unix.MSG_CMSG_CLOEXEC)
	for errors.Is(err, unix.EINTR) {
		n, m, _, _, err = unix.Recvmsg(socket, text, rights, unix.MSG_CMSG_CLOEXEC)
	}
	switch {
	case err != nil:
		return listener{}, fmt.Errorf("faults: the process did not call Submit: %w", err)
	case n == 0:
		return listener{}, errors.New("faults: the process ended before it called Submit")
	case m == 0:
		return listener{}, fmt.Errorf("%w: %s", ErrUnsupported, text[:n])
	}
	messages, err := unix.ParseSocketControlMessage(rights[:m])
	if err != nil || len(messages) != 1 {
		return listener{}, fmt.Errorf("faults: no listener came with the message: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return listener{}, fmt.Errorf("faults: no listener came with the message: %w", err)
	}
	return listener{fds[0]}, nil
}

// wait returns true when a notification is there, and false when no process is left, or stop can be read from.
func (l listener) wait(stop *os.File) (bool, error) {
	for {
		fds := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}, {Fd: int32(stop.Fd()), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false, fmt.Errorf("faults: poll: %w", err)
		case fds[0].Revents&unix.POLLIN != 0:
			return true, nil
		}
		return false, nil
	}
}

// next takes a notification. False: its thread has died meanwhile.
func (l listener) next() (notification, bool, error) {
	var n notification
	err := ioctl(l, unix.SECCOMP_IOCTL_NOTIF_RECV, &n)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) {
		return n, false, nil
	}
	return n, err == nil, err
}

// valid tells whether the thread still waits: what was read from it meanwhile is its own.
func (l listener) valid(id uint64) bool {
	return ioctl(l, notifIDValid, &id) == nil
}

// goOn lets the call be made.
func (l listener) goOn(id uint64) error {
	return l.send(answer{ID: id, Flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

// fail answers in place of the call.
func (l listener) fail(id uint64, errno unix.Errno) error {
	return l.send(answer{ID: id, Error: -int32(errno)})
}

func (l listener) send(a answer) error {
	err := ioctl(l, unix.SECCOMP_IOCTL_NOTIF_SEND, &a)
	if errors.Is(err, unix.ENOENT) {
		return nil // the thread has died
	}
	return err
}

// notifIDValid is SECCOMP_IOCTL_NOTIF_ID_VALID, _IOW('!', 2, __u64), the same on every architecture of calls.go.
const notifIDValid = 0x40082102

func ioctl[T notification | answer | uint64](l listener, request uint, arg *T) error {
	pointer := unsafe.Pointer(arg) //nolint:gosec // the kernel's own interface; T is as large as the request says
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), uintptr(request), uintptr(pointer))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}
