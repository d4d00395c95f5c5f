package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"shelfagent/agent/status"
)

// board shows progress: a block that is redrawn on a terminal, a line every two seconds elsewhere.
type board struct {
	out      io.Writer
	terminal bool
	cameras  []*camera
	began    time.Time
	drawn    int // lines on the terminal
	last     time.Time
}

func newBoard(out io.Writer, terminal bool, cameras []*camera) *board {
	return &board{out: out, terminal: terminal, cameras: cameras, began: time.Now()}
}

func (b *board) show(s status.Snapshot) {
	if b.terminal {
		b.redraw(s)
		return
	}
	if time.Since(b.last) >= 2*time.Second {
		b.last = time.Now()
		b.line(s)
	}
}

func (b *board) end() { _, _ = fmt.Fprintln(b.out) }

// totals are over all cameras; queued counts what is between the capture folder and the bucket.
func (b *board) totals(s status.Snapshot) (captured, queued, delivered, rejected int64) {
	for _, c := range b.cameras {
		captured += c.counts().captured
	}
	for _, c := range s.Cameras {
		queued += c.Waiting
		delivered += c.Delivered
		rejected += c.Rejected
	}
	return captured, queued, delivered, rejected
}

func (b *board) line(s status.Snapshot) {
	captured, queued, delivered, rejected := b.totals(s)
	_, _ = fmt.Fprintf(b.out, "%4.0f s  captured %d  queued %d  delivered %d  rejected %d  (%s)\n",
		time.Since(b.began).Seconds(), captured, queued, delivered, rejected, s.Verdict)
}

func (b *board) redraw(s status.Snapshot) {
	var text strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", b.drawn)
	}
	line := func(format string, args ...any) { fmt.Fprintf(&text, "\x1b[2K"+format+"\n", args...) }
	line("%-12s %9s %8s %10s %9s", "camera", "captured", "queued", "delivered", "rejected")
	seen := map[string]status.Camera{}
	for _, c := range s.Cameras {
		seen[c.ID] = c
	}
	for _, c := range b.cameras {
		v := seen[c.id]
		line("%-12s %9d %8d %10d %9d", c.id, c.counts().captured, v.Waiting, v.Delivered, v.Rejected)
	}
	captured, queued, delivered, rejected := b.totals(s)
	line("%-12s %9d %8d %10d %9d", "all", captured, queued, delivered, rejected)
	line("%.0f s, %s, status page %s", time.Since(b.began).Seconds(), s.Verdict, s.Page)
	b.drawn = len(b.cameras) + 3
	_, _ = io.WriteString(b.out, text.String())
}
