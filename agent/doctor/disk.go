package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"shelfagent/agent/config"
)

func stateFolder(c *config.Config) Result {
	const step = "state folder"
	dir, queue := c.StateDir, c.QueueDir()
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Result{step, Warn, dir + " is not there yet", "Nothing before the first start, which makes it. After that: mount its disk."}
	case errors.Is(err, fs.ErrPermission):
		return Result{step, Fail, "this user may not look into " + dir, "Try as the agent's user: " + asAgent + "."}
	case err != nil:
		return Result{step, Fail, err.Error(), "Check the disk, and state_dir in the configuration."}
	case !info.IsDir():
		return Result{step, Fail, dir + " is not a folder", "Move that file away, or correct state_dir in the configuration."}
	}
	if err := tryDisk(dir); err != nil {
		return Result{step, Fail, "nothing can be written to " + dir + ": " + reason(err), diskRemedy(err)}
	}
	_, err = os.ReadDir(queue)
	if errors.Is(err, fs.ErrNotExist) {
		return Result{Step: step, Outcome: OK, Saw: dir + " can be written to; the first start makes the queue"}
	}
	if err != nil {
		return Result{step, Fail, "the queue cannot be looked into: " + reason(err), "Try as the agent's user: " + asAgent + "."}
	}
	if err := tryDisk(queue); err != nil {
		return Result{step, Fail, "nothing can be written to the queue, " + queue + ": " + reason(err), diskRemedy(err)}
	}
	return queueRoom(step, c)
}

// queueRoom compares what is free on the queue's disk with what the queue leaves free.
func queueRoom(step string, c *config.Config) Result {
	free, keep, err := c.QueueOptions(nil).Room()
	if err != nil {
		return Result{step, Fail, "the queue's disk does not say what is free: " + reason(err), "Check the disk and the system's log."}
	}
	if free <= keep {
		return Result{step, Fail, fmt.Sprintf("no room for frames: %s free on the queue's disk, and %s have to stay free (queue.min_free)",
			megabytes(free), megabytes(keep)), "Free space on the disk of " + c.QueueDir() + ", get the uploads going again, or lower queue.min_free."}
	}
	return Result{Step: step, Outcome: OK, Saw: fmt.Sprintf("%s and the queue can be written to; %s free, of which %s stay free (queue.min_free)",
		c.StateDir, megabytes(free), megabytes(keep))}
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n/1e6) }

// tryDisk writes a small file to the disk and removes it: a disk that is full or read-only can still be read.
func tryDisk(dir string) (err error) {
	probe, err := os.CreateTemp(dir, ".shelf-agent-doctor-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, probe.Close(), os.Remove(probe.Name())) }()
	if _, err := probe.Write(make([]byte, 4<<10)); err != nil {
		return err
	}
	return probe.Sync()
}

// diskRemedy is what most often helps against an error of writing.
func diskRemedy(err error) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "Mount the disk writable. A disk turns read-only by itself after an I/O error: see the system's log, and replace it then."
	case errors.Is(err, syscall.ENOSPC):
		return "Free space on that disk (df -h), or files on it (df -i)."
	case errors.Is(err, fs.ErrPermission):
		return "Try as the agent's user: " + asAgent + ". If it is the same there, make that user the owner of the folder."
	default:
		return "Check the disk: full, read-only or broken? See the system's log."
	}
}
