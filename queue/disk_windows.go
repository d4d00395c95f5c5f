package queue

import (
	"errors"
	"os"
	"os/exec"

	"golang.org/x/sys/windows"
)

// syncDir has nothing to do: Windows does not sync directories, NTFS journals its names.
func syncDir(string) error { return nil }

// diskSpace returns the size of the volume of path and what this user may still use of it, in bytes.
func diskSpace(path string) (total, free int64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	var available, size uint64
	if err := windows.GetDiskFreeSpaceEx(name, &available, &size, nil); err != nil {
		return 0, 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: path, Err: err}
	}
	return int64(size), int64(available), nil //nolint:gosec // no disk has 8 EiB
}

// isFull tells a full disk, or a spent quota, from other errors.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// refused tells errors that say nothing of a file's contents: the system has no more handles or memory now, or another
// program, a virus scanner for one, has the file open for itself.
func refused(err error) bool {
	for _, errno := range []error{windows.ERROR_TOO_MANY_OPEN_FILES, windows.ERROR_NOT_ENOUGH_MEMORY, windows.ERROR_OUTOFMEMORY,
		windows.ERROR_COMMITMENT_LIMIT, windows.ERROR_NO_SYSTEM_RESOURCES, windows.ERROR_SHARING_VIOLATION,
		windows.ERROR_LOCK_VIOLATION, windows.ERROR_WRITE_PROTECT} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return isFull(err)
}

// unreadable tells that the disk could not read or find what it should have.
func unreadable(err error) bool {
	return errors.Is(err, windows.ERROR_IO_DEVICE) || errors.Is(err, windows.ERROR_CRC)
}

// killed is always false: Windows does not end processes for want of memory.
func killed(*exec.ExitError) bool { return false }
