package capture

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// folder holds a handle of a directory; close it. os.Root keeps names inside it; symbolic links and junctions in it
// are refused by the look before each use.
type folder struct {
	root *os.Root
}

func openFolder(path string) (*folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &folder{root}, nil
}

func (d *folder) sub(name string) (*folder, error) {
	in, err := d.look(name)
	if err != nil {
		return nil, err
	}
	if !in.folder {
		return nil, errOdd
	}
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &folder{root}, nil
}

// at is the path of name.
func (d *folder) at(name string) string { return d.root.Name() + `\` + name }

func (d *folder) close() { d.root.Close() }

func (d *folder) look(name string) (info, error) {
	fi, err := d.root.Lstat(name)
	if err != nil {
		return info{}, err
	}
	return info{regular: fi.Mode().IsRegular(), folder: fi.IsDir(), size: fi.Size(), mtime: fi.ModTime()}, nil
}

// open opens a regular file for reading, and nothing else: errOdd.
func (d *folder) open(name string) (*os.File, info, error) {
	before, err := d.look(name)
	if err != nil {
		return nil, info{}, err
	}
	if !before.regular {
		return nil, info{}, errOdd
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, info{}, err
	}
	in, err := infoOf(f)
	if err == nil && !in.regular {
		err = errOdd
	}
	if err != nil {
		f.Close()
		return nil, info{}, err
	}
	return f, in, nil
}

func infoOf(f *os.File) (info, error) {
	fi, err := f.Stat()
	if err != nil {
		return info{}, err
	}
	var by windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &by); err != nil {
		return info{}, &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return info{
		regular: fi.Mode().IsRegular(),
		folder:  fi.IsDir(),
		links:   uint64(by.NumberOfLinks),
		size:    fi.Size(),
		mtime:   time.Unix(0, by.LastWriteTime.Nanoseconds()),
		dev:     uint64(by.VolumeSerialNumber),
		ino:     uint64(by.FileIndexHigh)<<32 | uint64(by.FileIndexLow),
	}, nil
}

func (d *folder) listing() (*os.File, error) { return d.root.Open(".") }

func (d *folder) create(name string) (*os.File, error) {
	return d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
}

// rename works within one volume. os.Root has no rename between two roots, so full paths are used.
func (d *folder) rename(from string, dst *folder, to string) error {
	return os.Rename(d.at(from), dst.at(to))
}

func (d *folder) link(from string, dst *folder, to string) error {
	return os.Link(d.at(from), dst.at(to))
}

func (d *folder) remove(name string) error { return d.root.Remove(name) }
func (d *folder) mkdir(name string) error  { return d.root.Mkdir(name, 0o750) }

// sync does nothing: Windows has no flush for directories; NTFS journals names.
func (d *folder) sync() error { return nil }

func crossDevice(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }
