package deafmount

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Mounted is a folder that is served at another place, until the test ends.
type Mounted struct {
	server *fuse.Server
	gate   *gate
	guard  *exec.Cmd
	deaf   bool // owned by the test's goroutine
}

// gate is the mount's file system, behind a door.
type gate struct {
	fuse.RawFileSystem
	door    sync.RWMutex // held by a mount that does not answer
	waiting atomic.Int64 // looks at the door
}

// Mount serves the folder from at the folder at. A machine that cannot do that skips the test, and says so; one that should
// fails it. When the test ends, what waits is answered, and the mount must not be in use.
func Mount(t testing.TB, from, at string) *Mounted {
	t.Helper()
	if _, err := os.Stat("/dev/fuse"); err != nil || os.Getuid() != 0 {
		t.Skip("NOT TESTED: a mount that does not answer. It takes root and /dev/fuse.")
	}
	m, err := mount(from, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Hear()
		if err := m.unmount(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func mount(from, at string) (*Mounted, error) {
	root, err := fs.NewLoopbackRoot(from)
	if err != nil {
		return nil, err
	}
	g := &gate{RawFileSystem: fs.NewNodeFS(root, &fs.Options{NullPermissions: true})}
	server, err := fuse.NewServer(g, at, &fuse.MountOptions{DirectMount: true, FsName: "deafmount", Name: "deafmount", DisableXAttrs: true})
	if err != nil {
		return nil, fmt.Errorf("mounting a FUSE file system: %w", err)
	}
	go server.Serve() // until Unmount
	if err := server.WaitMount(); err != nil {
		return nil, err
	}
	guard, err := post(at)
	if err != nil {
		return nil, errors.Join(err, server.Unmount())
	}
	return &Mounted{server: server, gate: g, guard: guard}, nil
}

// post starts a process that ends the mount when this one has ended in the middle of a test: no signal wakes a thread that
// waits for its own process, which would be a zombie for good.
func post(at string) (*exec.Cmd, error) {
	guard := exec.Command("sh", "-c", //nolint:gosec // the test's own names
		`while grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null; do sleep 1; done; umount -f "$2" || umount -l "$2"`, "sh", strconv.Itoa(os.Getpid()), at)
	return guard, guard.Start()
}

// Deafen makes every look wait that comes from now on.
func (m *Mounted) Deafen() {
	m.gate.door.Lock()
	m.deaf = true
}

// Hear answers all that wait, if the mount is deaf.
func (m *Mounted) Hear() {
	if m.deaf {
		m.deaf = false
		m.gate.door.Unlock()
	}
}

// Waiting is how many looks have no answer yet.
func (m *Mounted) Waiting() int64 { return m.gate.waiting.Load() }

func (m *Mounted) unmount() error {
	err := errors.Join(m.server.Unmount(), m.guard.Process.Kill())
	_ = m.guard.Wait() // killed
	return err
}

func (g *gate) pass() {
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	g.door.RLock()
	defer g.door.RUnlock()
}

// Lookup waits at the door.
func (g *gate) Lookup(cancel <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	g.pass()
	return g.RawFileSystem.Lookup(cancel, header, name, out)
}

// GetAttr waits at the door.
func (g *gate) GetAttr(cancel <-chan struct{}, input *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	g.pass()
	return g.RawFileSystem.GetAttr(cancel, input, out)
}

// OpenDir waits at the door.
func (g *gate) OpenDir(cancel <-chan struct{}, input *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	g.pass()
	return g.RawFileSystem.OpenDir(cancel, input, out)
}

// Open waits at the door.
func (g *gate) Open(cancel <-chan struct{}, input *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	g.pass()
	return g.RawFileSystem.Open(cancel, input, out)
}

// StatFs waits at the door.
func (g *gate) StatFs(cancel <-chan struct{}, header *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	g.pass()
	return g.RawFileSystem.StatFs(cancel, header, out)
}
