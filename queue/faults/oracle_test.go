//go:build linux && (amd64 || arm64)

package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"shelfagent/queue"
)

// oracle knows what killed processes were promised, and holds the queue to it.
type oracle struct {
	frames   map[queue.ID]*fate
	problems []string
	damage   bool // the database may have been given up: only the frames are left
}

// fate is what may be true of a frame.
type fate struct {
	asked    bool         // a Put was begun
	put      bool         // and ended well
	state    string       // the last state that was promised: "", waiting, deferred, parked, delivered or dropped
	pending  map[int64]op // begun, outcome not heard
	attempts int          // at least so many are counted
}

type op string

// leads is the state that an operation leads to.
func (o op) leads() string {
	switch o {
	case "ack":
		return "delivered"
	case "drop":
		return "dropped"
	case "far", "soon":
		return "deferred"
	case "bury":
		return "parked"
	}
	return "waiting" // put, release, retry
}

func newOracle() *oracle { return &oracle{frames: map[queue.ID]*fate{}} }

func (o *oracle) wrong(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

func (o *oracle) fate(id queue.ID) *fate {
	if o.frames[id] == nil {
		o.frames[id] = &fate{pending: map[int64]op{}}
	}
	return o.frames[id]
}

func (o *oracle) hear(words []word) {
	for _, w := range words {
		if w.ID != "" {
			o.hearOf(o.fate(w.ID), w)
		} else if w.Say == "failed" && !w.Caused {
			o.wrong("%s failed: %s", w.Op, w.Err)
		}
	}
}

func (o *oracle) hearOf(f *fate, w word) {
	_, open := f.pending[w.Seq]
	switch {
	case w.Say == "did" && w.Op == "lease":
		o.leased(f, w)
	case w.Say == "will":
		f.asked = f.asked || w.Op == "put"
		f.pending[w.Seq] = op(w.Op)
	case w.Say == "failed":
		if !w.Caused {
			o.wrong("%s of %s failed: %s", w.Op, w.ID, w.Err)
		}
		// Its outcome stays open: a broken queue may have done it.
	case w.Op == "put":
		delete(f.pending, w.Seq)
		f.put = true
		if f.state == "" {
			f.state = "waiting"
		}
	case open: // otherwise another's lease has shown the outcome before
		delete(f.pending, w.Seq)
		f.state = op(w.Op).leads()
		if w.Op == "release" || w.Op == "retry" {
			f.attempts = 0
		}
	}
}

// leased hears that a frame was handed out: what led there is known to have happened, told or not.
func (o *oracle) leased(f *fate, w word) {
	if f.state == "delivered" || f.state == "dropped" {
		o.wrong("P3: %s was handed out after it was %s", w.ID, f.state)
	}
	for seq, what := range f.pending {
		if what != "put" {
			delete(f.pending, seq)
		}
	}
	f.state, f.attempts = "waiting", w.Attempts
}

// allowed lists the states in which a frame may be found; "" is absence.
func (f *fate) allowed() (states []string) {
	if f.put || f.state != "" {
		states = append(states, f.state)
	} else {
		states = append(states, "", "waiting")
	}
	for _, what := range f.pending {
		if what != "put" {
			states = append(states, what.leads())
		}
		if what == "soon" || what == "retry" {
			states = append(states, "waiting")
		}
	}
	if slices.Contains(states, "deferred") {
		states = append(states, "waiting") // it may have fallen due
	}
	return states
}

// judge opens the queue that a killed process left, in a process of its own where the database is checked, and returns
// what is wrong with it. It changes the queue: afterwards all that can be leased is delivered.
func (o *oracle) judge(dir string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opts := options(dir)
	opts.CheckCommand = []string{os.Args[0], "check"}
	q, err := queue.Open(ctx, opts)
	if err == nil {
		err = q.WaitHealed(ctx)
	}
	if err != nil {
		o.wrong("P4: the queue does not open by itself: %v", err)
		return o.problems
	}
	if h := q.Healed(); !o.damage && (!h.Done || h.Damage != "" || h.Missing+h.Damaged+h.Aside+h.Records+h.Recount != 0) {
		o.wrong("P4: a kill damages nothing, but: %+v", h)
	}
	found := o.inspect(ctx, q)
	o.compareFiles(dir, found)
	o.drain(ctx, q, found)
	if err := q.Close(); err != nil {
		o.wrong("Close: %v", err)
	}
	o.compareFiles(dir, found)
	o.looksClean(ctx, dir, opts)
	if o.damage {
		o.wantKept(dir)
	}
	return o.problems
}

// wantKept looks for a database that was given up: it is never deleted.
func (o *oracle) wantKept(dir string) {
	kept, err := filepath.Glob(filepath.Join(queueDir(dir), "damaged", "*", "queue.db*"))
	if len(kept) == 0 {
		o.wrong("P4: the damaged database was not kept (%v)", err)
	}
}

// inspect compares every frame with its fate, and returns the items that are there.
func (o *oracle) inspect(ctx context.Context, q *queue.Queue) map[queue.ID]queue.Item {
	found := map[queue.ID]queue.Item{}
	for page := (queue.Page{Limit: 7}); ; {
		items, next, err := q.Items(ctx, queue.Filter{}, page)
		if err != nil {
			o.wrong("Items: %v", err)
		}
		for _, it := range items {
			if _, twice := found[it.ID]; twice {
				o.wrong("P3: %s is there twice", it.ID)
			}
			if _, known := o.frames[it.ID]; !known {
				o.wrong("%s is there, and nobody put it", it.ID)
			}
			found[it.ID] = it
		}
		if next.After == "" {
			break
		}
		page = next
	}
	for _, id := range slices.Sorted(maps.Keys(o.frames)) {
		o.inspectOne(q, id, found)
	}
	if s := q.Stats(); int(s.Pending()+s.Parked) != len(found) {
		o.wrong("counted %+v, found %d items", s, len(found))
	}
	return found
}

func (o *oracle) inspectOne(q *queue.Queue, id queue.ID, found map[queue.ID]queue.Item) {
	f := o.frames[id]
	state := ""
	it, there := found[id]
	if there {
		state = it.State.String()
	}
	r, err := q.Receipt(id)
	if err == nil && there {
		o.wrong("P3: %s is %s, and has a receipt: %s", id, state, r.State())
	}
	if err == nil && !there {
		state = r.State().String()
	}
	if !slices.Contains(f.allowed(), state) {
		o.wrong("P1, P2: %s is %q, but was promised to be one of %q", id, state, f.allowed())
	}
	given := slices.Contains(slices.Collect(maps.Values(f.pending)), "release") ||
		slices.Contains(slices.Collect(maps.Values(f.pending)), "retry")
	if there && it.Attempts < f.attempts && !given {
		o.wrong("%s has %d attempts, %d were told", id, it.Attempts, f.attempts)
	}
	if there {
		o.wantPayload(q, it)
	}
}

func (o *oracle) wantPayload(q *queue.Queue, it queue.Item) {
	f, err := q.Payload(it.ID)
	if err != nil {
		o.wrong("P1: %v", err)
		return
	}
	defer func() { _ = f.Close() }()
	bytes, err := io.ReadAll(f)
	if err != nil || sha256.Sum256(bytes) != it.SHA256 || int64(len(bytes)) != it.Bytes {
		o.wrong("P1: the payload of %s has %d bytes and is not what was put (%v)", it.ID, len(bytes), err)
	}
}

// drain delivers what can be delivered, and brings every frame again.
func (o *oracle) drain(ctx context.Context, q *queue.Queue, found map[queue.ID]queue.Item) {
	for {
		items, err := q.Lease(ctx, 1000)
		if err != nil {
			o.wrong("Lease: %v", err)
		}
		if len(items) == 0 {
			break
		}
		for _, it := range items {
			if f := o.frames[it.ID]; f != nil && len(f.pending) == 0 && (f.state == "delivered" || f.state == "dropped") {
				o.wrong("P3: %s is handed out, but was %s", it.ID, f.state)
			}
			if _, there := found[it.ID]; !there {
				o.wrong("P3: %s is handed out, and was not there, or twice", it.ID)
			}
			delete(found, it.ID)
		}
		o.ackAll(ctx, q, items)
	}
	for id := range o.frames {
		r, err := q.Receipt(id)
		if err != nil || r.State() != queue.Delivered {
			continue
		}
		camera, n := placeOf(id)
		if it, err := q.Put(ctx, frame(camera, n)); err != nil || it.ID != id || it.State != queue.Delivered {
			o.wrong("P3: %s, brought again after it was delivered: %v, %v", id, it.State, err)
		}
	}
}

// ackAll acknowledges at once: the queue commits them together.
func (o *oracle) ackAll(ctx context.Context, q *queue.Queue, items []queue.Item) {
	errs := make(chan error, len(items))
	for _, it := range items {
		go func() { errs <- q.Ack(ctx, it.ID, queue.Receipt{Proof: queue.ProofExists}) }()
	}
	for range items {
		if err := <-errs; err != nil {
			o.wrong("Ack: %v", err)
		}
	}
}

// placeOf is the inverse of frame, as far as an ID tells.
func placeOf(id queue.ID) (camera string, n int) {
	camera, name, _ := strings.Cut(string(id), "/")
	at, err := time.Parse("20060102T150405.000Z", strings.SplitN(name, "-", 2)[0])
	if err != nil {
		panic(err)
	}
	return camera, int(at.Sub(day) / time.Second)
}

// compareFiles looks for leftovers and for what is gone.
func (o *oracle) compareFiles(dir string, found map[queue.ID]queue.Item) {
	names, err := filesBelow(queueDir(dir))
	if err != nil {
		o.wrong("%v", err)
	}
	payloads := map[string]bool{}
	for _, name := range names {
		id, isPayload := strings.CutPrefix(name, "payload"+string(filepath.Separator))
		switch {
		case isPayload:
			payloads[id] = true
			if _, there := found[queue.ID(id)]; !there {
				o.wrong("leftover: %s has no item", name)
			}
		case o.damage && strings.HasPrefix(name, "damaged/"):
		case strings.HasPrefix(name, "tmp/"): // the reserve, or a smaller database, is being made; see looksClean
		case !slices.Contains([]string{"lock", "clean", "queue.db", "reserve"}, name):
			o.wrong("leftover: %s", name)
		}
	}
	for id := range found {
		if !payloads[string(id)] {
			o.wrong("P1: %s has no payload file", id)
		}
	}
}

// looksClean opens a closed queue once more: it has nothing to heal, and owes nothing.
func (o *oracle) looksClean(ctx context.Context, dir string, opts queue.Options) {
	names, err := filesBelow(filepath.Join(queueDir(dir), "tmp"))
	if err != nil || len(names) != 0 {
		o.wrong("leftovers in tmp: %q, %v", names, err)
	}
	if n, err := keysIn(filepath.Join(queueDir(dir), "queue.db"), "unlink"); n != 0 || err != nil {
		o.wrong("leftover: %d payloads are still noted as to be removed, %v", n, err)
	}
	q, err := queue.Open(ctx, opts)
	if err != nil {
		o.wrong("P4: after a clean stop: %v", err)
		return
	}
	if h := q.Healed(); !h.Clean {
		o.wrong("after a clean stop: %+v", h)
	}
	if err := q.Close(); err != nil {
		o.wrong("Close: %v", err)
	}
}

func keysIn(path, bucket string) (n int, err error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return 0, err
	}
	err = db.View(func(tx *bolt.Tx) error {
		n = tx.Bucket([]byte(bucket)).Stats().KeyN
		return nil
	})
	return n, errors.Join(err, db.Close())
}

func (o *oracle) String() string {
	told := map[string]int{}
	for _, f := range o.frames {
		if f.put {
			told["put"]++
		}
		if f.state != "" {
			told[f.state]++
		}
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(told)) {
		parts = append(parts, k+" "+strconv.Itoa(told[k]))
	}
	return strings.Join(parts, ", ")
}
