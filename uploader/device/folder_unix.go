//go:build unix

package device

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const permissionsAreReal = true

func syncFolder(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Other programs hold the lock for some fsyncs only.
const (
	lockPatience = 10 * time.Second
	lockPoll     = 20 * time.Millisecond
)

// lock takes the folder for this process; unlock gives it back. The folder itself is what is locked, so that root need
// not make a file in it.
func (d *folder) lock() (unlock func(), err error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, d.failed("lock", ".", err)
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockPoll) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			return nil, errors.Join(d.failed("lock", ".", err), f.Close())
		case time.Now().After(deadline):
			return nil, errors.Join(fmt.Errorf("%s is being changed by another shelf-agent (waited %s)", d.path, lockPatience), f.Close())
		}
	}
}
