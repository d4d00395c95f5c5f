package capture

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// How soon a file that is being written is looked at again: after an eighth of the time it has been so, within bounds.
// What is written quickly is noticed quickly, and a slow writer costs little.
const (
	minProbe = time.Millisecond
	maxProbe = 250 * time.Millisecond

	// linkGrace is for writers that publish a file by link(2) and then unlink its first name.
	linkGrace = 2 * time.Second
)

type verdict int

const (
	_          verdict = iota
	isComplete         // may be handed out
	isOverdue          // may be handed out as incomplete
	isWritten          // someone writes or may yet write it: look again after wait
	isGone             // nothing there that may be handed out; a scan finds what comes later
	isRefused          // the system does not let us look: err; look again after wait
)

// finding is the result of one examination.
type finding struct {
	verdict verdict
	entry   entry // as given, with info, since and unended brought up to date
	wait    time.Duration
	err     error
}

// examine looks at one file and decides whether it is complete. It changes nothing on disk.
func (w *Watcher) examine(e entry, now time.Time) finding {
	defer w.ask("a probe").answered()
	dir, name := split(e.path)
	d, err := descend(w.opts.Dir, dir)
	if err != nil {
		return w.refused(e, err)
	}
	defer d.close()
	f, in, err := d.open(name)
	if err != nil {
		return w.refused(e, err)
	}
	defer func() { _ = f.Close() }()
	if in.links > 1 {
		if now.Sub(e.since) >= linkGrace {
			return finding{verdict: isGone, entry: e}
		}
		return finding{verdict: isWritten, entry: e, wait: 50 * time.Millisecond}
	}
	answer := w.lease(f)
	if answer == leaseTaken {
		defer giveLease(f)
	}
	// Only what is seen after the lease's answer counts: a writer may have finished just before it.
	if in, err = infoOf(f); err != nil {
		return w.refused(e, err)
	}
	if !in.same(e.info) {
		e.info, e.since, e.unended = in, now, false
	}
	return w.judge(e, f, answer, now.Sub(e.since))
}

// judge decides from what is known of the file: what the kernel says of its writers, how long it has kept still, and
// its end.
func (w *Watcher) judge(e entry, f io.ReaderAt, answer leaseAnswer, quiet time.Duration) finding {
	settled := quiet >= w.opts.Settle
	if answer != leaseBusy && e.info.size > 0 && !e.unended && (settled || answer == leaseTaken) {
		end, err := endingOf(f, e.info.size)
		if err != nil {
			// It shrank, or the disk cannot read it; the consumer's Read will tell which.
			end = endAbsent
		}
		e.unended = end == endAbsent
	}
	overdue := quiet >= w.opts.GiveUp
	switch {
	case answer == leaseTaken && (settled || e.info.size > 0 && !e.unended):
		return finding{verdict: isComplete, entry: e}
	case answer == leaseUnsure && settled && !e.unended:
		return finding{verdict: isComplete, entry: e}
	case answer != leaseTaken && overdue:
		return finding{verdict: isOverdue, entry: e}
	case answer == leaseBusy:
		return finding{verdict: isWritten, entry: e}
	case !settled:
		return finding{verdict: isWritten, entry: e, wait: w.opts.Settle - quiet}
	default:
		return finding{verdict: isWritten, entry: e, wait: min(w.opts.Settle, w.opts.GiveUp-quiet)}
	}
}

// refused sorts the errors of a look: gone or odd is nothing to wait for, everything else is.
func (w *Watcher) refused(e entry, err error) finding {
	if vanished(err) || errors.Is(err, errOdd) {
		return finding{verdict: isGone, entry: e}
	}
	return finding{verdict: isRefused, entry: e, err: err}
}

// vanished says whether err means that a name, or a folder on the way to it, is not there or is no folder any more.
func vanished(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

// conclude records a finding and returns the file if it is to be handed out.
func (l *ledger) conclude(e *entry, found finding, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := e.camera
	e.delayed = false
	e.info, e.since, e.unended = found.entry.info, found.entry.since, found.entry.unended
	switch found.verdict {
	case isComplete, isOverdue:
		e.busy = time.Time{}
		if e.unread {
			e.fails, e.problem, e.unread = 0, "", false
		}
		if !e.offered {
			e.offered = true
			c.handed++
		}
		return true
	case isWritten:
		if e.busy.IsZero() {
			e.busy = now
		}
		wait := found.wait
		if wait == 0 {
			wait = min(max(now.Sub(e.busy)/8, minProbe), maxProbe)
		}
		e.due = now.Add(wait)
		l.put(e, now)
	case isRefused:
		l.trouble(e, found.err, now)
		e.unread = true
	default:
		l.forget(e)
		c.total--
	}
	return false
}

// trouble puts e back after an error that repeating at once would only repeat. The caller holds the lock.
func (l *ledger) trouble(e *entry, err error, now time.Time) {
	e.fails++
	e.problem = err.Error()
	e.moved, e.delayed = false, true
	e.due = now.Add(backoff(e.fails))
	l.put(e, now)
}

// backoff is the pause after the n-th failure in a row, 1 for the first.
func backoff(n int) time.Duration {
	return min(time.Second<<min(n-1, 10), 5*time.Minute)
}
