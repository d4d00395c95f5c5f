package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"shelfagent/agent/capture"
	"shelfagent/queue"
	"shelfagent/uploader/device"
)

// Hint is what a person can do about an error of Open, as a sentence; "" when nobody knows.
func Hint(err error) string {
	var setup *capture.SetupError
	var locked *queue.LockedError
	var missing *device.MissingError
	switch {
	case errors.As(err, &setup):
		return setup.Hint
	case errors.As(err, &locked):
		holder := ""
		if locked.PID != 0 {
			holder = fmt.Sprintf(" (process %d)", locked.PID)
		}
		return fmt.Sprintf("Another shelf-agent works on this queue%s. One is enough: see it with `shelf-agent status`, "+
			"or stop it first with `sudo shelf-agent service stop`.", holder)
	case errors.As(err, &missing):
		return "If this rig was never enrolled, get a code from the cloud team, then: sudo shelf-agent enroll. If it was, put the file there, or " +
			"correct its place in [backend] of the configuration."
	case errors.Is(err, queue.ErrNewerSchema):
		return "The queue was written by a newer shelf-agent. Install that version, or a newer one."
	case errors.Is(err, syscall.EROFS):
		return "Mount the disk writable. A disk turns read-only by itself after an I/O error: see the system's log, and replace it then."
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, queue.ErrFull):
		return "Free space on the disk of state_dir (df -h), or files on it (df -i)."
	case errors.Is(err, syscall.EADDRINUSE):
		return "Another program has that address. End it, or name another place in [status] of the configuration."
	case errors.Is(err, fs.ErrNotExist):
		return "Put the file there, or correct its place in the configuration."
	case errors.Is(err, fs.ErrPermission):
		return "Give the agent's user the right to it, or run this as that user: `sudo -u shelf-agent …`."
	default:
		return ""
	}
}
