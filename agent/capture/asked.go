package capture

import (
	"fmt"
	"sync"
	"time"
)

// patience is how long the disk may take for one step: a look at a file, the reading of one. A disk that wakes needs
// some seconds, a network mount whose server starts anew a minute or two. What takes longer hangs, as far as people need
// to know; the agent waits on, and goes on by itself when the answer comes.
const patience = 2 * time.Minute

// asked knows what the disk has been asked and has not answered: system calls on a network mount whose server is gone do
// not return, and nothing but the end of the process ends the wait for them. The zero value is ready.
type asked struct {
	mu   sync.Mutex // guards what follows
	open map[*question]struct{}
}

// question is one wait for the disk, or several in a row.
type question struct {
	all   *asked
	place string    // "the capture folder /srv/cameras"
	who   string    // waits: "the scan"
	since time.Time // of the step at hand; guarded by all.mu
}

// ask begins a wait for the capture folder: who waits is for people. The caller ends it with answered.
func (w *Watcher) ask(who string) *question { return w.asked.ask(captureFolder(w.opts.Dir), who) }

func captureFolder(dir string) string { return "the capture folder " + dir }

func (a *asked) ask(place, who string) *question {
	q := &question{all: a, place: place, who: who, since: time.Now()}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[*question]struct{}{}
	}
	a.open[q] = struct{}{}
	return q
}

// moved says that one step is over and the next begins.
func (q *question) moved() {
	now := time.Now()
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	q.since = now
}

func (q *question) answered() {
	q.all.mu.Lock()
	defer q.all.mu.Unlock()
	delete(q.all.open, q)
}

// unanswered is the state that the longest wait is, if it has lasted beyond the patience.
func (a *asked) unanswered(now time.Time) (state diskState, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var longest *question
	for q := range a.open {
		if longest == nil || q.since.Before(longest.since) {
			longest = q
		}
	}
	if longest == nil || now.Sub(longest.since) < patience {
		return diskState{}, false
	}
	return silent(longest.place, longest.who, longest.since), true
}

// silent is the state of a disk that has not answered since then.
func silent(place, who string, since time.Time) diskState {
	return diskState{Disk: DiskSilent, since: since,
		Detail: fmt.Sprintf("%s does not answer: %s has waited for it since %s", place, who, since.UTC().Format("2006-01-02 15:04:05 UTC"))}
}
