package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ErrExists says that there is a file, which somebody may have written by hand.
var ErrExists = errors.New("is there already")

// Write makes a configuration file, whole and on the disk when it returns nil, or not at all. One that is there is
// ErrExists, unless it is the reference as it was shipped, in which nobody has set anything.
func Write(file string, content []byte) error {
	was, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writeDurable(file, content, os.Link)
	case err != nil:
		return err
	case bytes.Equal(was, Reference):
		return writeDurable(file, content, os.Rename)
	default:
		return fmt.Errorf("%s %w", file, ErrExists)
	}
}

// Replace is Write over a file that is there; what it was is kept beside it, in a file whose name ends in .old or, where
// there is one of an earlier time, in .old.2 and so on: that may be the one that somebody has written by hand.
func Replace(file string, content []byte) (old string, err error) {
	was, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", Write(file, content)
	}
	if err != nil {
		return "", err
	}
	if old, err = keep(file, was); err != nil {
		return "", err
	}
	return old, writeDurable(file, content, os.Rename)
}

// mostKept is how many files of earlier times there may be. Nobody has so many, and whoever has is told.
const mostKept = 20

// keep writes what a file was under the first name that is free.
func keep(file string, was []byte) (old string, err error) {
	old = file + ".old"
	for n := 2; n <= mostKept; n++ {
		if !exists(old) {
			return old, writeDurable(old, was, os.Link)
		}
		old = fmt.Sprintf("%s.old.%d", file, n)
	}
	return "", fmt.Errorf("%s.old and the files numbered after it %w; delete those that nobody needs", file, ErrExists)
}

// MayWrite tells whether Write could make the file, as far as that can be known before.
func MayWrite(file string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".config-*")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the folder will be made
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writeDurable: temporary name, fsync, name, fsync of the folder. How the file gets its name decides what becomes of one
// that has it: os.Link leaves it, os.Rename replaces it.
func writeDurable(file string, content []byte, name func(from, to string) error) (err error) {
	folder := filepath.Dir(file)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".config-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // renamed away, or of no use any more
	_, err = f.Write(content)
	if err := errors.Join(err, os.Chmod(f.Name(), 0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := name(f.Name(), file); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s %w", file, ErrExists)
		}
		return err
	}
	return syncFolder(folder)
}

func syncFolder(folder string) error {
	if runtime.GOOS == "windows" { // it flushes no folders
		return nil
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
