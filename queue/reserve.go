package queue

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// reserve is the ballast: a file that is there to be removed when the disk is full, so that the database can still
// record that frames were delivered, whose payloads then make room.
type reserve struct {
	disk *disk
	path string
	size int64 // bytes; negative: there is none

	mu sync.Mutex // one change of the file at a time
}

// giveUp frees the ballast. It returns false when there is none to free.
func (r *reserve) giveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.disk.do(stepRemove, r.path, func() error { return os.Remove(r.path) }) == nil
}

// grow makes the ballast again if it is gone and there is room. Random bytes, because some file systems store
// others in less space than they take.
func (r *reserve) grow(roomy func(int64) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.path)
	switch {
	case r.size < 0 && err == nil:
		return r.disk.remove(r.path)
	case r.size < 0:
		return nil
	case err == nil && info.Size() == r.size:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case !roomy(r.size):
		return nil
	}
	err = r.disk.place(r.path, func(w io.Writer) error {
		_, err := io.CopyN(w, rand.Reader, r.size)
		return err
	})
	if err != nil {
		return err
	}
	return r.disk.syncDir(filepath.Dir(r.path))
}
