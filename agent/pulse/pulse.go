package pulse

import (
	"fmt"
	"sync"
	"time"
)

// Pulse hears from loops. The zero value is ready; its methods may be called from several goroutines.
type Pulse struct {
	mu    sync.Mutex
	loops []*loop
}

// loop is what one loop has said last.
type loop struct {
	name string

	mu   sync.Mutex // guards what follows
	said time.Time
	due  time.Time // when it must have been heard from again; zero while it waits for others
}

// Late is a loop that has not kept its word.
type Late struct {
	Loop   string
	Silent time.Duration // since it was heard from last
}

func (l Late) String() string {
	return fmt.Sprintf("%s has not moved for %s", l.Loop, l.Silent.Round(time.Second))
}

// Loop returns what a loop calls at each of its turns: within says how long it may be until the next call; 0 means that
// it waits for what others do, and will be heard from when they have. Several loops may have one name. Before its first
// call a loop is not late.
func (p *Pulse) Loop(name string) func(within time.Duration) {
	l := &loop{name: name}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loops = append(p.loops, l)
	return l.turn
}

func (l *loop) turn(within time.Duration) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said, l.due = now, time.Time{}
	if within > 0 {
		l.due = now.Add(within)
	}
}

// Late lists the loops that are late at a moment, in the order in which they were made.
func (p *Pulse) Late(now time.Time) []Late {
	p.mu.Lock()
	defer p.mu.Unlock()
	var late []Late
	for _, l := range p.loops {
		if silent, is := l.late(now); is {
			late = append(late, Late{l.name, silent})
		}
	}
	return late
}

func (l *loop) late(now time.Time) (silent time.Duration, is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Sub(l.said), !l.due.IsZero() && now.After(l.due)
}
