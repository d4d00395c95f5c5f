//go:build unix

package capture

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// chownLike gives f to the owner of the folder that seen is in, if there is one and root runs this: the agent could
// not read what root made.
func chownLike(f *os.File, seen string) error {
	if os.Geteuid() != 0 || seen == "" {
		return nil
	}
	folder := filepath.Dir(seen)
	var st unix.Stat_t
	err := uninterrupted(func() error { return unix.Stat(folder, &st) })
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "stat", Path: folder, Err: err}
	}
	var own unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(int(f.Fd()), &own) }); err != nil {
		return &os.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	if own.Uid == st.Uid && own.Gid == st.Gid {
		return nil // also where the owner has no number here that could be set: in a user namespace
	}
	err = f.Chown(int(st.Uid), int(st.Gid))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		return nil // FAT and its like: everything on it has the owner that its mount says
	}
	return err
}
