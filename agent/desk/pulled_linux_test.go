package desk

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"shelfagent/queue"
)

// stick makes a real, small file system and mounts it, as often as is asked for.
type stick struct {
	t          *testing.T
	image, dir string
}

func newStick(t *testing.T) *stick {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: a stick that is pulled out or locked. Run this as root, it mounts an ext4.")
	}
	s := &stick{t: t, image: filepath.Join(t.TempDir(), "image"), dir: t.TempDir()}
	for _, argv := range [][]string{{"truncate", "-s", "8M", s.image}, {"mkfs.ext4", "-q", "-F", "-m", "0", s.image}} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("NOT TESTED: a stick that is pulled out or locked. It takes e2fsprogs: %v: %s", err, out)
		}
	}
	s.mount("loop")
	t.Cleanup(func() { _ = unix.Unmount(s.dir, unix.MNT_DETACH) })
	return s
}

func (s *stick) mount(options string) {
	s.t.Helper()
	if out, err := exec.Command("mount", "-o", options, s.image, s.dir).CombinedOutput(); err != nil {
		s.t.Skipf("NOT TESTED: a stick that is pulled out or locked. It takes loop devices: %v: %s", err, out)
	}
}

func (s *stick) unmount() { s.t.Helper(); must(s.t, unix.Unmount(s.dir, 0)) }

// pull has everything fail from now on, and loses what was not flushed.
func (s *stick) pull() {
	s.t.Helper()
	const ext4Shutdown, noLogFlush = 0x8004587d, 2
	dir, err := os.Open(s.dir)
	must(s.t, err)
	defer dir.Close()
	must(s.t, unix.IoctlSetPointerInt(int(dir.Fd()), ext4Shutdown, noLogFlush))
}

// A stick is pulled out in the middle and put in again: what had been counted is on it, and the same export completes it.
func TestExportToAStickThatIsPulled(t *testing.T) {
	r, s := newRig(t), newStick(t)
	const frames = 5
	for n := range frames {
		r.put("cam-1", n, "a.jpg")
	}
	d := Local{Queue: r.Queue, Log: r.logger()}
	x := &export{desk: d, lost: func(f Frame, why error) error { t.Errorf("%s is lost: %v", f.ID, why); return nil }}
	x.flushed = func(string) {
		if x.done.Written == 2 {
			s.pull()
		}
	}
	err := explain(x.run(t.Context(), s.dir, queue.Filter{}))
	if !errors.Is(err, ErrGone) || x.done.Written != 2 {
		t.Errorf("%+v, %v", x.done, err)
	}
	s.unmount()
	s.mount("loop")
	done, _, err := exportTo(t, d, s.dir, queue.Filter{})
	if err != nil || done.Kept != 2 || done.Written != frames-2 || len(wantStick(t, s.dir)) != frames {
		t.Errorf("again: %+v, %v", done, err)
	}
}

func TestExportToALockedStick(t *testing.T) {
	r, s := newRig(t), newStick(t)
	r.put("cam-1", 1, "a.jpg")
	s.unmount()
	s.mount("loop,ro")
	_, _, err := exportTo(t, Local{Queue: r.Queue, Log: r.logger()}, s.dir, queue.Filter{})
	if !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
}

func TestExportToNowhere(t *testing.T) {
	r := newRig(t)
	r.put("cam-1", 1, "a.jpg")
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{filepath.Join(t.TempDir(), "not", "mounted"), file, filepath.Join(file, "below")} {
		if _, _, err := exportTo(t, Local{Queue: r.Queue, Log: r.logger()}, dir, queue.Filter{}); !errors.Is(err, ErrNoFolder) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
