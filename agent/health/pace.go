package health

import (
	"context"
	"log/slog"
	"time"
)

// How often the log is told of one condition and subject: so many lines, and then none until that long after the first.
const (
	paceLines = 10 // five onsets and ends
	paceTime  = 10 * time.Minute
)

// line is what the log is to be told.
type line struct {
	level slog.Level
	text  string
	attrs []any
	on    bool // an onset; else an end
}

// pace keeps one that comes and goes from filling the log, and from leaving a last word there that is not true: what came
// too soon waits, and the newest of it is said when it may be, unless the log has that already.
type pace struct {
	began   time.Time
	lines   int   // since began
	on      bool  // the log's last word
	waiting *line // to be said when it may be
	leftOut int   // since the last line
}

// tell has the log told now, or as soon as it may be. The caller holds mu.
func (s *Set) tell(k key, l line, now time.Time) {
	p := s.paces[k]
	if p == nil {
		p = &pace{began: now}
		s.paces[k] = p
	}
	if p.waiting != nil {
		p.leftOut++
	}
	p.waiting = &l
	p.say(s.log, now)
}

// say says what waits, if it may be said.
func (p *pace) say(log *slog.Logger, now time.Time) {
	if p.rested(now) {
		p.began, p.lines = now, 0
	}
	if p.waiting == nil || p.lines == paceLines {
		return
	}
	l := *p.waiting
	p.waiting = nil
	if l.on == p.on {
		p.leftOut++
		return
	}
	p.lines++
	if p.leftOut > 0 {
		l.attrs = append(l.attrs, "left_out", p.leftOut)
	}
	if p.lines == paceLines {
		l.attrs = append(l.attrs, "next", "it comes and goes; what is not so any more is said in "+(paceTime-now.Sub(p.began)).Round(time.Second).String())
	}
	p.on, p.leftOut = l.on, 0
	log.Log(context.Background(), l.level, l.text, l.attrs...)
}

func (p *pace) rested(now time.Time) bool { return now.Sub(p.began).Abs() >= paceTime } // a clock that was set back begins anew, too

// catchUp says what has waited for long enough, and forgets what is at rest. The caller holds mu.
func (s *Set) catchUp(now time.Time) {
	for k, p := range s.paces {
		if !p.rested(now) {
			continue
		}
		p.say(s.log, now)
		if !p.on && p.lines == 0 {
			delete(s.paces, k)
		}
	}
}
