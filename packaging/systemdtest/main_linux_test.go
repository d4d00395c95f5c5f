package systemdtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// envInside tells a process that it is inside, and with what: kit as JSON.
const envInside = "SHELFAGENT_SYSTEMD_INSIDE"

// kit is what is made outside, where there is a network, for the inside, where there is none.
type kit struct {
	Root    string   // a fresh Debian
	Nspawn  string   // the program
	Libs    string   // its libraries
	Backend string   // shelf-backend
	Debs    []string // the agent's package, older first
	Group   string   // the test's control group, by name
}

// TestOnRealSystemd is the life of a package; see life.
func TestOnRealSystemd(t *testing.T) {
	if inside := os.Getenv(envInside); inside != "" {
		var k kit
		if err := json.Unmarshal([]byte(inside), &k); err != nil {
			t.Fatal(err)
		}
		enter(t, k.Group)
		life(t, k)
		return
	}
	if os.Getenv("SHELFAGENT_SYSTEMD") == "" {
		t.Skip("NOT TESTED: booting a Debian takes minutes; run: make test-systemd")
	}
	again(t, prepare(t))
}

// again runs this test once more in namespaces of its own, as their first process: they end with it, and it with us.
func again(t *testing.T, k kit) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	packed, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM) // so that what follows a test follows
	defer stop()
	cmd := exec.CommandContext(ctx, self, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), envInside+"="+string(packed))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
	}
	t.Cleanup(func() { leaveGroup(t, k.Group) })
	runtime.LockOSThread() // whose end would be the child's
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("SKIPPED: this machine allows no namespaces: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("inside: %v", err)
	}
}

// enter makes the namespaces a place to live: nothing that is mounted here is seen outside, /proc shows what is inside,
// and the control groups that the container makes are below one that can be found and removed.
func enter(t *testing.T, group string) {
	t.Helper()
	if os.Getpid() != 1 {
		t.Fatalf("process %d is not the first of its namespace", os.Getpid())
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	for _, h := range hierarchies() {
		dir := filepath.Join(h, group)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// hierarchies are the control groups that systemd uses: of version 2, or one of each version.
func hierarchies() []string {
	var found []string
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && (fs.Type == unix.CGROUP2_SUPER_MAGIC || fs.Type == unix.CGROUP_SUPER_MAGIC) {
			found = append(found, dir)
		}
	}
	return found
}

// leaveGroup removes the test's control groups, innermost first; nobody is in them any more.
func leaveGroup(t *testing.T, group string) {
	for _, h := range hierarchies() {
		var dirs []string
		_ = filepath.WalkDir(filepath.Join(h, group), func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if err := os.Remove(dirs[i]); err != nil {
				t.Errorf("a control group is left behind: %v", err)
			}
		}
	}
}

// must runs a program of this machine, which has to succeed.
func must(t testing.TB, program string, arguments ...string) string {
	t.Helper()
	out, err := exec.Command(program, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, arguments, err, out)
	}
	return string(out)
}

func say(format string, arguments ...any) { fmt.Printf("    "+format+"\n", arguments...) }
