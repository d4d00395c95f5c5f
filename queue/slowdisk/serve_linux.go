//go:build linux && (amd64 || arm64)

package slowdisk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// serve has a disk mounted, says where, and answers questions about it until there are no more.
func serve(flush time.Duration, questions io.Reader, answers io.Writer) (err error) {
	signal.Ignore(os.Interrupt) // of the terminal: whoever asks ends first, and its end is heard
	dir, err := os.MkdirTemp(memory(), "slowdisk-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &device{flush: flush}
	mounted, down, err := d.up(dir)
	defer func() { err = errors.Join(err, down()) }()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(answers, mounted); err != nil {
		return err
	}
	for s := bufio.NewScanner(questions); s.Scan(); {
		if _, err := fmt.Fprintln(answers, d.count()); err != nil {
			return err
		}
	}
	return nil
}

// memory is a directory that costs no disk, where there is one.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// device is the file that is the disk.
type device struct {
	fs.Inode
	image *os.File
	flush time.Duration

	mu      sync.Mutex // held while the disk flushes
	flushes int64
}

var (
	_ fs.NodeGetattrer = (*device)(nil)
	_ fs.NodeOpener    = (*device)(nil)
	_ fs.NodeReader    = (*device)(nil)
	_ fs.NodeWriter    = (*device)(nil)
	_ fs.NodeFsyncer   = (*device)(nil)
)

// up makes the disk below dir. Whatever its error, down takes down what is there.
func (d *device) up(dir string) (mounted string, down func() error, err error) {
	var undo []func() error // the last first
	down = func() (err error) {
		for i := len(undo) - 1; i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
		return err
	}
	image, served := filepath.Join(dir, "image"), filepath.Join(dir, "served")
	mounted = filepath.Join(dir, "mounted")
	if err := errors.Join(os.Mkdir(served, 0o700), os.Mkdir(mounted, 0o700)); err != nil {
		return "", down, err
	}
	if d.image, err = os.OpenFile(image, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return "", down, err
	}
	undo = append(undo, d.image.Close)
	if err := d.image.Truncate(Bytes); err != nil {
		return "", down, err
	}
	if err := run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image); err != nil {
		return "", down, err
	}
	server, err := d.serve(served)
	if err != nil {
		return "", down, err
	}
	undo = append(undo, server.Unmount)
	// The loop device goes with the mount.
	if err := run("mount", "-t", "ext4", "-o", "loop,noatime", filepath.Join(served, "disk"), mounted); err != nil {
		return "", down, err
	}
	undo = append(undo, func() error { return unmount(mounted) })
	return mounted, down, nil
}

// serve mounts a file system with the device in it.
func (d *device) serve(at string) (*fuse.Server, error) {
	long := time.Hour // nobody else changes it
	root := &fs.Inode{}
	server, err := fs.Mount(at, root, &fs.Options{EntryTimeout: &long, AttrTimeout: &long, NullPermissions: true,
		MountOptions: fuse.MountOptions{DirectMount: true, FsName: "slowdisk", Name: "slowdisk", MaxWrite: 1 << 20, DisableXAttrs: true},
		OnAdd: func(ctx context.Context) {
			root.AddChild("disk", root.NewPersistentInode(ctx, d, fs.StableAttr{Mode: syscall.S_IFREG}), false)
		}})
	if err != nil {
		return nil, fmt.Errorf("mounting a FUSE file system: %w", err)
	}
	return server, nil
}

// unmount is patient with those who are about to leave, and then is not.
func unmount(dir string) (err error) {
	for range 20 {
		if err = syscall.Unmount(dir, 0); !errors.Is(err, syscall.EBUSY) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(err, syscall.Unmount(dir, syscall.MNT_DETACH))
}

func run(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput() //nolint:gosec // the tools of a benchmark
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (d *device) count() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flushes
}

// Getattr gives the size.
func (d *device) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = syscall.S_IFREG|0o600, Bytes
	return 0
}

// Open opens for direct I/O: the kernel must not keep what was written.
func (d *device) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Read reads.
func (d *device) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n, err := d.image.ReadAt(dest, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fs.ToErrno(err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Write writes.
func (d *device) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	n, err := d.image.WriteAt(data, off)
	return uint32(n), fs.ToErrno(err)
}

// Fsync is the flush.
func (d *device) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	time.Sleep(d.flush)
	d.flushes++
	return 0
}
