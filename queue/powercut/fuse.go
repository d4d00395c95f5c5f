//go:build linux && (amd64 || arm64)

package powercut

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// notesName is the file, in the root of both disks, that notes are written to.
const notesName = ".notes"

// rootNode is the number of the strict disk's root directory, and of the block device's only file.
const rootNode = 1

// directory of the strict disk. Its children are kept by the library; this type records.
type directory struct {
	fs.Inode
	rec *recorder
	id  int
}

var (
	_ fs.NodeStatfser  = (*directory)(nil)
	_ fs.NodeGetattrer = (*directory)(nil)
	_ fs.NodeMkdirer   = (*directory)(nil)
	_ fs.NodeCreater   = (*directory)(nil)
	_ fs.NodeUnlinker  = (*directory)(nil)
	_ fs.NodeRmdirer   = (*directory)(nil)
	_ fs.NodeRenamer   = (*directory)(nil)
	_ fs.NodeFsyncer   = (*directory)(nil)
)

// Statfs promises more room than the queue asks for.
func (d *directory) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Blocks, out.Bfree, out.Bavail = 4096, 1<<28, 1<<28, 1<<28
	return 0
}

// Getattr says that it is a directory of its owner.
func (d *directory) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = syscall.S_IFDIR | 0o700
	return 0
}

// Mkdir makes a directory.
func (d *directory) Mkdir(ctx context.Context, name string, _ uint32, _ *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.rec.wait(opMkdir, true)
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	if d.GetChild(name) != nil {
		return nil, syscall.EEXIST
	}
	child := &directory{rec: d.rec, id: d.rec.newNode()}
	d.rec.add(op{kind: opMkdir, node: d.id, child: child.id, name: name})
	return d.NewPersistentInode(ctx, child, fs.StableAttr{Mode: syscall.S_IFDIR}), 0
}

// Create makes a file and opens it.
func (d *directory) Create(ctx context.Context, name string, _, _ uint32, _ *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	d.rec.wait(opCreate, true)
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	child := &file{rec: d.rec, id: d.rec.newNode()}
	d.rec.add(op{kind: opCreate, node: d.id, child: child.id, name: name})
	return d.NewPersistentInode(ctx, child, fs.StableAttr{Mode: syscall.S_IFREG}), nil, 0, 0
}

// Unlink removes a name. Who has the file open keeps it.
func (d *directory) Unlink(_ context.Context, name string) syscall.Errno {
	d.rec.wait(opRemove, true)
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	d.rec.add(op{kind: opRemove, node: d.id, name: name})
	return 0
}

// Rmdir removes an empty directory.
func (d *directory) Rmdir(ctx context.Context, name string) syscall.Errno {
	if child := d.GetChild(name); child != nil && len(child.Children()) > 0 {
		return syscall.ENOTEMPTY
	}
	return d.Unlink(ctx, name)
}

// Rename gives a file another name, in place of whatever has that name.
func (d *directory) Rename(_ context.Context, name string, to fs.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	toDir, ok := to.(*directory)
	child := d.GetChild(name)
	if !ok || flags != 0 || child == nil {
		return syscall.EINVAL
	}
	moved := 0
	switch c := child.Operations().(type) {
	case *file:
		moved = c.id
	case *directory:
		moved = c.id
	}
	d.rec.wait(opRename, true)
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	d.rec.add(op{kind: opRename, node: d.id, child: moved, name: name, toDir: toDir.id, toName: toName})
	return 0
}

// Fsync makes the names durable.
func (d *directory) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.rec.sync(d.id, true)
	return 0
}

// file of the strict disk, or the block device. data is guarded by rec.mu.
type file struct {
	fs.Inode
	rec   *recorder
	id    int
	data  []byte
	flags uint32 // of Open: direct I/O for the block device; the strict disk's files are mapped, and must be cached
}

var (
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeSetattrer = (*file)(nil)
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
)

// Getattr gives the size.
func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	out.Mode, out.Size = syscall.S_IFREG|0o600, uint64(len(f.data))
	return 0
}

