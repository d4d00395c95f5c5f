//go:build unix

package queue

import (
	"errors"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// diskSpace returns the size of the file system of path and what an ordinary user may still use of it, in bytes.
func diskSpace(path string) (total, free int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	block := int64(s.Bsize) //nolint:unconvert // its type differs between systems
	return int64(s.Blocks) * block, int64(s.Bavail) * block, nil
}

// isFull tells a full disk, or a spent quota, from other errors.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// refused tells errors that say nothing of a file's contents: the system has no more descriptors, memory or locks now,
// or the disk cannot be written to.
func refused(err error) bool {
	for _, errno := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EAGAIN, unix.ENOLCK, unix.EROFS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return isFull(err)
}

// unreadable tells that the disk could not read or find what it should have.
func unreadable(err error) bool { return errors.Is(err, unix.EIO) }

// killed tells a process that was ended by SIGKILL: not by us, so by the kernel, for want of memory.
func killed(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
