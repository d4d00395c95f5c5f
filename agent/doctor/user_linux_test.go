package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/fsnotify/fsnotify"
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

// envWatches tells a child in a user namespace of its own what limit to set there, and to what.
const envWatches = "SHELFAGENT_DOCTOR_WATCHES"

// withLimit runs the test again in such a child.
func withLimit(t *testing.T, limit string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), envWatches+"="+limit)
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

// limited is true in the child, where the limit is in force.
func limited(t *testing.T) (limit string, is bool) {
	t.Helper()
	limit, value, is := strings.Cut(os.Getenv(envWatches), "=")
	if is {
		must(t, os.WriteFile("/proc/sys/user/"+limit, []byte(value), 0o600))
	}
	return limit, is
}

// TestWatchLimits: nobody may have a watch, or a watcher.
func TestWatchLimits(t *testing.T) {
	if limit, is := limited(t); is {
		for _, agentRuns := range []bool{false, true} {
			got := watches(t.TempDir(), agentRuns)
			if got.Outcome != Warn || got.Condition != health.WatchLimit || !strings.Contains(got.Do, strings.Replace(limit, "max_inotify_", "fs.inotify.max_user_", 1)+"=") {
				t.Errorf("%+v", got)
			}
		}
		return
	}
	if got := watches(t.TempDir(), false); got.Outcome != OK || !strings.Contains(got.Saw, "in all folders (1)") {
		t.Errorf("%+v", got)
	}
	withLimit(t, "max_inotify_watches=0")
	withLimit(t, "max_inotify_instances=0")
}

// TestWatchesBesideAnAgent: of the user's four watches the agent has all but one.
func TestWatchesBesideAnAgent(t *testing.T) {
	if _, is := limited(t); !is {
		withLimit(t, "max_inotify_watches=4")
		return
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "aisle-1", "old"), 0o700))
	agent, err := fsnotify.NewWatcher()
	must(t, err)
	defer agent.Close()
	for _, folder := range []string{dir, filepath.Join(dir, "aisle-1"), filepath.Join(dir, "aisle-1", "old")} {
		must(t, agent.Add(folder))
	}
	if got := watches(dir, true); got.Outcome != OK || !strings.Contains(got.Saw, "for each folder (3); a user may have 4 watches") {
		t.Errorf("doctor takes from the agent, or blames it: %+v", got)
	}
	must(t, os.MkdirAll(filepath.Join(dir, "aisle-2", "old"), 0o700))
	if got := watches(dir, true); got.Outcome != Warn || got.Condition != health.WatchLimit || !strings.Contains(got.Saw, "(5); a user may have 4 watches") {
		t.Errorf("%+v", got)
	}
}
