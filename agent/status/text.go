package status

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Text writes a Snapshot for a terminal of 80 columns. Colour is for terminals only.
func Text(w io.Writer, s Snapshot, now time.Time, colour bool) error {
	return Screen(w, s, now, colour, 0)
}

// Screen is Text for a terminal of so many rows, 0 for any: what does not fit is said in fewer words, the most important
// last. Below 24 rows it may not fit all the same.
func Screen(w io.Writer, s Snapshot, now time.Time, colour bool, rows int) error {
	for _, line := range fit(parts(s, now, colour), rows) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// parts lays out a Snapshot in full.
func parts(s Snapshot, now time.Time, colour bool) layout {
	t := &text{colour: colour}
	t.field(verdictColour[s.Verdict], strings.ToUpper(string(s.Verdict))+"  ", s.headline())
	t.field("", "", fmt.Sprintf("shelf-agent %s, store %s, rig %s, running for %s", s.Version, s.Store, s.Rig, span(now.Sub(s.Started))))
	p := layout{head: t.take()}
	for _, c := range s.Conditions {
		t.condition(c, now)
		full := t.take()
		t.titled(c, now)
		p.conditions = append(p.conditions, condition{full: full, short: t.take()})
	}
	t.line("")
	t.field("", "Queue   ", s.queueLine(now))
	t.field("", "Link    ", s.linkLine(now))
	t.field("", "        ", s.pathLine(now))
	t.field("", "Disk    ", s.diskLine())
	if s.Page != "" {
		t.field("", "Page    ", s.Page)
	}
	p.facts = t.take()
	t.cameras(s.Cameras, now)
	p.cameras = t.take()
	return p
}

// columns is the width of a terminal that every technician has.
const columns = 80

// text collects lines.
type text struct {
	colour bool
	lines  []string
}

// take returns the lines since the last take.
func (t *text) take() []string {
	lines := t.lines
	t.lines = nil
	return lines
}

// line adds one line as it is.
func (t *text) line(s string) { t.lines = append(t.lines, strings.TrimRight(s, " ")) }

// field adds a label and, after it and under itself, a text of any length.
func (t *text) field(colour, label, body string) {
	label = printable(label)
	indent := utf8.RuneCountInString(label)
	if indent > columns/2 {
		indent = 4 // a long label is no column
	}
	lines := wrap(printable(body), columns-utf8.RuneCountInString(label), columns-indent)
	t.line(t.paint(colour, label) + lines[0])
	for _, line := range lines[1:] {
		t.line(strings.Repeat(" ", indent) + line)
	}
}

// wrap breaks a text between words: the first line has room for so many letters, the others for so many. Words
// longer than a line are cut.
func wrap(s string, first, others int) []string {
	var lines []string
	line, room := []rune(nil), first
	flush := func() { lines, line, room = append(lines, string(line)), nil, others }
	for _, word := range strings.Fields(s) {
		letters := []rune(word)
		if len(line) > 0 && len(line)+1+len(letters) > room {
			flush()
		}
		if len(line) == 0 && len(lines) == 0 && len(letters) > room && len(letters) <= others {
			flush()
		}
		for len(line) == 0 && len(letters) > room && room > 0 {
			line, letters = letters[:room], letters[room:]
			flush()
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = append(line, letters...)
	}
	return append(lines, string(line))
}

// printable keeps what others wrote, such as the names of folders, from commanding the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return utf8.RuneError
	}, s)
}

// ANSI colours.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
)

var verdictColour = map[Verdict]string{Healthy: green, Degraded: yellow, Down: red}
var severityColour = map[string]string{"critical": red, "warning": yellow}

func (t *text) paint(colour, s string) string {
	if !t.colour || colour == "" {
		return s
	}
	return "\x1b[1;" + colour + "m" + s + "\x1b[0m"
}

func (t *text) condition(c Condition, now time.Time) {
	t.line("")
	t.titled(c, now)
	if c.Detail != "" {
		t.field("", "    ", c.Detail)
	}
	t.field("", "    ", "What to do: "+c.Do)
}

func (t *text) titled(c Condition, now time.Time) {
	title := c.Title
	if c.Subject != "" {
		title += ": " + c.Subject
	}
	t.field(severityColour[c.Severity], shorten(title, columns-2)+" ", fmt.Sprintf("(%s, for %s)", c.Severity, span(now.Sub(c.Since))))
}

func (t *text) cameras(cameras []Camera, now time.Time) {
	const row = "%-24s %-14s %9v %8v %8v %8v"
	t.line("")
	if len(cameras) == 0 {
		t.line("No camera has written a frame yet.")
		return
	}
	t.line(fmt.Sprintf(row, "Camera", "last frame", "delivered", "waiting", "rejected", "parked"))
	for _, c := range cameras {
		t.line(fmt.Sprintf(row, shorten(printable(c.ID), 24), ago(c.LastFrame, now), c.Delivered, c.AllWaiting(), c.Rejected, c.Parked))
	}
}

func shorten(s string, most int) string {
	letters := []rune(s)
	if len(letters) <= most {
		return s
	}
	return string(letters[:most-1]) + "…"
}
