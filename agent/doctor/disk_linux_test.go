package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestADiskThatCanOnlyBeRead: each of the folders on a disk of its own, which is full, or read-only.
func TestADiskThatCanOnlyBeRead(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: that a full or read-only disk is found. Run this as root, it mounts a tmpfs.")
	}
	server := cloud(t)
	fill := func(t *testing.T, dir string) {
		if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 1<<20), 0o600); err == nil {
			t.Fatal("the disk has room")
		}
	}
	freeze := func(t *testing.T, dir string) {
		if err := unix.Mount("", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		story   string
		folder  func(*rig) string
		harm    func(*testing.T, string)
		saw, do string
	}{
		{"the state folder's disk is full", func(r *rig) string { return r.c.StateDir }, fill,
			"nothing can be written to DIR: no space left on device", "Free space on that disk"},
		{"the state folder's disk is read-only", func(r *rig) string { return r.c.StateDir }, freeze,
			"nothing can be written to DIR: read-only file system", "Mount the disk writable"},
		{"the queue's disk is full", func(r *rig) string { return r.c.QueueDir() }, fill,
			"nothing can be written to the queue, DIR: no space left on device", "Free space on that disk"},
		{"the queue's disk is read-only", func(r *rig) string { return r.c.QueueDir() }, freeze,
			"nothing can be written to the queue, DIR: read-only file system", "Mount the disk writable"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			r := newRig(t, server)
			dir := tc.folder(r)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
				t.Skip("NOT TESTED: that a full or read-only disk is found. No tmpfs can be mounted here: ", err)
			}
			t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
			if got := stateFolder(&r.c); got.Outcome != OK {
				t.Fatalf("before: %+v", got)
			}
			tc.harm(t, dir)
			got := stateFolder(&r.c)
			if got.Outcome != Fail || !strings.Contains(got.Saw, strings.ReplaceAll(tc.saw, "DIR", dir)) || !strings.Contains(got.Do, tc.do) {
				t.Errorf("%+v", got)
			}
		})
	}
}
