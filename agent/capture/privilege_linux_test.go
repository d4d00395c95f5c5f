package capture

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What root is spared: tests here run in a child process without privileges. The child is this test binary again, run
// with childEnv set to the folder to work in.
const childEnv = "CAPTURE_TEST_CHILD_DIR"

// unprivileged runs the named test in a child as nobody, or as we are if that is not root, and skips loudly where it
// cannot.
func unprivileged(t *testing.T, dir string, prepare func(attr *syscall.SysProcAttr)) {
	t.Helper()
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: false}
	}
	if prepare != nil {
		prepare(attr)
	}
	self, err := os.Executable()
	must(t, err)
	// The build cache is not for nobody to read.
	data, err := os.ReadFile(self)
	must(t, err)
	program := filepath.Join(dir, ".child.test")
	must(t, os.WriteFile(program, data, 0o755))
	defer os.Remove(program)
	cmd := exec.Command(program, "-test.v", "-test.count=1", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir, "TMPDIR="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) {
		t.Skip("SKIPPED: no child process of another user here: " + err.Error())
	}
	if strings.Contains(string(out), "--- SKIP: "+t.Name()) {
		t.Skipf("SKIPPED in the child:\n%s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("child: %v\n%s", err, out)
	}
}

// publicDir is a folder that other users can reach, unlike t.TempDir.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "capture-test-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o777))
	return dir
}

func TestPermissionDenied(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		dir = publicDir(t)
		for name, mode := range map[string]os.FileMode{"unreadable": 0o333, "unwritable": 0o555} {
			must(t, os.Mkdir(filepath.Join(dir, name), 0o777))
			must(t, os.Chmod(filepath.Join(dir, name), mode))
		}
		unprivileged(t, dir, nil)
		return
	}
	for _, name := range []string{"unreadable", "unwritable"} {
		path := filepath.Join(dir, name)
		_, err := Open(Options{Dir: path, Rejected: filepath.Join(dir, "rejected")})
		setup, ok := errors.AsType[*SetupError](err)
		if !ok {
			t.Fatalf("%s: %v", name, err)
		}
		equal(t, "error", err.Error(), "capture folder "+path+
			": permission denied: the agent must be able to read, create, rename and delete in it")
		if !strings.Contains(setup.Hint, "chmod") {
			t.Errorf("hint: %s", setup.Hint)
		}
	}
}

// Where the disk was seen before, what is wrong with it at start is a state, and cured without a restart.
func TestOpenWithoutRights(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		unprivileged(t, publicDir(t), nil)
		return
	}
	for _, mode := range []os.FileMode{0o000, 0o333, 0o555} {
		t.Run(mode.String(), func(t *testing.T) {
			r := open(t, func(o *Options) { o.Rescan = 20 * time.Millisecond })
			must(t, os.Chmod(r.dir, mode))
			defer os.Chmod(r.dir, 0o755)
			w, err := Open(r.opts)
			must(t, err)
			r.Watcher = w
			equal(t, "disk at start", r.State().Disk, DiskFailing)
			if d := r.State().Detail; !strings.Contains(d, "permission denied") || !strings.Contains(d, "chmod 2770") {
				t.Errorf("detail: %s", d)
			}
			_ = r.scan(t.Context())
			equal(t, "disk after a scan", r.State().Disk, DiskFailing)
			must(t, os.Chmod(r.dir, 0o755))
			r.write("cam-1/a.jpg")
			r.step()
			equal(t, "disk when mended", r.State().Disk, DiskPresent)
			must(t, r.next().Remove())
		})
	}
}

