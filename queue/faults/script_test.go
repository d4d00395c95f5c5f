//go:build linux && (amd64 || arm64)

package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"shelfagent/queue"
)

// actor does one thing after the other, so that it is known which operation met the fault.
type actor struct {
	mouth
	dir    string
	q      *queue.Queue // nil: not open
	lifted bool
	done   map[string]bool // steps that succeeded
}

// step is an operation of the script. It is left out while what it needs has not been done.
type step struct {
	name  string
	needs string
	id    queue.ID
	do    func(a *actor, id queue.ID) error
}

// scriptSteps are the lives of four frames.
func scriptSteps() []step {
	ids := make([]queue.ID, 4)
	for n := range ids {
		ids[n] = idOf(frame("cam-1", n))
	}
	resting := func(op string) func(*actor, queue.ID) error {
		return func(a *actor, id queue.ID) error { return rest(context.Background(), a.q, op, id) }
	}
	return []step{
		{"put", "", ids[0], (*actor).put}, {"put", "", ids[1], (*actor).put}, {"put", "", ids[2], (*actor).put},
		{"put", "", ids[3], (*actor).put}, {"lease", "", "", (*actor).lease},
		{"ack", "put", ids[0], resting("ack")}, {"far", "put", ids[1], resting("far")}, {"bury", "put", ids[2], resting("bury")},
		{"release", "put", ids[3], func(a *actor, id queue.ID) error { return a.q.Release(id) }},
		{"drop", "put", ids[3], resting("drop")},
		{"retry", "bury", ids[2], func(a *actor, id queue.ID) error { return a.q.Retry(context.Background(), id) }},
	}
}

func (a *actor) put(id queue.ID) error {
	_, err := a.q.Put(context.Background(), frame(placeOf(id)))
	return err
}

func (a *actor) lease(queue.ID) error {
	items, err := a.q.Lease(context.Background(), 10)
	for _, it := range items {
		a.say(word{Say: "did", Op: "lease", ID: it.ID, Attempts: it.Attempts})
	}
	return err
}

func (s step) key() string { return s.name + string(s.id) }

// script goes through the steps while the fault may strike, each a second time if it failed; closes and opens; asks for the
// fault to be lifted; and makes up for what could not be done.
func script(dir string) {
	a := newActor(dir)
	if a.open() {
		a.steps()
		a.close()
	}
	a.open()
	Tell("lift")
	a.lifted = true
	if a.q != nil && a.q.Err() != nil {
		a.close()
	}
	if a.q == nil && !a.open() {
		return
	}
	a.steps()
	a.close()
}

// burst goes through the steps while the fault may strike, and then stops cleanly: it makes up for nothing.
func burst(dir string) {
	a := newActor(dir)
	if !a.open() {
		return
	}
	a.steps()
	Tell("lift")
	a.lifted = a.q.Err() == nil
	a.close()
}

// abandon is a burst that ends as a crash does.
func abandon(dir string) {
	a := newActor(dir)
	if a.open() {
		a.steps()
	}
	os.Exit(0)
}

func newActor(dir string) *actor { return &actor{dir: dir, done: map[string]bool{}} }

// open tries twice.
func (a *actor) open() bool {
	for range 2 {
		err := a.attempt("open", "", func() (err error) {
			a.q, err = queue.Open(context.Background(), options(a.dir))
			return err
		})
		if err == nil {
			// Healing may not come to its end while the disk fails; that is no error of Open.
			return a.q.WaitHealed(context.Background()) == nil
		}
		a.q = nil
	}
	return false
}

func (a *actor) close() {
	_ = a.attempt("close", "", a.q.Close)
	a.q = nil
}

func (a *actor) steps() {
	for _, s := range scriptSteps() {
		if a.done[s.key()] || s.needs != "" && !a.done[s.needs+string(s.id)] {
			continue
		}
		err := a.step(s)
		if errors.Is(err, queue.ErrBroken) {
			// Whatever is asked of it now, it says so, and nothing happens.
			_ = a.step(s)
			return
		}
		if err != nil {
			err = a.step(s)
		}
		a.done[s.key()] = err == nil
	}
}

func (a *actor) step(s step) error {
	return a.attempt(s.name, s.id, func() error { return s.do(a, s.id) })
}

// attempt says what an operation did, and what a failed one changed.
func (a *actor) attempt(op string, id queue.ID, do func() error) error {
	w := word{Seq: a.seq.Add(1), Op: op, ID: id, Lifted: a.lifted}
	w.Say = "will"
	a.say(w)
	before := a.look()
	err := do()
	// A Release ends the lease even if it fails.
	if err != nil && !errors.Is(err, queue.ErrBroken) && op != "open" && op != "close" && op != "release" {
		w.Changed = difference(before, a.look())
	}
	if op == "lease" && err == nil {
		return nil // it has said so of each item
	}
	a.after(w, err)
	return err
}

// look describes all that a caller can see.
func (a *actor) look() (lines []string) {
	if a.q == nil || a.q.Err() != nil {
		return nil
	}
	s := a.q.Stats()
	lines = append(lines, fmt.Sprint("counters: ", s.Waiting, s.Deferred, s.Leased, s.Parked, s.Delivered, s.Dropped, s.Bytes))
	items, _, err := a.q.Items(context.Background(), queue.Filter{}, queue.Page{})
	lines = append(lines, fmt.Sprint("error: ", err))
	for _, it := range items {
		_, err := os.Lstat(queueDir(a.dir) + "/payload/" + string(it.ID))
		lines = append(lines, fmt.Sprintf("%s %s attempts %d until %v, %q %q, payload: %v", it.ID, it.State, it.Attempts, it.NotBefore,
			it.Reason, it.LastError, err))
	}
	receipts, err := a.q.Receipts(100)
	return append(lines, fmt.Sprintf("%+v, %v", receipts, err))
}

// difference shows the lines that are not in both.
func difference(before, after []string) string {
	var lines []string
	for _, l := range before {
		if !slices.Contains(after, l) {
			lines = append(lines, "- "+l)
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			lines = append(lines, "+ "+l)
		}
	}
	return strings.Join(lines, "\n")
}
