package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

var (
	// ErrChanged says that the file is not, or no longer, the one that was handed out. Release it; it is offered again.
	ErrChanged = errors.New("capture: the file changed after it was handed out")
	// ErrVanished says that the file is gone. Release forgets it.
	ErrVanished = errors.New("capture: the file is gone")
	// ErrTooLarge says that the file is larger than the limit given to Read. Nothing was read.
	ErrTooLarge = errors.New("capture: the file is larger than the limit")
	// ErrEnded says that Remove, Reject or Release has already ended this hand-out.
	ErrEnded = errors.New("capture: this hand-out has ended")

	// errOdd says that it is not a regular file with a single name.
	errOdd = errors.New("capture: not a regular file")
)

// SetupError is why a capture folder cannot be used at all. Hint is for the person who sets the rig up.
type SetupError struct {
	Path    string // the folder or file that is wrong
	Problem string // what is wrong with it, in a few words
	Hint    string // what to do, as a sentence
	Err     error  // the system's own error, or nil
}

func (e *SetupError) Error() string {
	return fmt.Sprintf("capture folder %s: %s", e.Path, e.Problem)
}

func (e *SetupError) Unwrap() error { return e.Err }

// setupError explains why path cannot be used as, or in, the capture folder.
func setupError(path string, err error) error {
	e := &SetupError{Path: path, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Problem = "does not exist"
		e.Hint = "Create the folder, or mount its disk, or correct capture.dir."
	case errors.Is(err, syscall.ENOTDIR):
		e.Problem = "is not a folder"
		e.Hint = "Set capture.dir to the folder that the cameras write into."
	case errors.Is(err, fs.ErrPermission):
		e.Problem = "permission denied: the agent must be able to read, create, rename and delete in it"
		e.Hint = "Give the agent's user or group read, write and execute rights to the folder and to those below it, " +
			"for example: chgrp shelf-agent FOLDER && chmod 2770 FOLDER."
	case errors.Is(err, syscall.EROFS):
		e.Problem = "is on a read-only file system"
		e.Hint = "Mount the disk writable; after an I/O error a disk turns read-only by itself: check it."
	case errors.Is(err, syscall.ENOSPC):
		e.Problem = "is on a full disk"
		e.Hint = "Free some space on the capture disk."
	case errors.Is(err, errSilent):
		e.Problem = "does not answer"
		e.Hint = "If the folder is on another machine, see whether that is there; then unmount it with umount -l, and mount it anew. " +
			"If it is a disk of this machine, see the system's log."
	default:
		e.Problem = err.Error()
		e.Hint = "Check the disk and the path in capture.dir."
	}
	return e
}
