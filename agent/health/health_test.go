package health

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unsafe"
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
	s.Set(WatchDead, noon.Add(-time.Minute), true, "")
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

// TestOnlyWhatHoldsIsShown: a condition that ends before its time was nothing, and begins anew.
func TestOnlyWhatHoldsIsShown(t *testing.T) {
	var out bytes.Buffer
	s := NewSet(slog.New(slog.NewTextHandler(&out, nil)))
	patience := byCode[S3Away].ShowsAfter
	at := noon
	look := func(after time.Duration, on bool, shown int) {
		t.Helper()
		at = at.Add(after)
		s.Set(S3Away, at, on, "connection refused")
		if got := s.Active(); len(got) != shown {
			t.Errorf("%s after the start: %+v", at.Sub(noon), got)
		}
	}
	look(0, true, 0)
	look(patience-1, true, 0)
	look(0, false, 0)
	look(time.Second, true, 0)
	if out.Len() != 0 {
		t.Errorf("somebody was told: %s", out.String())
	}
	look(patience, true, 1)
	if since := s.Active()[0].Since; !since.Equal(at.Add(-patience)) {
		t.Errorf("since %s: it began when it began, not when it was shown", since)
	}
	look(time.Second, false, 0)
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d lines, want one onset and one end:\n%s", got, out.String())
	}
}

// TestWhatIsNotShownExplainsNothing: between the onset of a cause and its showing, its effect is not hidden.
func TestWhatIsNotShownExplainsNothing(t *testing.T) {
	s := NewSet(slog.New(slog.DiscardHandler))
	s.Set(RenewalFails, noon, true, "")
	s.Set(BackendAway, noon, true, "")
	if got := s.Active(); len(got) != 1 || got[0].Code != RenewalFails {
		t.Errorf("active: %+v", got)
	}
	s.Set(BackendAway, noon.Add(time.Minute), true, "")
	if got := s.Active(); len(got) != 1 || got[0].Code != BackendAway {
		t.Errorf("active: %+v", got)
	}
}

// clockSetTo moves what the clock on the wall said when t was read; the time that has passed stays. There is no other way
// to have such a time without setting the machine's clock.
func clockSetTo(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	was := at
	(*struct{ wall uint64 })(unsafe.Pointer(&at)).wall += uint64(int64(by/time.Second)) << 30 // time.Time's seconds begin at bit 30
	if at.Sub(was) != 0 || at.Round(0).Sub(was.Round(0)) != by {
		t.Fatal("time.Time is made otherwise in this Go: mend this test")
	}
	return at
}

// TestHowLongItLastedIsNotAMatterOfTheClock: NTP sets clocks by years.
func TestHowLongItLastedIsNotAMatterOfTheClock(t *testing.T) {
	for story, by := range map[string]time.Duration{"set back": -24 * time.Hour, "put forward": 24 * time.Hour, "left alone": 0} {
		var out bytes.Buffer
		s := NewSet(slog.New(slog.NewTextHandler(&out, nil)))
		began := time.Now()
		s.Set(LinkDown, began, true, "no route")
		later := clockSetTo(t, began.Add(time.Minute), by)
		s.Set(LinkDown, later, true, "no route")
		if lasts := later.Round(0).Sub(s.Active()[0].Since); lasts < time.Minute || lasts > time.Minute+time.Second {
			t.Errorf("%s: it shows that it lasts for %s", story, lasts)
		}
		s.Set(LinkDown, later.Add(time.Minute), false, "")
		if !strings.Contains(out.String(), "lasted=2m0s") {
			t.Errorf("%s: %s", story, out.String())
		}
	}
}

// TestOneCauseIsSaidOnce: the log hears of an effect only when its cause is gone and it is still there.
func TestOneCauseIsSaidOnce(t *testing.T) {
	var out bytes.Buffer
	s := NewSet(slog.New(slog.NewTextHandler(&out, nil)))
	look := func(after time.Duration, missing, dead bool) {
		s.Set(CaptureMissing, noon.Add(after), missing, "")
		s.Set(WatchDead, noon.Add(after), dead, "")
	}
	count := func(c Code) string {
		title := byCode[c].Title
		return fmt.Sprintf("%d %d", strings.Count(out.String(), `msg="`+title), strings.Count(out.String(), "over: "+title))
	}
	look(0, true, true)
	look(time.Minute, true, true)
	look(2*time.Minute, true, false)
	look(3*time.Minute, true, true)
	if count(CaptureMissing) != "1 0" || count(WatchDead) != "0 0" {
		t.Errorf("%s", out.String())
	}
	look(4*time.Minute, false, true)
	look(5*time.Minute, false, false)
	if count(CaptureMissing) != "1 1" || count(WatchDead) != "1 1" {
		t.Errorf("%s", out.String())
	}
}

// TestWhatComesAndGoes: however often, the log has ten lines of it, of which the last says that more is left out, and when
// these are ten minutes old, how it stands, if that is not its last word already.
func TestWhatComesAndGoes(t *testing.T) {
	for _, tc := range []struct {
		story string
		turns int // onsets and ends after each other
		last  string
	}{
		{"it stays", 5, ""},
		{"it ends as the last line says", 10, ""},
		{"it goes on after the last line said that it is over", 101, titleOf(LinkDown) + " left_out=90"},
		{"it ended again since", 102, ""},
	} {
		t.Run(tc.story, func(t *testing.T) {
			var out bytes.Buffer
			s := NewSet(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.MessageKey || a.Key == "left_out" || a.Key == "next" {
					return a
				}
				return slog.Attr{}
			}})))
			for i := range tc.turns {
				s.Set(LinkDown, noon.Add(time.Duration(i)*time.Second), i%2 == 0, "no route")
			}
			before := out.String()
			if got, tells := strings.Count(before, "\n"), strings.Contains(before, "said in 9m51s"); got != min(tc.turns, paceLines) || tells != (tc.turns >= paceLines) {
				t.Errorf("%d lines:\n%s", got, before)
			}
			s.Set(DiskLow, noon.Add(paceTime-1), false, "") // a look at something else tells of it, too
			if out.String() != before {
				t.Errorf("too soon:\n%s", out.String()[len(before):])
			}
			s.Set(DiskLow, noon.Add(paceTime), false, "")
			if got := strings.NewReplacer("msg=", "", `"`, "", "\n", "").Replace(out.String()[len(before):]); got != tc.last {
				t.Errorf("in the end %q, want %q", got, tc.last)
			}
			s.Set(LinkDown, noon.Add(2*paceTime), false, "")
			s.Set(LinkDown, noon.Add(3*paceTime), false, "")
			if over := strings.HasPrefix(lastLine(out.String()), `msg="over: `); !over || len(s.paces) != 0 {
				t.Errorf("at rest %+v:\n%s", s.paces, out.String())
			}
		})
	}
}

func titleOf(c Code) string { return byCode[c].Title }

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// TestNothingExplainsItself: two conditions that explain each other would both be hidden.
func TestNothingExplainsItself(t *testing.T) {
	var walk func(c Code, path []Code)
	walk = func(c Code, path []Code) {
		for _, by := range byCode[c].ExplainedBy {
			if by == path[0] {
				t.Errorf("%v explain each other", append(path, by))
				return
			}
			if len(path) < 6 {
				walk(by, append(path, by))
			}
		}
	}
	for _, c := range All() {
		walk(c.Code, []Code{c.Code})
	}
}
