package health

import (
	"cmp"
	"context"
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

// Set holds the conditions of one rig. Its methods may be called from several goroutines.
type Set struct {
	log *slog.Logger

	mu     sync.Mutex
	active map[key]Active
}

// NewSet returns a Set in which all is well. It says onsets and ends to log.
func NewSet(log *slog.Logger) *Set {
	return &Set{log: log, active: map[key]Active{}}
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
		was, known := s.active[k]
		if !known {
			was = Active{Condition: condition, Subject: subject, Since: now.UTC()}
			s.log.Log(context.Background(), level(condition.Severity), condition.Title, attributes(k, detail)...)
		}
		was.Detail = detail
		s.active[k] = was
	}
	for k, was := range s.active {
		if _, still := details[k.subject]; k.code == code && !still {
			delete(s.active, k)
			s.log.Info("over: "+condition.Title, append(attributes(k, ""), "lasted", now.Sub(was.Since).Round(time.Second).String())...)
		}
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

// Active returns what is true now and not explained by something else, worst first, then oldest first.
func (s *Set) Active() []Active {
	s.mu.Lock()
	defer s.mu.Unlock()
	present := map[Code]bool{}
	for k := range s.active {
		present[k.code] = true
	}
	shown := []Active{}
	for _, a := range s.active {
		explained := slices.ContainsFunc(a.ExplainedBy, func(c Code) bool { return present[c] })
		if !explained {
			shown = append(shown, a)
		}
	}
	slices.SortFunc(shown, func(a, b Active) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.Since.Compare(b.Since),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	return shown
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
