//go:build linux && (amd64 || arm64)

package faults

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfagent/queue"
)

// left are frames in all states, as a process has left them.
type left struct {
	dir    string // holds the queue
	states map[queue.ID]string
	frames map[queue.ID]queue.New
}

// leave makes a queue with frames in all states, as it is while it is open.
func leave(t *testing.T) left {
	t.Helper()
	l := left{dir: t.TempDir(), states: map[queue.ID]string{}, frames: map[queue.ID]queue.New{}}
	open := t.TempDir()
	q, err := queue.Open(t.Context(), options(open))
	must(t, err)
	for c := range 2 {
		for n, state := range []string{"delivered", "deferred", "parked", "dropped", "waiting", "waiting", "delivered"} {
			f := frame([]string{"cam-a", "cam-b"}[c], n)
			it, err := q.Put(t.Context(), f)
			must(t, err)
			l.states[it.ID], l.frames[it.ID] = state, f
		}
	}
	items, err := q.Lease(t.Context(), 100)
	must(t, err)
	for _, it := range items {
		if op := map[string]string{"delivered": "ack", "deferred": "far", "parked": "bury", "dropped": "drop"}[l.states[it.ID]]; op != "" {
			must(t, rest(context.Background(), q, op, it.ID))
		}
	}
	must(t, os.CopyFS(l.dir, os.DirFS(open)))
	must(t, q.Close())
	return l
}

func (l left) payload(id queue.ID) string {
	return filepath.Join(queueDir(l.dir), "payload", string(id))
}

// story begins with what was left.
func (l left) story(damage bool) story {
	return story{
		work: "open",
		lay:  func(dir string) error { return os.CopyFS(dir, os.DirFS(l.dir)) },
		heard: func() *oracle {
			or := newOracle()
			or.damage = damage
			for id, state := range l.states {
				f := or.fate(id)
				f.asked, f.put, f.state = true, true, state
			}
			return or
		},
	}
}

// unhealed is a folder with all that a crash can leave: half-written files, a payload without a record, payloads of frames that
// have left.
func unhealed(t *testing.T) story {
	l := leave(t)
	for id, state := range l.states {
		if state == "delivered" || state == "dropped" {
			must(t, os.WriteFile(l.payload(id), l.frames[id].Payload, 0o600))
		}
	}
	for n := range 3 {
		orphan := frame("cam-c", n)
		id := idOf(orphan)
		l.states[id] = "waiting"
		must(t, os.MkdirAll(filepath.Dir(l.payload(id)), 0o700))
		must(t, os.WriteFile(l.payload(id), orphan.Payload, 0o600))
	}
	tmp := filepath.Join(queueDir(l.dir), "tmp")
	must(t, os.WriteFile(filepath.Join(tmp, "new-1"), []byte("half a pict"), 0o600))
	must(t, os.WriteFile(filepath.Join(tmp, "compact.db"), make([]byte, 9000), 0o600))
	return l.story(false)
}

// damagedStory is a folder whose database cannot be read. What only the database knew is lost.
func damagedStory(t *testing.T) story {
	l := leave(t)
	for id, state := range l.states {
		if state == "delivered" || state == "dropped" {
			l.states[id] = ""
		} else {
			l.states[id] = "waiting"
		}
	}
	path := filepath.Join(queueDir(l.dir), "queue.db")
	content, err := os.ReadFile(path)
	must(t, err)
	copy(content[20:], strings.Repeat("no meta page", 1000)) // both of them
	must(t, os.WriteFile(path, content, 0o600))
	return l.story(true)
}

// compactable is a queue whose database has grown with a backlog that has left.
func compactable(t *testing.T) story {
	dir := t.TempDir()
	opts := options(dir)
	opts.Receipts = 100 // or they would take too much of the database
	q, err := queue.Open(t.Context(), opts)
	must(t, err)
	const backlog = 4800 // records of 7 kB: some more than the 32 MiB from which on it is worth it
	each := func(do func(n int) error) {
		errs := make(chan error, backlog)
		var wg sync.WaitGroup
		for w := range 64 {
			wg.Go(func() {
				for n := w; n < backlog; n += 64 {
					errs <- do(n)
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			must(t, err)
		}
	}
	began := time.Now()
	each(func(n int) error { _, err := q.Put(context.Background(), frame("cam-a", 4*n+1)); return err })
	each(func(n int) error { return q.Drop(context.Background(), idOf(frame("cam-a", 4*n+1)), "it was long ago") })
	for n := range 3 {
		_, err := q.Put(t.Context(), frame("cam-b", n))
		must(t, err)
	}
	must(t, q.Close())
	t.Logf("made a database of %d bytes in %.1f s", sizeOf(dir), time.Since(began).Seconds())
	l := left{dir: dir, states: map[queue.ID]string{}}
	for n := range 3 {
		l.states[idOf(frame("cam-b", n))] = "waiting"
	}
	s := l.story(false)
	s.proof = func(dir string) string {
		if size := sizeOf(dir); size == 0 || size > 16<<20 {
			return "it was not made smaller"
		}
		return ""
	}
	return s
}

func sizeOf(dir string) int64 {
	info, err := os.Stat(filepath.Join(queueDir(dir), "queue.db"))
	if err != nil {
		return 0
	}
	return info.Size()
}
