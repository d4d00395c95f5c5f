//go:build linux && (amd64 || arm64)

package powercut

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"shelfagent/queue"
)

// question asks an inspecting process for what a queue holds.
type question struct {
	Dir   string
	Put   []recipe // frames whose Put was under way: their sources are still there, and are put again
	Twice bool     // close the queue, and open it once more
	Check []string // argv of queue.Options.CheckCommand; nil: the process checks by itself, and may die of it
}

// report is the answer.
type report struct {
	Died     string // the process did: what it said. Nothing else is set then
	Err      string // the queue does not open, or a call fails
	Healed   queue.Healed
	Items    []found // every item; one that is there twice is here twice
	Leased   []queue.ID
	Left     map[queue.ID]queue.State // receipts
	Strays   []string                 // payload files without an item, once all is healed
	Damaged  []string                 // files in damaged/
	Put      map[queue.ID]string      // what putting it again ended in: a state, or an error
	PutWhole map[queue.ID]bool        // and whether its payload is right then
	Again    string                   // what was wrong when the queue was opened once more
}

type found struct {
	ID       queue.ID
	State    queue.State
	Reason   string
	Attempts int
	Rebuilt  bool
	Source   string
	Whole    bool // its payload is there and has its digest
}

// inspect opens a queue, says so, notes what it holds, and uses it.
func inspect(ask question, opened func() error) (r report) {
	if err := inspectInto(&r, ask, opened); err != nil {
		r.Err = err.Error()
	}
	return r
}

func inspectInto(r *report, ask question, opened func() error) (err error) {
	ctx := context.Background()
	opts := options(ask.Dir)
	opts.CheckCommand = ask.Check
	q, err := queue.Open(ctx, opts)
	if err := errors.Join(err, opened()); err != nil {
		if q != nil {
			err = errors.Join(err, q.Close())
		}
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if err := q.WaitHealed(ctx); err != nil {
		return err
	}
	r.Healed = q.Healed()
	if !r.Healed.Done {
		return errors.New("healing has not come to its end")
	}
	if r.Items, err = listItems(q); err != nil {
		return err
	}
	if err := listReceipts(q, r); err != nil {
		return err
	}
	if err := listFiles(ask.Dir, r); err != nil {
		return err
	}
	if err := leaseAll(q, r); err != nil {
		return err
	}
	putAgain(q, ask.Put, r)
	if !ask.Twice {
		return nil
	}
	before, err := listItems(q)
	if err != nil {
		return err
	}
	if err := q.Close(); err != nil {
		return err
	}
	r.Again, err = openAgain(opts, before)
	return err
}

func listItems(q *queue.Queue) (items []found, err error) {
	for page := (queue.Page{Limit: 1000}); ; {
		got, next, err := q.Items(context.Background(), queue.Filter{}, page)
		if err != nil {
			return nil, err
		}
		for _, it := range got {
			items = append(items, found{ID: it.ID, State: it.State, Reason: it.Reason, Attempts: it.Attempts,
				Rebuilt: it.Rebuilt, Source: it.Source, Whole: whole(q, it.ID, it.SHA256, it.Bytes)})
		}
		if next.After == "" {
			return items, nil
		}
		page = next
	}
}

func whole(q *queue.Queue, id queue.ID, digest [32]byte, size int64) bool {
	f, err := q.Payload(id)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // read only
	data, err := os.ReadFile(f.Name())
	return err == nil && int64(len(data)) == size && sha256.Sum256(data) == digest
}

func listReceipts(q *queue.Queue, r *report) error {
	receipts, err := q.Receipts(1 << 20)
	r.Left = map[queue.ID]queue.State{}
	for _, got := range receipts {
		r.Left[got.ID] = got.State()
	}
	return err
}

// listFiles looks for payloads that no item has, and for what was moved aside.
func listFiles(dir string, r *report) error {
	items := map[queue.ID]bool{}
	for _, it := range r.Items {
		items[it.ID] = true
	}
	for _, top := range []string{"payload", "damaged"} {
		root := filepath.Join(dir, top)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			if top == "damaged" {
				r.Damaged = append(r.Damaged, name)
			} else if !items[queue.ID(name)] {
				r.Strays = append(r.Strays, name)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func leaseAll(q *queue.Queue, r *report) error {
	for {
		items, err := q.Lease(context.Background(), 64)
		if err != nil {
			return err
		}
		for _, it := range items {
			r.Leased = append(r.Leased, it.ID)
		}
		if len(items) < 64 {
			return nil
		}
	}
}

func putAgain(q *queue.Queue, recipes []recipe, r *report) {
	r.Put, r.PutWhole = map[queue.ID]string{}, map[queue.ID]bool{}
	for _, recipe := range recipes {
		f := recipe.frame()
		it, err := q.Put(context.Background(), f)
		if err != nil {
			r.Put[recipe.id()] = err.Error()
			continue
		}
		r.Put[recipe.id()] = it.State.String()
		r.PutWhole[recipe.id()] = whole(q, it.ID, f.SHA256, int64(len(f.Payload)))
	}
}

// openAgain tells what is different after a clean stop, but for leases: "" is nothing.
func openAgain(opts queue.Options, before []found) (wrong string, err error) {
	q, err := queue.Open(context.Background(), opts)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if h := q.Healed(); !h.Clean {
		return fmt.Sprintf("the stop was not clean: %+v", h), nil
	}
	after, err := listItems(q)
	if err != nil {
		return "", err
	}
	if was, is := byID(before), byID(after); !maps.Equal(was, is) {
		return fmt.Sprintf("%d items are not the %d items of before", len(is), len(was)), nil
	}
	return "", nil
}

func byID(items []found) map[queue.ID]found {
	m := map[queue.ID]found{}
	for _, it := range items {
		if it.State == queue.Leased {
			it.State = queue.Waiting
		}
		m[it.ID] = it
	}
	return m
}
