package agent

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// envAlone tells a process that it is one of its own.
const envAlone = "SHELFAGENT_ALONE"

// inItsOwnProcess runs the calling subtest once more in a user namespace, and returns false to the first and true to the
// second.
func inItsOwnProcess(t *testing.T, as who) bool {
	t.Helper()
	if os.Getenv(envAlone) != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(t.Name(), "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	cmd := exec.Command(self, "-test.run", strings.Join(parts, "/"), "-test.v")
	cmd.Env = append(os.Environ(), envAlone+"=1")
	inside := 0 // root of the namespace, with its rights
	if as == servant {
		inside = 1000 // whoever is not root loses them when the program begins
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: inside, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: inside, HostID: os.Getegid(), Size: 1}},
	}
	runtime.LockOSThread() // whose end would be the child's
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") != "true" {
		t.Skipf("NOT TESTED: this machine allows no user namespace: %v", err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	return false
}

// fewWatches lowers the system's limit for this user namespace.
func fewWatches(l *lab) {
	l.file("cam-2/.keep", nil)
	l.file("cam-3/.keep", nil)
	l.must(os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("2"), 0o644))
}

// noWatches has the system refuse every watch, as some containers do.
func noWatches(l *lab) {
	l.t.Helper()
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call is the first word
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_INOTIFY_ADD_WATCH, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.must(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		l.t.Fatalf("seccomp: %v", errno)
	}
}
