package health

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Active is a condition that is true now.
type Active struct {
	Condition
	// Subject is what it is true of, such as a camera; often "".
	Subject string `json:"subject,omitempty"`
	// Detail is what was seen, in plain words.
	Detail string    `json:"detail,omitempty"`
	Since  time.Time `json:"since"`
}

type key struct {
	code    Code
	subject string
}

// held is a condition that is true, and may have to hold for longer before it shows.
type held struct {
	Active
	began time.Time // as the caller gave it: with a monotonic reading, it outlives a clock that is set
	shown bool      // it has held for long enough
	said  bool      // the log is told of it: it was shown, and nothing explained it
}

// Set holds the conditions of one rig. Its methods may be called from several goroutines.
type Set struct {
	log *slog.Logger

	mu     sync.Mutex
	active map[key]held
	paces  map[key]*pace // of what the log was told of
}

// NewSet returns a Set in which all is well. It says onsets and ends to log.
func NewSet(log *slog.Logger) *Set {
	return &Set{log: log, active: map[key]held{}, paces: map[key]*pace{}}
}

// Observe says which subjects a condition is true of now, each with its detail. Those that it was true of
// before and that are not named any more have ended.
func (s *Set) Observe(code Code, now time.Time, details map[string]string) {
	condition, declared := byCode[code]
	if !declared {
		panic("health: undeclared condition " + string(code))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for subject, detail := range details {
		k := key{code, subject}
		h, known := s.active[k]
		if !known {
			h = held{Active: Active{Condition: condition, Subject: subject, Since: now.UTC()}, began: now}
		}
		h.Detail = detail
		s.active[k] = s.turn(k, h, now)
	}
	for k, was := range s.active {
		if _, still := details[k.subject]; k.code == code && !still {
			delete(s.active, k)
			s.end(k, was, now)
		}
	}
	s.catchUp(now)
}

// turn says an onset once it has held for long enough and nothing explains it, and keeps Since as long ago as it was when the
// clock is set. The caller holds mu.
func (s *Set) turn(k key, h held, now time.Time) held {
	lasted := now.Sub(h.began)
	if drift := now.Round(0).Sub(h.Since) - lasted; drift.Abs() > clockSet {
		h.Since = now.Round(0).Add(-lasted).UTC().Truncate(time.Second)
	}
	h.shown = h.shown || lasted >= h.ShowsAfter
	if h.shown && !h.said && !s.explained(h.Condition) {
		h.said = true
		s.tell(k, line{level(h.Severity), h.Title, attributes(k, h.Detail), true}, now)
	}
	return h
}

// clockSet is a difference between the time that has passed and what the clock says, beyond which the clock was set.
const clockSet = 5 * time.Second

// explained tells whether something that is shown explains a condition. The caller holds mu.
func (s *Set) explained(c Condition) bool {
	for k, h := range s.active {
		if h.shown && slices.Contains(c.ExplainedBy, k.code) {
			return true
		}
	}
	return false
}

// end says that it is over, if anybody was told that it began.
func (s *Set) end(k key, h held, now time.Time) {
	if h.said {
		lasted := now.Sub(h.began).Round(time.Second).String()
		s.tell(k, line{slog.LevelInfo, "over: " + h.Title, append(attributes(k, ""), "lasted", lasted), false}, now)
	}
}

// Set is Observe for a condition without subjects.
func (s *Set) Set(code Code, now time.Time, on bool, detail string) {
	if on {
		s.Observe(code, now, map[string]string{"": detail})
		return
	}
	s.Observe(code, now, nil)
}

// Active returns what is true now, has held for long enough and is not explained by something else, worst first, then
// oldest first.
func (s *Set) Active() []Active {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Active{}
	for _, h := range s.active {
		if h.shown && !s.explained(h.Condition) {
			list = append(list, h.Active)
		}
	}
	slices.SortFunc(list, func(a, b Active) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.Since.Compare(b.Since),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	return list
}

func level(s Severity) slog.Level {
	switch s {
	case Critical:
		return slog.LevelError
	case Warning:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

func attributes(k key, detail string) []any {
	attrs := []any{"condition", k.code}
	if k.subject != "" {
		attrs = append(attrs, "subject", k.subject)
	}
	if detail != "" {
		attrs = append(attrs, "detail", detail)
	}
	return attrs
}