// Setattr changes the size; modes and times are accepted and forgotten.
func (f *file) Setattr(ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		f.rec.wait(opTruncate, false)
		f.rec.mu.Lock()
		f.data = resize(f.data, int64(size))
		f.rec.add(op{kind: opTruncate, node: f.id, off: int64(size)})
		f.rec.mu.Unlock()
	}
	return f.Getattr(ctx, h, out)
}

// Open opens.
func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, f.flags, 0
}

// Read reads.
func (f *file) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	if off >= int64(len(f.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, f.data[off:])]), 0
}

// Write writes. A large write of a process comes in several.
func (f *file) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	f.rec.wait(opWrite, false)
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	f.data = overwrite(f.data, data, off)
	f.rec.add(op{kind: opWrite, node: f.id, off: off, data: append([]byte(nil), data...)})
	return uint32(len(data)), 0
}

// Fsync makes the contents durable.
func (f *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	f.rec.sync(f.id, false)
	return 0
}

// notes is the file that notes are written to: each write is one.
type notes struct {
	fs.Inode
	rec *recorder
}

var (
	_ fs.NodeOpener = (*notes)(nil)
	_ fs.NodeWriter = (*notes)(nil)
)

// Open opens for direct I/O, so that a write is one request, answered when it has been recorded.
func (n *notes) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Write records a note.
func (n *notes) Write(_ context.Context, _ fs.FileHandle, data []byte, _ int64) (uint32, syscall.Errno) {
	n.rec.note(data)
	return uint32(len(data)), 0
}

// serve mounts a file system with a notes file in its root, and what fill adds to it. The caller unmounts. One process that serves a file
// must not map it: a page fault would wait for a goroutine that the collector has stopped.
func serve(at string, rec *recorder, root fs.InodeEmbedder, fill func(context.Context)) (*fuse.Server, error) {
	long := time.Hour // nobody else changes these files
	opts := &fs.Options{EntryTimeout: &long, AttrTimeout: &long, NullPermissions: true,
		MountOptions: fuse.MountOptions{DirectMount: os.Geteuid() == 0, FsName: "powercut", Name: "powercut",
			MaxWrite: 1 << 20, DisableXAttrs: true}}
	opts.OnAdd = func(ctx context.Context) {
		r := root.EmbeddedInode()
		r.AddChild(notesName, r.NewPersistentInode(ctx, &notes{rec: rec}, fs.StableAttr{Mode: syscall.S_IFREG}), false)
		fill(ctx)
	}
	server, err := fs.Mount(at, root, opts)
	if err != nil {
		return nil, fmt.Errorf("mounting a FUSE file system at %s: %w", at, err)
	}
	return server, nil
}

// serveStrict mounts a strict disk with a copy of what is in a directory; "" is nothing. The copy is durable.
func serveStrict(at, from string, rec *recorder) (*fuse.Server, error) {
	rec.nodes = rootNode
	root := &directory{rec: rec, id: rootNode}
	var loaded error
	server, err := serve(at, rec, root, func(ctx context.Context) {
		if from != "" {
			loaded = root.load(ctx, from)
		}
	})
	if err == nil && loaded != nil {
		return nil, errors.Join(loaded, server.Unmount())
	}
	return server, err
}

// load fills a directory that nobody uses yet.
func (d *directory) load(ctx context.Context, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(from, e.Name())
		if e.IsDir() {
			child, _ := d.Mkdir(ctx, e.Name(), 0, nil)
			d.AddChild(e.Name(), child, false)
			if err := child.Operations().(*directory).load(ctx, path); err != nil {
				return err
			}
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		child, _, _, _ := d.Create(ctx, e.Name(), 0, 0, nil)
		d.AddChild(e.Name(), child, false)
		f := child.Operations().(*file)
		_, _ = f.Write(ctx, nil, data, 0) // in memory, it does not fail
		d.rec.sync(f.id, false)
	}
	d.rec.sync(d.id, true)
	return nil
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size] // what is behind must be zero when it grows again
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func overwrite(data, with []byte, off int64) []byte {
	if end := off + int64(len(with)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[off:], with)
	return data
}
