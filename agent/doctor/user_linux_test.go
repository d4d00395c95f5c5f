package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"shelfagent/agent/health"
)

// asNobody does something with the files' eyes of another user: the kernel's answers are his.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: what another user sees. Run this as root.")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setfsuid(65534); err != nil {
			t.Error(err)
			return
		}
		do()
	}()
	<-done
}

// TestAnotherUser: what is closed to the agent's user is found, however open it is to root.
func TestAnotherUser(t *testing.T) {
	dir, err := os.MkdirTemp("", "doctor-") // t.TempDir has closed folders above it
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	cameras := filepath.Join(dir, "cameras")
	must(t, os.MkdirAll(filepath.Join(cameras, "aisle-1"), 0o777))
	key := filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(key, []byte("key"), 0o600))
	for _, tc := range []struct {
		story string
		mode  map[string]os.FileMode
		saw   string
		is    health.Code
	}{
		{"all open", map[string]os.FileMode{cameras: 0o777, cameras + "/aisle-1": 0o777}, "can be read and emptied", ""},
		{"unreadable", map[string]os.FileMode{cameras: 0o700}, "this user may not read " + cameras, health.CaptureMissing},
		{"not to be emptied", map[string]os.FileMode{cameras: 0o755}, "files cannot be taken out of " + cameras + ": permission denied", health.IntakeFailing},
		{"a camera's folder is unreadable", map[string]os.FileMode{cameras: 0o777, cameras + "/aisle-1": 0o733}, "the camera's folder " + cameras + "/aisle-1: permission denied", health.IntakeFailing},
		{"a camera's folder is not to be emptied", map[string]os.FileMode{cameras: 0o777, cameras + "/aisle-1": 0o755}, "the camera's folder " + cameras + "/aisle-1: permission denied", health.IntakeFailing},
	} {
		t.Run(tc.story, func(t *testing.T) {
			for path, mode := range tc.mode {
				must(t, os.Chmod(path, mode))
			}
			asNobody(t, func() {
				got := captureFolder(cameras)
				if !strings.Contains(got.Saw, tc.saw) || got.Condition != tc.is || (tc.is == "") != (got.Outcome == OK) ||
					tc.is != "" && !strings.Contains(got.Do, asAgent) {
					t.Errorf("%+v", got)
				}
			})
		})
	}
	asNobody(t, func() {
		_, err := os.ReadFile(key)
		if got := noIdentity("identity", err); got.Outcome != Fail || !strings.Contains(got.Saw, "only the agent's user and root may") || !strings.Contains(got.Do, asAgent) {
			t.Errorf("%+v", got)
		}
	})
}

const envWatchless = "SHELFAGENT_DOCTOR_WATCHLESS"

// TestWatchLimits: the child is in a user namespace in which nobody may have a watch, or a watcher.
func TestWatchLimits(t *testing.T) {
	if limit := os.Getenv(envWatchless); limit != "" {
		must(t, os.WriteFile("/proc/sys/user/"+limit, []byte("0"), 0o600))
		got := watches(t.TempDir())
		if got.Outcome != Warn || got.Condition != health.WatchDead || !strings.Contains(got.Do, strings.Replace(limit, "max_inotify_", "fs.inotify.max_user_", 1)+"=") {
			t.Errorf("%+v", got)
		}
		return
	}
	if got := watches(t.TempDir()); got.Outcome != OK || !strings.Contains(got.Saw, "in all folders (1)") {
		t.Errorf("%+v", got)
	}
	for _, limit := range []string{"max_inotify_watches", "max_inotify_instances"} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestWatchLimits$", "-test.v")
		cmd.Env = append(os.Environ(), envWatchless+"="+limit)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		if len(out) == 0 && err != nil && os.Getenv("CI") != "true" {
			t.Skipf("NOT TESTED: that a limit of watches is found: no user namespace here: %v", err)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", limit, err, out)
		}
	}
}
