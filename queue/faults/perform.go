//go:build linux && (amd64 || arm64)

package faults

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// perform makes a call on behalf of a thread, or half of it if it is a write and torn. It returns false for calls that
// change nothing that outlives the process, or that cannot be made from here: those are left out.
func perform(t thread, r *rule, args [6]uint64, paths []string, torn bool) (bool, error) {
	if torn && r.kind != Write {
		return false, nil
	}
	last := paths[len(paths)-1]
	switch r.name {
	case "write", "pwrite64":
		return true, performWrite(t, r, args, torn)
	case "fsync", "fdatasync":
		return true, t.with(int32(args[0]), os.O_RDONLY, (*os.File).Sync)
	case "ftruncate":
		return true, t.with(int32(args[0]), os.O_WRONLY, func(f *os.File) error { return f.Truncate(int64(args[1])) })
	case "truncate":
		return true, unix.Truncate(last, int64(args[1]))
	case "renameat", "rename":
		return true, unix.Rename(paths[0], last)
	case "renameat2":
		return true, unix.Renameat2(unix.AT_FDCWD, paths[0], unix.AT_FDCWD, last, uint(args[4]))
	case "unlinkat":
		return true, unix.Unlinkat(unix.AT_FDCWD, last, int(args[2]))
	case "mkdirat":
		return true, unix.Mkdir(last, uint32(args[2]))
	case "openat":
		if r.kindOf(args) != Create {
			return false, nil
		}
		fd, err := unix.Open(last, int(args[2])|unix.O_CLOEXEC, uint32(args[3]))
		if err != nil {
			return true, err
		}
		return true, unix.Close(fd)
	}
	return false, nil
}

func performWrite(t thread, r *rule, args [6]uint64, torn bool) error {
	fd, length := int32(args[0]), int(args[2])
	if torn {
		length /= 2
	}
	data, err := t.memory(args[1], length)
	if err != nil {
		return err
	}
	at := int64(args[3])
	if r.name == "write" {
		if at, err = t.position(fd); err != nil {
			return err
		}
	}
	return t.with(fd, os.O_WRONLY, func(f *os.File) error {
		_, err := f.WriteAt(data, at)
		return err
	})
}

// with opens a thread's file for a moment.
func (t thread) with(fd int32, flags int, do func(*os.File) error) error {
	f, err := t.reopen(fd, flags)
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.Close())
}
