package health

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// TestConditionsAreComplete reads the list as its readers do: every one says what it means and what to do.
func TestConditionsAreComplete(t *testing.T) {
	seen := map[Code]bool{}
	for _, c := range All() {
		if c.Severity < Notice || c.Severity > Critical || c.Title == "" || c.Meaning == "" || c.Do == "" {
			t.Errorf("%s lacks something: %+v", c.Code, c)
		}
		if !strings.HasSuffix(c.Meaning, ".") || !strings.HasSuffix(c.Do, ".") || strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s: meaning and advice are sentences, a title is not", c.Code)
		}
		if seen[c.Code] {
			t.Errorf("%s is declared twice", c.Code)
		}
		seen[c.Code] = true
	}
	for _, c := range All() {
		for _, by := range c.ExplainedBy {
			if !seen[by] {
				t.Errorf("%s is explained by %s, which is not declared", c.Code, by)
			}
		}
	}
}

func TestOnsetAndEndAreSaidOnce(t *testing.T) {
	var out bytes.Buffer
	s := NewSet(slog.New(slog.NewTextHandler(&out, nil)))
	s.Set(LinkDown, noon, true, "no route")
	s.Set(LinkDown, noon.Add(time.Minute), true, "no route")
	if got := s.Active(); len(got) != 1 || !got[0].Since.Equal(noon) || got[0].Detail != "no route" {
		t.Errorf("active: %+v", got)
	}
	s.Set(LinkDown, noon.Add(2*time.Minute), false, "")
	s.Set(LinkDown, noon.Add(3*time.Minute), false, "")
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d lines, want one onset and one end:\n%s", got, out.String())
	}
	if !strings.Contains(out.String(), "lasted=2m0s") || len(s.Active()) != 0 {
		t.Errorf("the end is not right:\n%s", out.String())
	}
}

func TestSubjectsComeAndGo(t *testing.T) {
	s := NewSet(slog.New(slog.DiscardHandler))
	s.Observe(FolderUnnamed, noon, map[string]string{"Left": "", "Right": ""})
	s.Observe(FolderUnnamed, noon.Add(time.Minute), map[string]string{"Right": "", "Top": ""})
	var got []string
	for _, a := range s.Active() {
		got = append(got, a.Subject)
	}
	if strings.Join(got, " ") != "Right Top" {
		t.Errorf("active: %v", got)
	}
}

func TestOneCauseShowsOnceWorstFirst(t *testing.T) {
	s := NewSet(slog.New(slog.DiscardHandler))
	s.Set(FramesRejected, noon, true, "")
	s.Set(WatchDead, noon, true, "")
	s.Set(CaptureMissing, noon.Add(time.Second), true, "")
	got := s.Active()
	if len(got) != 2 || got[0].Code != CaptureMissing || got[1].Code != FramesRejected {
		t.Errorf("active: %+v", got)
	}
	s.Set(CaptureMissing, noon.Add(time.Minute), false, "")
	if got := s.Active(); len(got) != 2 || got[0].Code != WatchDead {
		t.Errorf("what was explained does not come back: %+v", got)
	}
}
