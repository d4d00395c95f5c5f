//go:build linux && (amd64 || arm64)

package powercut

import (
	"encoding/json"
	"fmt"
	"math"

	"shelfagent/queue"
)

// never is the position of an end that is not in the record.
const never = math.MaxInt

// promises is what the notes of a record promise, frame by frame.
type promises map[queue.ID]*life

// life is what happened to a frame.
type life struct {
	recipe recipe
	events []*event // one after the other; but the end of a put may be noted late
}

// event is a call that changes what is to be expected of a frame.
type event struct {
	did   string
	begin int // position of the note of its beginning
	end   int // never: the process was killed before
	want  want
}

// want is what a queue must hold of a frame. The zero want is nothing at all.
type want struct {
	in       bool          // an item, with its bytes
	left     queue.State   // a receipt that says so; zero: none
	states   []queue.State // of the item; nil: any
	attempts int           // at least
	recorded bool          // the record is the one that was put, not one made again from the payload
}

func (w want) String() string {
	switch {
	case w.in:
		return fmt.Sprintf("an item, %v, attempts %d, recorded %v", w.states, w.attempts, w.recorded)
	case w.left != 0:
		return fmt.Sprintf("a receipt, %v", w.left)
	}
	return "nothing"
}

// readPromises reads the notes of a record.
func readPromises(ops []op) (promises, error) {
	p := promises{}
	begun := map[uint64]int{} // positions of the first notes of calls
	open := map[uint64]*event{}
	for at, o := range ops {
		if o.kind != opNote {
			continue
		}
		var n note
		if err := json.Unmarshal(o.data, &n); err != nil {
			return nil, fmt.Errorf("note at %d: %w", at, err)
		}
		switch {
		case !n.Done:
			begun[n.Call] = at
			if e := p.begin(n, at); e != nil {
				open[n.Call] = e
			}
		case n.Did == didLease:
			p.lease(n, begun[n.Call], at)
		case n.Did == didAgain:
			p.again(n, at)
		default:
			open[n.Call].done(n, at)
		}
	}
	return p, nil
}

// begin notes that a frame may change from now on. What is leased is known at the end only, and what is put while it is
// there does not change.
func (p promises) begin(n note, at int) *event {
	if n.Did == didLease || n.Did == didAgain {
		return nil
	}
	l := p[n.ID]
	if l == nil {
		l = &life{}
		p[n.ID] = l
	}
	if n.Make != nil {
		l.recipe = *n.Make
	}
	e := &event{did: n.Did, begin: at, end: never, want: l.after(n.Did)}
	l.events = append(l.events, e)
	return e
}

// after is what there is of a frame when a call is done.
func (l *life) after(did string) want {
	var last event
	if len(l.events) > 0 {
		last = *l.events[len(l.events)-1]
	}
	w := last.want
	w.in, w.left = true, 0
	switch did {
	case didPut:
		if last.did == "" || last.did == didDrop && last.end != never {
			return want{in: true, states: []queue.State{queue.Waiting}, recorded: true}
		}
		// A process was killed: the frame may be there, and even be further on. So it may after a drop that never
		// returned, which need not have happened.
		return want{in: true}
	case didAck:
		return want{left: queue.Delivered}
	case didDrop:
		return want{left: queue.Dropped}
	case didDefer:
		w.states = []queue.State{queue.Deferred}
	case didNap:
		w.states = []queue.State{queue.Deferred, queue.Waiting}
	case didBury:
		w.states = []queue.State{queue.Parked}
	case didRetry:
		w.states, w.attempts = []queue.State{queue.Waiting}, 0
	case didRelease:
		w.states, w.attempts = []queue.State{queue.Waiting}, w.attempts-1
	}
	return w
}

func (e *event) done(n note, at int) {
	e.end = at
	if n.Did == didPut && n.Was == queue.Delivered.String() {
		e.want = want{left: queue.Delivered}
	}
}

func (p promises) lease(n note, begin, at int) {
	for _, got := range n.Got {
		l := p[got.ID]
		l.events = append(l.events, &event{did: didLease, begin: begin, end: at, want: want{in: true,
			states: []queue.State{queue.Waiting}, attempts: got.Attempts, recorded: !got.Rebuilt}})
	}
}

// again is the end of a second Put of a frame, which returns only when the first is durable.
func (p promises) again(n note, at int) {
	for _, e := range p[n.ID].events {
		if e.did == didPut {
			e.end = min(e.end, at)
		}
	}
}

// at returns what there may be of a frame at a cut: what the last call has left that had returned, or what one of those
// leaves that had begun since.
func (l *life) at(cut int) []want {
	last := -1
	for i, e := range l.events {
		if e.end < cut {
			last = i
		}
	}
	wants := []want{{}}
	if last >= 0 {
		wants[0] = l.events[last].want
	}
	for _, e := range l.events[last+1:] {
		if e.begin >= cut {
			continue
		}
		w := e.want
		w.recorded = w.recorded && e.did != didPut // the payload may be there without the record
		wants = append(wants, w)
	}
	return wants
}

// unfinished lists the frames whose Put had begun and not returned: whoever put them still has them.
func (p promises) unfinished(cut int) (recipes []recipe) {
	for _, l := range p {
		for _, e := range l.events {
			if e.did == didPut && e.begin < cut && e.end >= cut {
				recipes = append(recipes, l.recipe)
				break
			}
		}
	}
	return recipes
}
