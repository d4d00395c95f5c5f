package device

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Owner is a user and a group, by number.
type Owner struct{ UID, GID int }

// maxFileBytes bounds what is read of a key or a certificate.
const maxFileBytes = 64 << 10

// folder is a folder whose names lead nowhere else, whatever links somebody has put there: root may be writing into
// one of another user's.
type folder struct {
	root  *os.Root
	path  string
	owner *Owner
	after func(step, file string)
}

func (h *Home) open(dir string) (*folder, error) {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer func() { _ = parent.Close() }() // nothing was written by it
	root, err := parent.OpenRoot(filepath.Base(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, reason(err))
	}
	return &folder{root: root, path: dir, owner: h.Owner, after: h.after}, nil
}

func (d *folder) close() { _ = d.root.Close() } // a handle of a folder; nothing is lost with it

// make makes a folder, and those above it that are not there, for the owner alone.
func (h *Home) make(dir string) error {
	above, missing := dir, []string{}
	for {
		info, err := os.Stat(above)
		if err == nil {
			if !info.IsDir() {
				return fmt.Errorf("%s is no folder", above)
			}
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || above == filepath.Dir(above) {
			return err
		}
		missing = append([]string{filepath.Base(above)}, missing...)
		above = filepath.Dir(above)
	}
	if len(missing) == 0 {
		return nil
	}
	root, err := os.OpenRoot(above)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // as in folder.close
	for i := range missing {
		name := filepath.Join(missing[:i+1]...)
		if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making %s: %w", filepath.Join(above, name), reason(err))
		}
		if h.Owner != nil {
			if err := root.Chown(name, h.Owner.UID, h.Owner.GID); err != nil {
				return fmt.Errorf("giving %s to its user: %w", filepath.Join(above, name), reason(err))
			}
		}
		if err := syncFolder(root, filepath.Dir(name)); err != nil {
			return err
		}
	}
	return nil
}

// write makes a file that is whole and on the disk when it returns nil. One of that name is replaced.
func (d *folder) write(name string, data []byte, mode fs.FileMode) (err error) {
	temporary := temporaryPrefix + rand.Text()
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return d.failed("write", name, err)
	}
	defer func() {
		if err != nil {
			_ = d.root.Remove(temporary) // the first error is the one to report
		}
	}()
	_, err = f.Write(data)
	d.did("write", temporary)
	if err == nil && permissionsAreReal {
		err = f.Chmod(mode)
	}
	if err == nil && d.owner != nil {
		err = f.Chown(d.owner.UID, d.owner.GID)
	}
	err = errors.Join(err, f.Sync())
	d.did("sync", temporary)
	if err = errors.Join(err, f.Close()); err != nil {
		return d.failed("write", name, err)
	}
	return d.rename(temporary, name)
}

// temporaryPrefix begins the names of files that are being written. What a power cut leaves of them, the next enrolment
// or renewal removes.
const temporaryPrefix = ".shelf-agent-new-"

func (d *folder) rename(from, to string) error {
	err := d.root.Rename(from, to)
	d.did("rename", to)
	if err != nil {
		return d.failed("rename to", to, err)
	}
	return d.sync()
}

func (d *folder) sync() error {
	err := syncFolder(d.root, ".")
	d.did("sync folder", ".")
	if err != nil {
		return d.failed("flush", ".", err)
	}
	return nil
}

// remove is content with a file that is not there.
func (d *folder) remove(name string) error {
	err := d.root.Remove(name)
	d.did("remove", name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.failed("remove", name, err)
	}
	return nil
}

// try makes a file and removes it, the only sure way to know whether that can be done.
func (d *folder) try() error {
	const probe = temporaryPrefix + "probe"
	if err := errors.Join(d.sweep(), d.write(probe, nil, keyMode), d.remove(probe)); err != nil {
		return fmt.Errorf("files cannot be changed in %s: %w", d.path, reason(err))
	}
	return nil
}

// sweep removes what was being written when the power was cut. The caller holds the lock.
func (d *folder) sweep() error {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return d.failed("list", ".", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporaryPrefix) {
			err = errors.Join(err, d.remove(e.Name()))
		}
	}
	return err
}

func (d *folder) read(name string) ([]byte, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return nil, d.failed("read", name, err)
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = fmt.Errorf("it is longer than %d bytes", maxFileBytes)
	}
	if err != nil {
		return nil, d.failed("read", name, err)
	}
	return data, nil
}

func (d *folder) did(step, file string) {
	if d.after != nil {
		d.after(step, file)
	}
}

func (d *folder) failed(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: filepath.Join(d.path, name), Err: reason(err)}
}

// reason leaves out what a system's error repeats of its place: os.Root knows a part of the name only.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
