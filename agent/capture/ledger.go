package capture

import (
	"container/heap"
	"slices"
	"strings"
	"sync"
	"time"
)

// entry is one file that was noticed. All fields are guarded by the ledger's lock.
type entry struct {
	camera *camera
	path   string // below Dir, slash-separated
	info   info   // as last seen
	since  time.Time
	due    time.Time // not examined before
	busy   time.Time // first found busy; zero when it was not
	scan   uint64    // the camera's scan that last saw it
	index  int       // in ledger.later

	place   place
	unended bool   // its content, as in info, lacks the end marker
	delayed bool   // due is what Release asked for, or the pause after a failure: a change does not bring it forward
	moved   bool   // something else appeared at path while it was out
	offered bool   // was handed out before
	fails   int    // so many looks, Removes or Rejects failed in a row
	problem string // the last such failure; "" for none
	unread  bool   // it was a look that failed
}

// place is where an entry is. It is in exactly one.
type place int

const (
	_       place = iota
	isReady       // in camera.ready
	isLater       // in ledger.later, until due
	isOut         // being examined, or in a caller's hands
)

// older orders by modification time, then by path, so that the order is total.
func older(a, b *entry) int {
	if c := a.info.mtime.Compare(b.info.mtime); c != 0 {
		return c
	}
	return strings.Compare(a.path, b.path)
}

// ledger holds the candidates of all cameras: what is ready, by age, and what has to wait, by time. It knows no disk.
type ledger struct {
	mu      sync.Mutex
	cameras map[string]*camera
	turns   []*camera // cameras in the order in which they are served
	next    int       // whose turn it is in turns
	later   laterHeap
	started bool          // a whole scan has been made
	paused  bool          // nothing is handed out
	changed chan struct{} // closed when a waiting take could succeed; replaced then
	limit   int           // candidates per camera
	low     func()        // called, with the lock held, when a camera with unlisted files runs dry
}

func newLedger(limit int, low func()) *ledger {
	return &ledger{cameras: map[string]*camera{}, changed: make(chan struct{}), limit: limit, low: low}
}

// wake lets every waiting caller of take look again. The caller holds the lock.
func (l *ledger) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// add records that path was seen to be in. Files that do not fit are left to a later scan, the youngest first.
func (l *ledger) add(c *camera, path string, in info, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := c.entries[path]; ok {
		if e.scan != c.scan {
			e.scan = c.scan
			c.total++
		}
		l.update(e, in, now)
		return
	}
	c.total++
	c.noticed(in, now)
	e := &entry{camera: c, path: path, info: in, since: now, scan: c.scan}
	if !c.fits(e, l.limit) {
		return
	}
	if c.full(l.limit) {
		last := c.ready[len(c.ready)-1]
		l.forget(last)
		c.unlisted(last)
	}
	c.entries[path] = e
	l.put(e, now)
}

// update takes note that a known file looks different now.
func (l *ledger) update(e *entry, in info, now time.Time) {
	if e.info.same(in) {
		return
	}
	if e.place == isOut {
		e.moved = true // the caller finds out by itself
		return
	}
	l.unplace(e)
	e.info, e.since, e.unended = in, now, false
	if !e.delayed {
		e.due = now
	}
	l.put(e, now)
}

// put places e, which is nowhere, where its due time says.
func (l *ledger) put(e *entry, now time.Time) {
	if e.due.After(now) {
		e.place = isLater
		e.camera.waiting++
		heap.Push(&l.later, e)
		// A waiter may have to wake earlier than it planned.
		if l.later[0] == e {
			l.wake()
		}
		return
	}
	c := e.camera
	i, _ := slices.BinarySearchFunc(c.ready, e, older)
	c.ready = slices.Insert(c.ready, i, e)
	e.place = isReady
	l.wake()
}

// unplace takes e out of wherever it is.
func (l *ledger) unplace(e *entry) {
	switch c := e.camera; e.place {
	case isReady:
		if i, ok := slices.BinarySearchFunc(c.ready, e, older); ok {
			c.ready = slices.Delete(c.ready, i, i+1)
		}
	case isLater:
		heap.Remove(&l.later, e.index)
		c.waiting--
	}
	e.place = isOut
}

func (l *ledger) forget(e *entry) {
	l.unplace(e)
	delete(e.camera.entries, e.path)
}

// gone takes note that nothing is at path any more.
func (l *ledger) gone(id, path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.find(id, path); e != nil && e.place != isOut {
		l.forget(e)
		e.camera.total--
	}
}

// find returns the entry of a file, nil for none.
func (l *ledger) find(id, path string) *entry {
	if c := l.cameras[id]; c != nil {
		return c.entries[path]
	}
	return nil
}

// knows says whether path is a candidate already.
func (l *ledger) knows(c *camera, path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.entries[path] != nil
}

// isBusy says whether path is known to be being written and will be probed soon, so that one more event about it tells
// nothing.
func (l *ledger) isBusy(id, path string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(id, path)
	return e != nil && e.place == isLater && !e.busy.IsZero() && e.due.Sub(now) <= maxProbe
}

// take hands out the next entry to examine, as a copy beside the entry itself, which is out from then on. Without one it
// returns when to look again (zero: no time is known) and a channel that is closed if that changes.
func (l *ledger) take(now time.Time) (e *entry, seen entry, again time.Time, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.later) > 0 && !l.later[0].due.After(now) {
		due := l.later[0]
		l.unplace(due)
		l.put(due, now)
	}
	if len(l.later) > 0 {
		again = l.later[0].due
	}
	if l.paused {
		return nil, seen, time.Time{}, l.changed
	}
	for range l.turns {
		c := l.turns[l.next]
		l.next = (l.next + 1) % len(l.turns)
		if c.more && len(c.ready) < l.limit/4 {
			l.low()
		}
		if e, again = c.first(now, again); e != nil {
			l.unplace(e)
			return e, *e, again, l.changed
		}
	}
	return nil, seen, again, l.changed
}

// laterHeap is a container/heap by due time.
type laterHeap []*entry

func (h laterHeap) Len() int           { return len(h) }
func (h laterHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h laterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *laterHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *laterHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
