package status

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Text writes a Snapshot for a terminal of 80 columns. Colour is for terminals only.
func Text(w io.Writer, s Snapshot, now time.Time, colour bool) error {
	t := &text{w: w, colour: colour}
	t.line("%s  %s", t.paint(verdictColour[s.Verdict], strings.ToUpper(string(s.Verdict))), s.headline())
	t.line("shelf-agent %s, store %s, rig %s, running for %s", s.Version, s.Store, s.Rig, span(now.Sub(s.Started)))
	for _, c := range s.Conditions {
		t.condition(c, now)
	}
	t.line("")
	t.line("Queue   %s", s.queueLine(now))
	if s.Queue.Parked > 0 {
		t.line("        %s a person", count(s.Queue.Parked, "frame needs", "frames need"))
	}
	t.line("Link    %s", s.linkLine(now))
	t.line("        %s", s.pathLine(now))
	t.line("Disk    %s", s.diskLine())
	if s.Page != "" {
		t.line("Page    %s", s.Page)
	}
	t.cameras(s.Cameras, now)
	return t.err
}

type text struct {
	w      io.Writer
	colour bool
	err    error
}

func (t *text) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintln(t.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
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
	title := c.Title
	if c.Subject != "" {
		title += ": " + c.Subject
	}
	t.line("")
	t.line("%s (%s, since %s)", t.paint(severityColour[c.Severity], title), c.Severity, ago(c.Since, now))
	if c.Detail != "" {
		t.line("    %s", c.Detail)
	}
	t.line("    What to do: %s", c.Do)
}

func (t *text) cameras(cameras []Camera, now time.Time) {
	t.line("")
	if len(cameras) == 0 {
		t.line("No camera has written a frame yet.")
		return
	}
	t.line("%-24s %-14s %9s %8s %8s %8s", "Camera", "last frame", "delivered", "waiting", "rejected", "parked")
	for _, c := range cameras {
		t.line("%-24s %-14s %9d %8d %8d %8d", shorten(c.ID, 24), ago(c.LastFrame, now), c.Delivered, c.Waiting+c.Files, c.Rejected, c.Parked)
	}
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most-1] + "…"
}
