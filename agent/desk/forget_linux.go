package desk

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget has the system drop what it remembers of a file that has been flushed, so that the next read is the
// disk's own answer. A system that will not is no worse off than others.
func forget(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
