//go:build linux && (amd64 || arm64)

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// thread is one that waits for its answer; its memory and its descriptors can be looked at meanwhile.
type thread struct{ tid int }

func (t thread) proc(rest ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(t.tid)}, rest...)...)
}

// file returns the absolute path of a file that a call names; "" when it is no file with a path, or cannot be read: the
// call then fails by itself.
func (t thread) file(o operand, args [6]uint64) string {
	if o.path < 0 {
		return t.descriptor(int32(args[o.dirfd]))
	}
	name, err := t.text(args[o.path])
	if err != nil || name == "" {
		return ""
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	from := int32(unix.AT_FDCWD)
	if o.dirfd >= 0 {
		from = int32(args[o.dirfd])
	}
	dir := t.descriptor(from)
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, name)
}

func (t thread) descriptor(fd int32) string {
	link := t.proc("fd", strconv.Itoa(int(fd)))
	if fd == unix.AT_FDCWD {
		link = t.proc("cwd")
	}
	path, err := os.Readlink(link)
	if err != nil || !filepath.IsAbs(path) {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// text reads a string that ends with a zero byte.
func (t thread) text(address uint64) (string, error) {
	var all []byte
	for len(all) < unix.PathMax {
		// Up to the end of the page: the next one may not be there.
		page := uint64(os.Getpagesize())
		part, err := t.memory(address, int(page-address%page))
		if err != nil {
			return "", err
		}
		if end := bytes.IndexByte(part, 0); end >= 0 {
			return string(append(all, part[:end]...)), nil
		}
		all = append(all, part...)
		address += uint64(len(part))
	}
	return "", errors.New("faults: a path without an end")
}

// memory reads n bytes.
func (t thread) memory(address uint64, n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	into := make([]byte, n)
	local := []unix.Iovec{{Base: &into[0]}}
	local[0].SetLen(n)
	got, err := unix.ProcessVMReadv(t.tid, local, []unix.RemoteIovec{{Base: uintptr(address), Len: n}}, 0)
	if err != nil || got != n {
		return nil, fmt.Errorf("faults: %d of %d bytes at %#x: %w", got, n, address, err)
	}
	return into, nil
}

// position returns the offset at which write writes.
func (t thread) position(fd int32) (int64, error) {
	info, err := os.ReadFile(t.proc("fdinfo", strconv.Itoa(int(fd))))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(info)) {
		if rest, ok := strings.CutPrefix(line, "pos:"); ok {
			return strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
		}
	}
	return 0, fmt.Errorf("faults: descriptor %d has no position", fd)
}

// reopen opens what a descriptor is open for, even if its name is gone.
func (t thread) reopen(fd int32, flags int) (*os.File, error) {
	return os.OpenFile(t.proc("fd", strconv.Itoa(int(fd))), flags, 0)
}
