//go:build linux && (amd64 || arm64)

package faults

import "golang.org/x/sys/unix"

// Kind groups system calls by what they do to a file.
type Kind string

// The kinds. An open that may create a file is a Create, whether or not the file is there.
const (
	Open     Kind = "open" // for reading
	Write    Kind = "write"
	OpenRW   Kind = "open for writing"
	Create   Kind = "create"
	Sync     Kind = "sync"
	Rename   Kind = "rename"
	Unlink   Kind = "unlink"
	Mkdir    Kind = "mkdir"
	Truncate Kind = "truncate"
	Lock     Kind = "lock"
	Map      Kind = "map"
)

// Call is one system call that named a file below Run.Dir.
type Call struct {
	N    int    // from 1
	Name string // pwrite64
	Kind Kind
	Path string // relative to Run.Dir; of a rename, the new name
}

// operand says which arguments name a file; -1: none. With a path, dirfd is what it is relative to; without, it is the
// file itself.
type operand struct{ dirfd, path int }

// rule is how a system call is recognised and read.
type rule struct {
	name  string
	nr    uint32
	kind  Kind
	files []operand // the last one gives the call its Path
	flags int       // the argument with the flags of an open; -1: it is none
	// Of some calls only those are looked at whose argument has one of some values, or one of some bits.
	arg    int
	values []uint32
	bits   uint32
}

func onFD(name string, nr uint32, kind Kind, fd int) rule {
	return rule{name: name, nr: nr, kind: kind, files: []operand{{fd, -1}}, flags: -1}
}

func onPaths(name string, nr uint32, kind Kind, files ...operand) rule {
	return rule{name: name, nr: nr, kind: kind, files: files, flags: -1}
}

// rules are the calls that every architecture has; legacyRules are added where there are older ones. The order is that
// of the filter: frequent ones first.
func rules() []rule {
	all := []rule{
		onFD("write", unix.SYS_WRITE, Write, 0),
		onFD("pwrite64", unix.SYS_PWRITE64, Write, 0),
		{name: "openat", nr: unix.SYS_OPENAT, files: []operand{{0, 1}}, flags: 2},
		onFD("fsync", unix.SYS_FSYNC, Sync, 0),
		onFD("fdatasync", unix.SYS_FDATASYNC, Sync, 0),
		onPaths("renameat", unix.SYS_RENAMEAT, Rename, operand{0, 1}, operand{2, 3}),
		onPaths("renameat2", unix.SYS_RENAMEAT2, Rename, operand{0, 1}, operand{2, 3}),
		onPaths("unlinkat", unix.SYS_UNLINKAT, Unlink, operand{0, 1}),
		onPaths("mkdirat", unix.SYS_MKDIRAT, Mkdir, operand{0, 1}),
		onPaths("linkat", unix.SYS_LINKAT, Create, operand{0, 1}, operand{2, 3}),
		onPaths("truncate", unix.SYS_TRUNCATE, Truncate, operand{-1, 0}),
		onFD("ftruncate", unix.SYS_FTRUNCATE, Truncate, 0),
		onFD("fallocate", unix.SYS_FALLOCATE, Truncate, 0),
		onFD("writev", unix.SYS_WRITEV, Write, 0),
		onFD("pwritev", unix.SYS_PWRITEV, Write, 0),
		onFD("pwritev2", unix.SYS_PWRITEV2, Write, 0),
		onFD("sendfile", unix.SYS_SENDFILE, Write, 0),
		onFD("copy_file_range", unix.SYS_COPY_FILE_RANGE, Write, 2),
		onFD("splice", unix.SYS_SPLICE, Write, 2),
		onFD("flock", unix.SYS_FLOCK, Lock, 0),
	}
	all = append(all, legacyRules()...)
	locks := onFD("fcntl", unix.SYS_FCNTL, Lock, 0)
	locks.arg = 1
	locks.values = []uint32{unix.F_SETLK, unix.F_SETLKW, unix.F_OFD_SETLK, unix.F_OFD_SETLKW}
	maps := onFD("mmap", unix.SYS_MMAP, Map, 4)
	maps.arg, maps.bits = 3, unix.MAP_SHARED
	return append(all, locks, maps)
}

// kindOf tells the opens apart.
func (r *rule) kindOf(args [6]uint64) Kind {
	if r.flags < 0 {
		return r.kind
	}
	switch flags := int(args[r.flags]); {
	case flags&unix.O_CREAT != 0:
		return Create
	case flags&unix.O_ACCMODE != unix.O_RDONLY:
		return OpenRW
	}
	return Open
}
