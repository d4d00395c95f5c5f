package queue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// step names one thing that a disk is asked to do.
type step string

const (
	stepCreate  step = "create"
	stepWrite   step = "write"
	stepSync    step = "sync"
	stepRename  step = "rename"
	stepSyncDir step = "syncdir"
	stepRemove  step = "remove"
	stepMkdir   step = "mkdir"
	stepCommit  step = "commit"
)

// disk does every change of the directory outside of bbolt, so that there is one durable write and one place
// for a test to fail it.
type disk struct {
	tmp   string                          // where files are written before they get their name
	fault func(s step, path string) error // tests only: called before each step; an error is the step's own

	// making guards nameless, and is held while a directory is made: whoever finds it there may rely on its name.
	making   sync.Mutex
	nameless map[string]bool // directories that are there, but whose names could not be made durable
}

// do takes a step, or the fault in its place.
func (d *disk) do(s step, path string, take func() error) error {
	if d.fault != nil {
		if err := d.fault(s, path); err != nil {
			return err
		}
	}
	return take()
}

// place writes a file under a temporary name, makes its contents durable and renames it. The name is durable only
// after syncDir of its directory. When place fails, there is nothing at path that was not there before.
func (d *disk) place(path string, write func(io.Writer) error) (err error) {
	var f *os.File
	err = d.do(stepCreate, path, func() (err error) {
		f, err = os.CreateTemp(d.tmp, "new-*")
		return err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(f.Name())))
		}
	}()
	if err := d.fill(f, path, write); err != nil {
		return err
	}
	return d.rename(f.Name(), path)
}

// fill writes and syncs f, and closes it in any case.
func (d *disk) fill(f *os.File, path string, write func(io.Writer) error) (err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := d.do(stepWrite, path, func() error { return write(f) }); err != nil {
		return err
	}
	return d.do(stepSync, path, f.Sync)
}

// keep is place and syncDir: when it returns nil, the file is durable.
func (d *disk) keep(path string, data []byte) error {
	err := d.place(path, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

func (d *disk) rename(from, to string) error {
	return d.do(stepRename, to, func() error { return os.Rename(from, to) })
}

// remove unlinks; that there is nothing to unlink is success.
func (d *disk) remove(path string) error {
	return d.do(stepRemove, path, func() error { return ignoreMissing(os.Remove(path)) })
}

// syncDir makes the names in a directory durable.
func (d *disk) syncDir(path string) error {
	return d.do(stepSyncDir, path, func() error { return syncDir(path) })
}

// mkdir makes a directory and the missing ones above it, each durable in its parent.
func (d *disk) mkdir(path string) error {
	d.making.Lock()
	defer d.making.Unlock()
	return d.mkdirs(path)
}

func (d *disk) mkdirs(path string) error {
	parent := filepath.Dir(path)
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is not a directory", path)
	case err == nil && !d.nameless[path]:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if parent != path {
			if err := d.mkdirs(parent); err != nil {
				return err
			}
		}
		err = d.do(stepMkdir, path, func() error { return os.Mkdir(path, 0o700) })
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	case err != nil:
		return err
	}
	if d.nameless == nil {
		d.nameless = map[string]bool{}
	}
	d.nameless[path] = true
	if err := d.syncDir(parent); err != nil {
		return err
	}
	delete(d.nameless, path)
	return nil
}

// aside moves a file into a directory of damaged/, under its own name or, where that is taken, a numbered one.
func (d *disk) aside(path, into string) (string, error) {
	if err := d.mkdir(into); err != nil {
		return "", err
	}
	to := filepath.Join(into, filepath.Base(path))
	for n := 1; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
		to = filepath.Join(into, fmt.Sprintf("%s.%d", filepath.Base(path), n))
	}
	if err := d.rename(path, to); err != nil {
		return "", err
	}
	return to, errors.Join(d.syncDir(into), d.syncDir(filepath.Dir(path)))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
