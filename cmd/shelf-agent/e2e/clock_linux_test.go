//go:build amd64 || arm64

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// clock is the time of day for programs that run under it, and can be wrong. It is set while they run.
//
// A program asks the vDSO for the time, which is no system call. So it runs from a copy in which the name of that
// function is another: Go then asks the kernel. A seccomp filter hands each question for CLOCK_REALTIME to the test,
// which answers it. The monotonic clock, by which timers run, stays as it is, as it does on a machine whose time is set.
type clock struct{ ahead atomic.Int64 } // nanoseconds

func (c *clock) jump(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// envUnderClock names the program that this one is to become, once it is under a clock.
const envUnderClock = "SHELFAGENT_E2E_UNDER_CLOCK"

// becomeClocked returns unless this process was started by clock.start.
func becomeClocked() {
	program := os.Getenv(envUnderClock)
	if program == "" {
		return
	}
	err := submitClock()
	if err == nil {
		err = syscall.Exec(program, append([]string{program}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "under a clock of its own:", err)
	os.Exit(70)
}

// submitClock puts this process under the filter, and hands its listener over descriptor 3.
func submitClock() error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	const load, equal, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	filter := []unix.SockFilter{
		{Code: load, K: 4}, {Code: equal, Jf: 5, K: auditArch()},
		{Code: load, K: 0}, {Code: equal, Jf: 3, K: unix.SYS_CLOCK_GETTIME},
		{Code: load, K: 16}, {Code: equal, Jf: 1, K: unix.CLOCK_REALTIME}, // the first argument
		{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	program := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_TSYNC|unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
		uintptr(unsafe.Pointer(program)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return errors.Join(unix.Sendmsg(3, []byte{0}, unix.UnixRights(int(listener)), nil, 0), unix.Close(3))
}

func auditArch() uint32 {
	if runtime.GOARCH == "arm64" {
		return unix.AUDIT_ARCH_AARCH64
	}
	return unix.AUDIT_ARCH_X86_64
}

// start is startTo, with the program under the clock.
func (c *clock) start(t testing.TB, log *os.File, env []string, program string, args ...string) *process {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "clock")
	defer func() { _, _ = theirs.Close(), unix.Close(pair[0]) }()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := startExtra(t, log, append(env, envUnderClock+"="+askingTheKernel(t, program)), []*os.File{theirs}, self, args...)
	_ = theirs.Close()
	listener, err := receive(pair[0])
	if err != nil {
		t.Fatalf("%s does not run under a clock: %v", program, err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		c.answer(t, listener)
	}()
	t.Cleanup(func() {
		p.kill()
		<-answered
	})
	return p
}

// askingTheKernel returns a copy of a program that does not find the vDSO's clock.
func askingTheKernel(t testing.TB, program string) string {
	t.Helper()
	clocked := filepath.Join(programs, program+"-without-vdso")
	if _, err := os.Stat(clocked); err == nil {
		return clocked
	}
	raw, err := os.ReadFile(filepath.Join(programs, program))
	if err != nil {
		t.Fatal(err)
	}
	changed := raw
	for _, name := range []string{"__vdso_clock_gettime", "__kernel_clock_gettime"} {
		changed = bytes.ReplaceAll(changed, []byte(name), bytes.Repeat([]byte{'-'}, len(name)))
	}
	if bytes.Equal(raw, changed) {
		t.Fatalf("%s does not name the vDSO's clock: has Go changed?", program)
	}
	if err := os.WriteFile(clocked, changed, 0o700); err != nil {
		t.Fatal(err)
	}
	return clocked
}

func receive(socket int) (int, error) {
	text, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, text, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return 0, fmt.Errorf("no listener came: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	return fds[0], nil
}

// question and reply are struct seccomp_notif and struct seccomp_notif_resp.
type question struct {
	ID         uint64
	TID, Flags uint32
	NR         int32
	Arch       uint32
	IP         uint64
	Args       [6]uint64
}

type reply struct {
	ID    uint64
	Val   int64
	Error int32
	Flags uint32
}

// answer tells the time until the program has ended.
func (c *clock) answer(t testing.TB, listener int) {
	defer func() { _ = unix.Close(listener) }()
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			t.Errorf("clock: %v", err)
			return
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			return // nobody is left to ask
		}
		var q question
		if errno := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&q)); errno != 0 {
			continue // the thread has died, or was interrupted and asks again
		}
		r := reply{ID: q.ID}
		if err := c.tell(int(q.TID), uintptr(q.Args[1])); err != nil {
			r.Flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE // it is dying, or gave a bad address: let the kernel say so
		}
		_ = ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)) // likewise
	}
}

// tell writes the time into a waiting thread's struct timespec.
func (c *clock) tell(tid int, at uintptr) error {
	now := unix.NsecToTimespec(time.Now().UnixNano() + c.ahead.Load())
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&now)), unsafe.Sizeof(now))
	local := []unix.Iovec{{Base: &raw[0]}}
	local[0].SetLen(len(raw))
	n, err := unix.ProcessVMWritev(tid, local, []unix.RemoteIovec{{Base: at, Len: len(raw)}}, 0)
	if err == nil && n != len(raw) {
		err = errors.New("written in part: " + strconv.Itoa(n))
	}
	return err
}

func ioctl(fd int, request uint, argument unsafe.Pointer) unix.Errno {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument))
		if errno != unix.EINTR {
			return errno
		}
	}
}

// TestClockSetBack: a clock that was hours ahead is set right. What was deferred by the wrong one does not wait for hours.
func TestClockSetBack(t *testing.T) {
	r := newRig(t, plan{})
	r.agentClock = &clock{}
	r.agentClock.jump(3 * time.Hour)
	r.startBackend()
	r.startAgent()
	frames := newShop(r.path("capture"))
	frames.shootSome(t, 3)
	r.await("tickets are refused", recovery, reads("ticket_refused", "it ended at "))
	r.says("clock_wrong", "the backend's clock is 10800 seconds behind this machine's")
	r.agentClock.jump(0)
	r.await("everything is delivered", recovery, allDelivered(3))
	r.isWell()
	r.agent.stop()
	r.bucketHolds(frames)
}

// TestClockJumps shows that the clock is one: the agent's own log lines bear its time.
func TestClockJumps(t *testing.T) {
	r := newRig(t, plan{})
	r.agentClock = &clock{}
	r.agentClock.jump(-1000 * time.Hour)
	r.startAgent()
	behind := r.await("the agent answers", 20*time.Second, isUp).At
	if off := time.Until(behind) + 1000*time.Hour; off.Abs() > 10*time.Second {
		t.Errorf("the agent's clock is wrong by %v", off)
	}
	r.agentClock.jump(time.Hour)
	ahead := r.await("the agent answers", 20*time.Second, isUp).At
	if off := time.Until(ahead) - time.Hour; off.Abs() > 10*time.Second {
		t.Errorf("the agent's clock is wrong by %v", off)
	}
}