// A disk that turned read-only, in a mount namespace of its own. Its files are taken in all the same.
func TestOpenReadOnly(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		unprivileged(t, publicDir(t), func(attr *syscall.SysProcAttr) {
			attr.Credential = nil
			attr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
			attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
			attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		})
		return
	}
	disk := filepath.Join(dir, "disk")
	must(t, os.Mkdir(disk, 0o755))
	if err := syscall.Mount("none", disk, "tmpfs", 0, ""); err != nil {
		t.Skip("SKIPPED: no file system can be mounted here: " + err.Error())
	}
	r := open(t, func(o *Options) { o.Dir = disk })
	r.write("cam-1/a.jpg")
	must(t, syscall.Mount("none", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))

	first := r.opts
	first.Seen = ""
	_, err := Open(first)
	setup, ok := errors.AsType[*SetupError](err)
	if !ok || !strings.Contains(setup.Hint, "Mount the disk writable") {
		t.Errorf("without a record: %v", err)
	}
	w, err := Open(r.opts)
	must(t, err)
	r.Watcher = w
	for range 2 {
		equal(t, "disk", r.State().Disk, DiskFailing)
		if d := r.State().Detail; !strings.Contains(d, "read-only file system. Mount the disk writable") {
			t.Errorf("detail: %s", d)
		}
		r.step()
	}
	r.next().Release(0)
	must(t, syscall.Mount("none", disk, "tmpfs", syscall.MS_REMOUNT, ""))
	r.step()
	equal(t, "disk when mended", r.State().Disk, DiskPresent)
}

// Another user's files: no lease without CAP_LEASE, so Settle decides; a file that cannot be read or a folder that
// cannot be written is a problem to show, and cured without a restart.
func TestOtherUsersFiles(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		if os.Geteuid() != 0 {
			t.Skip("SKIPPED: only root can make files of another user")
		}
		dir = publicDir(t)
		capture := filepath.Join(dir, "capture")
		for _, camera := range []string{"open", "locked"} {
			must(t, os.MkdirAll(filepath.Join(capture, camera), 0o755))
			must(t, os.WriteFile(filepath.Join(capture, camera, "a.jpg"), jpeg, 0o644))
		}
		must(t, os.WriteFile(filepath.Join(capture, "open", "secret.jpg"), jpeg, 0o600))
		must(t, os.Chmod(capture, 0o777))
		must(t, os.Chmod(filepath.Join(capture, "open"), 0o777))
		unprivileged(t, dir, nil)
		return
	}
	r := open(t, func(o *Options) { o.Dir = filepath.Join(dir, "capture"); o.Settle = 300 * time.Millisecond })
	began := time.Now()
	r.step()
	for range 2 {
		f := r.next()
		if time.Since(began) < 300*time.Millisecond {
			t.Errorf("%s was handed out before it settled", f.Path)
		}
		equal(t, "name", f.Name, "a.jpg")
		r.read(f)
		err := f.Remove()
		if f.Camera == "open" {
			must(t, err)
			continue
		}
		isErr(t, "Remove in a folder that is not ours", err, os.ErrPermission)
		equal(t, "source exists", exists(f.Path), true)
	}
	for _, camera := range []string{"open", "locked"} {
		if p := r.camera(camera).Problem; !strings.Contains(p, "permission denied") {
			t.Errorf("problem of %s: %q", camera, p)
		}
	}
	r.none(100 * time.Millisecond) // no busy loop over what cannot be taken away
}

// The real limit of inotify, in a user namespace of its own.
func TestRealWatchLimit(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		dir = publicDir(t)
		unprivileged(t, dir, func(attr *syscall.SysProcAttr) {
			id := os.Geteuid()
			attr.Credential = nil
			attr.Cloneflags = syscall.CLONE_NEWUSER
			attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
		})
		return
	}
	if err := os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("2"), 0); err != nil {
		t.Skip("SKIPPED: the limit of watches cannot be lowered here: " + err.Error())
	}
	r := open(t, func(o *Options) { o.Rescan = 50 * time.Millisecond })
	for _, camera := range []string{"a", "b", "c"} {
		r.write(camera + "/a.jpg")
	}
	ctx := t.Context()
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for range 3 {
		must(t, r.next().Remove())
	}
	r.until("the limit shows", func(s State) bool { return s.Watch.Reason == WatchLimit })
	r.write("c/b.jpg") // not watched
	must(t, r.next().Remove())
}
