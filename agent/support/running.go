package support

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/desk"
	"shelfagent/agent/status"
)

// askTimeout ends the wait for a running agent's answer.
const askTimeout = 5 * time.Second

// asked is what a running agent says of itself, if one answers.
type asked struct {
	snapshot status.Snapshot
	err      error
}

func ask(ctx context.Context, c *config.Config) asked {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	snapshot, err := status.Ask(ctx, c.Status.Socket)
	return asked{snapshot, err}
}

// why nothing was heard.
func (a asked) why() string {
	if errors.Is(a.err, status.ErrNoAgent) {
		return "no agent runs"
	}
	return "no agent was heard: " + a.err.Error()
}

// document is a part that is one JSON document.
func document(p Part, content any) Part {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		p.Missing = err.Error()
	}
	p.Text = append(text, '\n')
	return p
}

func (a asked) status() Part {
	p := Part{Name: "status.json", About: "What the running agent says of itself, as shelf-agent status --json."}
	if a.err != nil {
		p.Missing = a.why()
		return document(p, map[string]string{"missing": p.Missing})
	}
	return document(p, a.snapshot)
}

// maxConditions is how many onsets and ends are repeated from the journal.
const maxConditions = 256

// conditions tells what is true now, and what was, as the journal has it.
func conditions(a asked, log Part) Part {
	p := Part{Name: "conditions.txt", About: "What is wrong now, and what was: the agent's onsets and ends that the journal still has."}
	var out bytes.Buffer
	if a.err != nil {
		fmt.Fprintf(&out, "Now: not known, %s.\n", a.why())
	}
	for _, c := range a.snapshot.Conditions {
		fmt.Fprintf(&out, "Now: %s %s %s, since %s: %s\n", c.Severity, c.Code, c.Subject, c.Since.UTC().Format(time.RFC3339), c.Detail)
	}
	if a.err == nil && len(a.snapshot.Conditions) == 0 {
		fmt.Fprintf(&out, "Now: nothing.\n")
	}
	var lines []string
	for line := range strings.Lines(string(log.Text)) {
		if strings.Contains(line, `"condition":`) || strings.Contains(line, " condition=") {
			lines = append(lines, line)
		}
	}
	fmt.Fprintf(&out, "\nBefore, from logs.txt (%d):\n%s", len(lines), strings.Join(lines[max(0, len(lines)-maxConditions):], ""))
	p.Text, p.Missing = out.Bytes(), log.Missing
	return p
}

// queueNumbers is queue.json.
type queueNumbers struct {
	// Stats are the running agent's; nil when none was heard.
	Stats *desk.Stats `json:"stats"`
	// Files counts what lies in the queue's folders, whoever runs.
	Files map[string]tally `json:"files"`
}

func (a asked) queue(ctx context.Context, most time.Duration, c *config.Config) Part {
	p := Part{Name: "queue.json", About: "Numbers of the queue, and of the files in its folders and in the rejected one; no names."}
	numbers := queueNumbers{Files: map[string]tally{}}
	if a.err == nil {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		client := desk.Dial(c.Status.Socket)
		defer client.Close()
		if stats, err := client.Stats(ctx); err == nil {
			numbers.Stats = &stats
		} else {
			p.Missing = "the agent did not tell its numbers: " + err.Error()
		}
	} else {
		p.Missing = a.why() + ", so there are the files' numbers alone"
	}
	names := []string{"payload", "tmp", "damaged", "rejected", "capture"}
	dirs := []string{
		filepath.Join(c.QueueDir(), "payload"), filepath.Join(c.QueueDir(), "tmp"), filepath.Join(c.QueueDir(), "damaged"),
		c.RejectedDir(), c.Capture.Dir,
	}
	silent := tally{AtLeast: true, Problem: noAnswer}
	tallies := inTime(ctx, most, dirs, silent, count)
	for i, t := range tallies {
		numbers.Files[names[i]] = t
	}
	if slices.Contains(tallies, silent) {
		p.Missing = strings.TrimPrefix(p.Missing+"; a disk does not answer, as it says", "; ")
	}
	return document(p, numbers)
}

// Bounds of counting the files of a folder. What a slow disk has told within maxCounting is still of use.
const (
	maxCounted  = 100_000
	maxCounting = diskTimeout - 2*time.Second
)

// tally is what lies in a folder.
type tally struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// AtLeast is true when there are more, or not all could be seen.
	AtLeast bool   `json:"at_least,omitempty"`
	Problem string `json:"problem,omitempty"`
}

func count(dir string) (t tally) {
	if dir == "" {
		return tally{Problem: "not configured"}
	}
	began := time.Now()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return nil
		case t.Files == maxCounted, time.Since(began) > maxCounting:
			t.AtLeast = true
			return fs.SkipAll
		}
		t.Files++
		if info, err := entry.Info(); err == nil {
			t.Bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		t.AtLeast, t.Problem = true, err.Error()
	}
	return t
}
