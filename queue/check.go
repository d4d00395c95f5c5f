package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Exit codes of Options.CheckCommand. Any other end, a Go panic's 2 or a signal among them, says that the
// database is damaged, except for the kernel's own SIGKILL: that is want of memory.
const (
	checkGood    = 0
	checkUnknown = 1 // the check could not be made; the database is then checked in this process
	checkDamaged = 3
)

// A check may take this long before the database counts as damaged: a cycle among its pages has no end. The rate
// is a quarter of what the slowest SD cards read.
const (
	checkBase        = 20 * time.Second
	checkBytesPerSec = 2 << 20
)

// CheckFile reads a whole database that no one has open, and returns what is wrong with it: pages, order of keys,
// free list, keys that are no IDs. Values are not looked at: one that fails its checksum is made again by
// itself. It may panic, or never return, in goroutines of bbolt's own: call it in a process that can be lost.
func CheckFile(path string) error {
	return guarded(func() error {
		db, err := openBolt(path, &bolt.Options{ReadOnly: true, Timeout: time.Second})
		switch {
		case errors.Is(err, berrors.ErrTimeout):
			return &LockedError{Path: path, Waited: time.Second}
		case refused(err):
			return fmt.Errorf("queue: checking %s: %w", path, err)
		case err != nil:
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		return errors.Join(db.View(checkTx), db.Close())
	})
}

// CheckExitCode is how a program that was started by Options.CheckCommand says what CheckFile returned.
func CheckExitCode(err error) int {
	switch {
	case err == nil:
		return checkGood
	case errors.Is(err, errDamaged):
		return checkDamaged
	}
	return checkUnknown
}

func checkTx(tx *bolt.Tx) error {
	var first error
	// The channel must be drained: the check writes to it from a goroutine of its own.
	for err := range tx.Check() {
		if first == nil {
			first = fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	if first != nil {
		return first
	}
	if err := checkSchema(tx); errors.Is(err, errDamaged) {
		return err
	}
	for _, state := range stored {
		err := tx.Bucket(bucketOf(state)).ForEach(func(key, _ []byte) error {
			if _, err := parseID(ID(key)); err != nil {
				return fmt.Errorf("%w: %w", errDamaged, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// check tells whether the database can be believed: nil, or an errDamaged.
func (q *Queue) check(ctx context.Context, path string) error {
	if len(q.opts.CheckCommand) == 0 {
		return CheckFile(path)
	}
	err := q.checkInChild(ctx, path)
	if err == nil || errors.Is(err, errDamaged) || ctx.Err() != nil {
		return err
	}
	q.log.Warn("the database cannot be checked in a process of its own; it is checked in this one", "error", err)
	return CheckFile(path)
}

func (q *Queue) checkInChild(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	limit := checkBase + time.Duration(info.Size()/checkBytesPerSec)*time.Second
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	argv := append(append([]string(nil), q.opts.CheckCommand...), path)
	cmd := exec.CommandContext(limited, argv[0], argv[1:]...) //nolint:gosec // the program's own command line
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &beginning{b: &out}, &beginning{b: &out}
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return fmt.Errorf("%w: its check did not end within %v", errDamaged, limit)
	case !errors.As(err, &exit), exit.ExitCode() == checkUnknown, killed(exit):
		return fmt.Errorf("check: %w: %s", err, bytes.TrimSpace(out.Bytes()))
	}
	return fmt.Errorf("%w: check: %w: %s", errDamaged, err, bytes.TrimSpace(out.Bytes()))
}

// beginning keeps the first 4 KiB of what a process says; a panic's cause is in its first line.
type beginning struct{ b *bytes.Buffer }

func (h *beginning) Write(p []byte) (int, error) {
	if room := 4096 - h.b.Len(); room > 0 {
		h.b.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
