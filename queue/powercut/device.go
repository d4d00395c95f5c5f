//go:build linux && (amd64 || arm64)

package powercut

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// deviceBytes is the size of the block device: ext4 with a journal, and room for the work.
const deviceBytes = 24 << 20

const deviceName = "disk"

// device is the medium whose states are images of ext4.
type device struct {
	image   []byte // as it was when the record began
	scratch string // where images are mounted
}

// plainDir is the root of the file system that serves the device.
type plainDir struct{ fs.Inode }

// recordDevice has shifts done on ext4 on a recorded block device. The mount options are those of ext4. What is mounted is
// below work, and is unmounted again.
func recordDevice(work, mountOptions string, random *rand.Rand, shifts []shift) (d *device, ops []op, err error) {
	served, mounted, fresh := filepath.Join(work, "served"), filepath.Join(work, "mounted"), filepath.Join(work, "fresh.img")
	if err := errors.Join(os.Mkdir(served, 0o700), os.Mkdir(mounted, 0o700)); err != nil {
		return nil, nil, err
	}
	image, err := newImage(fresh)
	if err != nil {
		return nil, nil, err
	}
	rec := &recorder{pace: slowFlushes}
	rec.nodes = rootNode
	f := &file{rec: rec, id: rootNode, data: bytes.Clone(image), flags: fuse.FOPEN_DIRECT_IO}
	root := &plainDir{}
	server, err := serve(served, rec, root, func(ctx context.Context) {
		root.AddChild(deviceName, root.NewPersistentInode(ctx, f, fs.StableAttr{Mode: syscall.S_IFREG}), false)
	})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, server.Unmount()) }()
	loop, err := command("losetup", "--find", "--show", "--direct-io=on", filepath.Join(served, deviceName))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, run("losetup", "--detach", loop)) }()
	if err := run("mount", "-t", "ext4", "-o", mountOptions, loop, mounted); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, run("umount", mounted)) }()
	if err := haveAllDone(rec, filepath.Join(mounted, queueDir), filepath.Join(served, notesName), random, shifts); err != nil {
		return nil, nil, err
	}
	return &device{image: image, scratch: work}, rec.record(), nil
}

// newImage makes an empty ext4.
func newImage(path string) ([]byte, error) {
	if err := os.WriteFile(path, make([]byte, deviceBytes), 0o600); err != nil {
		return nil, err
	}
	err := run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", path)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// slowFlushes is the pace of a disk that writes at once and flushes slowly: much is written meanwhile.
func slowFlushes(k kind, _ bool) time.Duration {
	if k == opSync {
		return 2*time.Millisecond + upTo(10*time.Millisecond)
	}
	return 0
}

func (d *device) begin(ops []op, c covering) *replay {
	return &replay{ops: ops, covering: c, nodes: map[int]*node{rootNode: {data: bytes.Clone(d.image)}}}
}

// policies: ext4's superblock must not tear, so a block is written whole.
func (d *device) policies() ([]string, int) {
	return []string{"lost", "kept", "prefix", "subset", "torn"}, 4096
}

func (d *device) write(at string, r *replay, k keeping) (err error) {
	f, err := os.Create(at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data := r.contents(r.nodes[rootNode], k)
	if err := f.Truncate(int64(len(data))); err != nil {
		return err
	}
	const piece = 64 << 10
	zero := make([]byte, piece)
	for off := 0; off < len(data); off += piece {
		part := data[off:min(off+piece, len(data))]
		if bytes.Equal(part, zero[:len(part)]) {
			continue
		}
		if _, err := f.WriteAt(part, int64(off)); err != nil {
			return err
		}
	}
	return nil
}

func (d *device) open(at string) (dir string, close func() error, err error) {
	mounted := filepath.Join(d.scratch, "state")
	remove := func() error { return os.Remove(at) }
	if err := os.Mkdir(mounted, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", remove, err
	}
	// Exit codes 1 and 2 say that errors were corrected: a journal that was replayed, for one.
	var exit *exec.ExitError
	if err := run("e2fsck", "-p", at); err != nil && (!errors.As(err, &exit) || exit.ExitCode() > 2) {
		return "", remove, err
	}
	if err := run("mount", "-t", "ext4", "-o", "loop,noatime", at, mounted); err != nil {
		return "", remove, err
	}
	return filepath.Join(mounted, queueDir), func() error { return errors.Join(run("umount", mounted), remove()) }, nil
}

func run(name string, args ...string) error {
	_, err := command(name, args...)
	return err
}

// command runs a program and returns what it says.
func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput() //nolint:gosec // the tools of a test
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
	}
	return text, nil
}
