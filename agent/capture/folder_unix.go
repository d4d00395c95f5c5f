//go:build unix

package capture

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// folder holds a descriptor of a directory; close it.
type folder struct {
	fd   int
	path string // for error messages only
}

func openFolder(path string) (*folder, error) {
	return openFolderAt(unix.AT_FDCWD, path, path, 0)
}

// openFolderAt opens with O_NONBLOCK too, so that a FIFO that takes a directory's place cannot hold us.
func openFolderAt(at int, name, path string, flags int) (*folder, error) {
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK|unix.O_CLOEXEC|flags, 0)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &folder{fd, path}, nil
}

func (d *folder) sub(name string) (*folder, error) {
	return openFolderAt(d.fd, name, d.at(name), unix.O_NOFOLLOW)
}

// at is the path of name, for messages and for the agent's own folders; it may be bent meanwhile.
func (d *folder) at(name string) string { return d.path + "/" + name }

func (d *folder) close() { _ = unix.Close(d.fd) }

func (d *folder) look(name string) (info, error) {
	var st unix.Stat_t
	err := uninterrupted(func() error { return unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return info{}, d.pathError("lstat", name, err)
	}
	return infoFrom(&st), nil
}

// open opens a regular file for reading, and nothing else: errOdd. The look before keeps us from opening a device,
// which can have effects by itself; the look after is the one that counts.
func (d *folder) open(name string) (*os.File, info, error) {
	before, err := d.look(name)
	if err != nil {
		return nil, info{}, err
	}
	if !before.regular {
		return nil, info{}, errOdd
	}
	var fd int
	err = uninterrupted(func() (err error) {
		fd, err = unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		return err
	})
	if errors.Is(err, unix.ELOOP) {
		return nil, info{}, errOdd
	}
	if err != nil {
		return nil, info{}, d.pathError("open", name, err)
	}
	var st unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(fd, &st) }); err != nil {
		_ = unix.Close(fd)
		return nil, info{}, d.pathError("fstat", name, err)
	}
	in := infoFrom(&st)
	if !in.regular {
		_ = unix.Close(fd)
		return nil, info{}, errOdd
	}
	return os.NewFile(uintptr(fd), d.at(name)), in, nil
}

func infoOf(f *os.File) (info, error) {
	var st unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return info{}, &os.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	return infoFrom(&st), nil
}

func infoFrom(st *unix.Stat_t) info {
	return info{
		regular: st.Mode&unix.S_IFMT == unix.S_IFREG,
		folder:  st.Mode&unix.S_IFMT == unix.S_IFDIR,
		links:   uint64(st.Nlink), //nolint:unconvert // its size differs between systems
		size:    st.Size,
		mtime:   time.Unix(st.Mtim.Unix()),
		changed: st.Ctim.Nano(),
		dev:     uint64(st.Dev), //nolint:unconvert // its size differs between systems
		ino:     st.Ino,
	}
}

// listing returns a second, independent descriptor for reading d's entries.
func (d *folder) listing() (*os.File, error) {
	second, err := openFolderAt(d.fd, ".", d.path, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(second.fd), d.path), nil
}

func (d *folder) create(name string) (*os.File, error) {
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o640)
		return err
	})
	if err != nil {
		return nil, d.pathError("create", name, err)
	}
	return os.NewFile(uintptr(fd), d.at(name)), nil
}

func (d *folder) rename(from string, dst *folder, to string) error {
	return d.pathError("rename", from, unix.Renameat(d.fd, from, dst.fd, to))
}

func (d *folder) link(from string, dst *folder, to string) error {
	return d.pathError("link", from, unix.Linkat(d.fd, from, dst.fd, to, 0))
}

func (d *folder) remove(name string) error {
	return d.pathError("unlink", name, unix.Unlinkat(d.fd, name, 0))
}

func (d *folder) mkdir(name string) error {
	return d.pathError("mkdir", name, unix.Mkdirat(d.fd, name, 0o750))
}

// sync makes the names in d durable.
func (d *folder) sync() error {
	return d.pathError("fsync", "", uninterrupted(func() error { return unix.Fsync(d.fd) }))
}

func (d *folder) pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: d.at(name), Err: err}
}

func crossDevice(err error) bool { return errors.Is(err, unix.EXDEV) }

// uninterrupted repeats a system call that a signal interrupted.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
