package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"shelfagent/agent/status"
)

// watchEvery is how often --watch looks.
const watchEvery = 2 * time.Second

// What a terminal is told (ECMA-48). The cursor is hidden while somebody watches, and shown again whatever ends that.
const (
	cursorOff  = "\x1b[?25l"
	cursorOn   = "\x1b[?25h"
	clearAll   = "\x1b[2J"
	toTop      = "\x1b[H"
	clearLine  = "\x1b[K" // what is right of the cursor
	clearBelow = "\x1b[J"
)

type looker func(context.Context) (status.Snapshot, error)

// watchScreen redraws the terminal until ctx ends. It returns what a single look at the end would have.
func watchScreen(ctx context.Context, terminal *os.File, look looker) error {
	if !term.IsTerminal(int(terminal.Fd())) {
		return usageError{hinted(errors.New("--watch redraws the screen, and this is no terminal"), "for programs: shelf-agent status --watch --json")}
	}
	_, _ = io.WriteString(terminal, cursorOff+clearAll) // a terminal that is gone shows at the first drawing
	defer func() { _, _ = io.WriteString(terminal, "\n"+cursorOn) }()
	return watch(ctx, look, func(s status.Snapshot, err error) error {
		return redraw(terminal, screenOf(s, err, time.Now(), colourful(), terminalRows(terminal)))
	})
}

// screenOf is what is drawn of a look: the status, or why there is none.
func screenOf(s status.Snapshot, err error, now time.Time, colour bool, rows int) string {
	var text bytes.Buffer
	if err != nil {
		complain(&text, err)
		_, _ = fmt.Fprintf(&text, "\nLooked at %s, and looking on. Ctrl-C ends this.\n", now.Format("15:04:05"))
		return text.String()
	}
	_ = status.Screen(&text, s, now, colour, rows) // a buffer takes everything
	return text.String()
}

// redraw draws over what is there, line by line, so that nothing flickers. Nothing follows the last line: it would scroll.
func redraw(w io.Writer, text string) error {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	_, err := io.WriteString(w, toTop+strings.Join(lines, clearLine+"\n")+clearLine+clearBelow)
	return err
}

// watchJSON prints a document a line until ctx ends. While there is no agent, it says so on a line of its own.
func watchJSON(ctx context.Context, w io.Writer, look looker) error {
	encoder := json.NewEncoder(w)
	return watch(ctx, look, func(s status.Snapshot, err error) error {
		if err != nil {
			return encoder.Encode(map[string]any{"verdict": "not_running", "at": time.Now().UTC(), "error": err.Error()})
		}
		return encoder.Encode(s)
	})
}

func watch(ctx context.Context, look looker, draw func(status.Snapshot, error) error) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	last := error(exitError(exitNotRunning))
	for {
		s, err := look(ctx)
		if ctx.Err() != nil {
			return last
		}
		if err := draw(s, err); err != nil {
			return err
		}
		if last = verdictExit(s.Verdict); err != nil {
			last = exitError(exitNotRunning)
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}
