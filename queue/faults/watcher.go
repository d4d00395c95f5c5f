//go:build linux && (amd64 || arm64)

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// watcher sees the calls of one process and of those that it starts. One goroutine: calls are decided one after the other.
type watcher struct {
	dir      string // without symbolic links
	fault    Fault
	trace    bool
	group    int // of processes; killed together, as a service manager does
	listener listener
	rules    map[uint32]*rule
	outcome  Outcome
}

// loop answers until no process is left, or stop is closed at its other end.
func (w *watcher) loop(stop *os.File) error {
	for _, r := range rules() {
		w.rules[r.nr] = &r
	}
	for {
		more, err := w.listener.wait(stop)
		if err != nil || !more {
			return err
		}
		n, ok, err := w.listener.next()
		if err == nil && ok && !w.outcome.Killed {
			err = w.decide(n)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("faults: %w", err), w.kill())
		}
	}
}

// decide answers one notification, or never.
func (w *watcher) decide(n notification) error {
	r := w.rules[uint32(n.NR)]
	t := thread{int(n.TID)}
	paths, below := w.paths(t, r, n.Args)
	if !below || !w.listener.valid(n.ID) {
		return w.listener.goOn(n.ID)
	}
	path := paths[len(paths)-1]
	if what, told := strings.CutPrefix(filepath.Base(path), tellPrefix); told {
		w.told(what)
		return w.listener.fail(n.ID, unix.ENOENT)
	}
	c := Call{Name: r.name, Kind: r.kindOf(n.Args)}
	c.Path, _ = filepath.Rel(w.dir, path)
	if w.fault.Only == nil || w.fault.Only(c) {
		w.outcome.Count++
		c.N = w.outcome.Count
	}
	if w.trace {
		w.outcome.Calls = append(w.outcome.Calls, c)
	}
	if c.N == 0 || c.N != w.fault.At && (!w.fault.Always || c.N < w.fault.At) {
		return w.listener.goOn(n.ID)
	}
	return w.strike(n, t, r, c, paths)
}

// strike makes the fault happen.
func (w *watcher) strike(n notification, t thread, r *rule, c Call, paths []string) error {
	if w.fault.Do == KillAfter || w.fault.Do == KillTorn {
		// What the call itself has to say does not matter: nobody will hear it.
		if done, _ := perform(t, r, n.Args, paths, w.fault.Do == KillTorn); !done {
			return w.listener.goOn(n.ID)
		}
	}
	if w.fault.Do == Count {
		return w.listener.goOn(n.ID)
	}
	if w.outcome.Hits++; w.outcome.Hits == 1 {
		w.outcome.Hit = c
	}
	if w.fault.Do == Fail {
		return w.listener.fail(n.ID, w.fault.Errno)
	}
	w.outcome.Killed = true
	return w.kill()
}

// paths returns what a call names, and whether any of it is below the folder.
func (w *watcher) paths(t thread, r *rule, args [6]uint64) (paths []string, below bool) {
	for _, o := range r.files {
		path := t.file(o, args)
		paths = append(paths, path)
		if path == w.dir || strings.HasPrefix(path, w.dir+"/") {
			below = true
		}
	}
	return paths, below
}

func (w *watcher) told(what string) {
	if what == "lift" && w.fault.Do == Fail {
		w.fault.Do = Count
	}
}

func (w *watcher) kill() error {
	err := unix.Kill(-w.group, unix.SIGKILL)
	if errors.Is(err, unix.ESRCH) {
		return nil // it has ended by itself
	}
	return err
}
