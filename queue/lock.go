package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 20 * time.Millisecond

// maxProgram limits the name of a lock's holder, in bytes.
const maxProgram = 60

// LockedError says that another process has the queue open.
type LockedError struct {
	Path    string        // the lock file
	PID     int           // of its holder, as the file says; 0 if it does not
	Program string        // the holder's name and first argument, where the system tells: "shelf-agent run"
	Waited  time.Duration // how long it was waited for
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("queue: %s is held by another process (waited %v)", e.Path, e.Waited)
	}
	program := ""
	if e.Program != "" {
		program = ", " + e.Program
	}
	return fmt.Sprintf("queue: %s is held by process %d%s (waited %v)", e.Path, e.PID, program, e.Waited)
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
			pid, program := lockHolder(path)
			return nil, errors.Join(&LockedError{Path: path, PID: pid, Program: program, Waited: timeout}, f.Close())
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

// lockHolder says who holds the lock, as the file says, and what that is, where /proc says so.
func lockHolder(path string) (pid int, program string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, ""
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
		return 0, ""
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return pid, ""
	}
	return pid, programOf(string(line))
}

// programOf takes the name and the first argument, often a command, from a line of arguments that end in zeros.
func programOf(line string) string {
	argv := strings.Split(line, "\x00")
	if argv[0] == "" {
		return ""
	}
	name := filepath.Base(argv[0])
	if len(argv) > 1 && argv[1] != "" && !strings.HasPrefix(argv[1], "-") {
		name += " " + argv[1]
	}
	printable := func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return -1
	}
	return strings.Map(printable, name[:min(len(name), maxProgram)])
}
