package capture

import "time"

// How a hand-out ends, for the ledger.

// release puts e back, to be examined anew after a while.
func (l *ledger) release(e *entry, after time.Duration, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.moved, e.delayed = false, true
	e.due = now.Add(after)
	l.put(e, now)
}

// failed puts e back after Remove or Reject failed.
func (l *ledger) failed(e *entry, err error, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.unread = false
	l.trouble(e, err, now)
}

// finish forgets e, whose file is gone, and says whether another one has been seen at its path since.
func (l *ledger) finish(e *entry) (another bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := e.camera
	l.forget(e)
	c.total--
	c.taken++
	return e.moved
}
