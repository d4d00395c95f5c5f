package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 20 * time.Millisecond

// LockedError says that another process has the queue open.
type LockedError struct {
	Path   string        // the lock file
	PID    int           // of its holder, as the file says; 0 if it does not
	Waited time.Duration // how long it was waited for
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("queue: %s is held by another process (waited %v)", e.Path, e.Waited)
	}
	return fmt.Sprintf("queue: %s is held by process %d (waited %v)", e.Path, e.PID, e.Waited)
}

// lockFile takes the lock that makes a directory this process's own. bbolt's lock would not do: it is on a file
// that healing and compaction replace, and it is taken too late to guard tmp/. Closing the file gives it back.
func lockFile(ctx context.Context, path string, timeout time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(timeout)
	for {
		held, err := tryLock(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("queue: locking %s: %w", path, err), f.Close())
		}
		if held {
			break
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(&LockedError{Path: path, PID: lockHolder(path), Waited: timeout}, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(lockPoll):
		}
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil && !isFull(err) {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lockHolder(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
