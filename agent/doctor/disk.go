package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"shelfagent/agent/config"
	"shelfagent/agent/health"
)

func stateFolder(c *config.Config) Result {
	const step = "state folder"
	dir, queue := c.StateDir, c.QueueDir()
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return warn(step, dir+" is not there yet", "Nothing before the first start, which makes it. After that: mount its disk.")
	case errors.Is(err, fs.ErrPermission):
		r := fail(step, "this user may not look into "+dir, "Try as the agent's user: "+asAgent+".")
		r.Means = "That is as it should be, but what is in it cannot be tried by this user."
		return r
	case err != nil:
		return fail(step, err.Error(), "Check the disk, and state_dir in the configuration.").is(health.QueueFailing)
	case !info.IsDir():
		return fail(step, dir+" is not a folder", "Move that file away, or correct state_dir in the configuration.").is(health.QueueFailing)
	}
	if err := tryDisk(dir); err != nil {
		return fail(step, "nothing can be written to "+dir+": "+reason(err), diskRemedy(err)).is(health.QueueFailing)
	}
	_, err = os.ReadDir(queue)
	if errors.Is(err, fs.ErrNotExist) {
		return ok(step, dir+" can be written to; the first start makes the queue")
	}
	if err != nil {
		return fail(step, "the queue cannot be looked into: "+reason(err), "Try as the agent's user: "+asAgent+".").is(health.QueueFailing)
	}
	if err := tryDisk(queue); err != nil {
		return fail(step, "nothing can be written to the queue, "+queue+": "+reason(err), diskRemedy(err)).is(health.QueueFailing)
	}
	return queueRoom(step, c)
}

// queueRoom compares what is free on the queue's disk with what the queue leaves free.
func queueRoom(step string, c *config.Config) Result {
	free, keep, err := c.QueueOptions(nil).Room()
	if err != nil {
		return fail(step, "the queue's disk does not say what is free: "+reason(err), "Check the disk and the system's log.").is(health.QueueFailing)
	}
	if free <= keep {
		return fail(step, fmt.Sprintf("no room for frames: %s free on the queue's disk, and %s have to stay free (queue.min_free)",
			megabytes(free), megabytes(keep)), "Free space on the disk of "+c.QueueDir()+", get the uploads going again, or lower queue.min_free.").is(health.QueueFull)
	}
	return ok(step, fmt.Sprintf("%s and the queue can be written to; %s free, of which %s stay free (queue.min_free)",
		c.StateDir, megabytes(free), megabytes(keep)))
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
