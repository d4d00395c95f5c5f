package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"shelfagent/agent/config/strict"
	"shelfagent/agent/desk"
	"shelfagent/queue"
)

// errEnough ends a list.
var errEnough = errors.New("enough")

// selectFlags are the flags that choose frames, and what makes a filter of them.
func selectFlags(cmd *cobra.Command, states ...queue.State) func() (queue.Filter, error) {
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = s.String()
	}
	var state, camera, older, newer string
	cmd.Flags().StringVar(&state, "state", "", "only frames in this `STATE`: "+strings.Join(names, ", "))
	cmd.Flags().StringVar(&camera, "camera", "", "only frames of this `CAMERA`")
	cmd.Flags().StringVar(&older, "older-than", "", "only frames captured longer ago than this `TIME`: 90m, 12h, 7d")
	cmd.Flags().StringVar(&newer, "newer-than", "", "only frames captured within this `TIME`: 90m, 12h, 7d")
	return func() (queue.Filter, error) {
		f := queue.Filter{Camera: camera}
		now := time.Now()
		var err error
		if f.Until, err = ago("--older-than", older, now); err != nil {
			return f, err
		}
		if f.Since, err = ago("--newer-than", newer, now); err != nil {
			return f, err
		}
		if state == "" {
			return f, nil
		}
		i := slices.Index(names, state)
		if i < 0 {
			return f, usageError{fmt.Errorf("--state %s: want one of %s", state, strings.Join(names, ", "))}
		}
		f.State = states[i]
		return f, nil
	}
}

func ago(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var d strict.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		return time.Time{}, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return now.Add(-time.Duration(d)), nil
}

func queueListCommand() *cobra.Command {
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the frames that are not delivered yet",
		Long: "List prints the frames in the queue, by camera and capture time. Below a frame that is parked or was put off\n" +
			"stands why. Times are UTC." + exitCodesHelp,
		Example: "  sudo shelf-agent queue list --state parked\n  sudo shelf-agent queue list --camera cam-3 --older-than 12h --json",
		Args:    args(cobra.NoArgs),
	}
	file, selected := configFlag(cmd), selectFlags(cmd, queue.Waiting, queue.Deferred, queue.Leased, queue.Parked)
	cmd.Flags().IntVar(&limit, "limit", 0, "at most `N` frames; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document for each frame")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := selected()
		if err != nil {
			return err
		}
		return atDesk(cmd, *file, func(ctx context.Context, d desk.Desk) error {
			l := &lister{out: cmd.OutOrStdout(), json: asJSON, limit: limit}
			err := desk.Each(ctx, d, f, l.frame)
			if errors.Is(err, errEnough) {
				_, err = fmt.Fprintf(cmd.ErrOrStderr(), "there are more than %d; --limit 0 shows all\n", limit)
				return err
			}
			if err == nil && l.shown == 0 && !asJSON {
				_, err = fmt.Fprintln(l.out, "no frames")
			}
			return err
		})
	}
	return cmd
}

// lister prints frames as they come; a million of them are not held in memory to align them.
type lister struct {
	out   io.Writer
	json  bool
	limit int // 0: none
	shown int
}

const listRow = "%-8s  %-14s  %-19s  %7s  %5s  %s\n"

func (l *lister) frame(f desk.Frame) error {
	if l.limit > 0 && l.shown == l.limit {
		return errEnough
	}
	l.shown++
	if l.json {
		return json.NewEncoder(l.out).Encode(f)
	}
	var headErr error
	if l.shown == 1 {
		_, headErr = fmt.Fprintf(l.out, listRow, "STATE", "CAMERA", "CAPTURED (UTC)", "SIZE", "TRIES", "SHA-256")
	}
	_, err := fmt.Fprintf(l.out, listRow, f.State, fit(f.Camera, 14), clock(f.CapturedAt), size(f.Bytes), strconv.Itoa(f.Attempts), f.SHA256[:12])
	if why := whyNot(f); why != "" && headErr == nil && err == nil {
		_, err = fmt.Fprintf(l.out, "          %s\n", fit(why, columns-10))
	}
	return errors.Join(headErr, err)
}

// whyNot is what a frame waits for, in one line.
func whyNot(f desk.Frame) string {
	switch {
	case f.State == queue.Parked && f.LastError != "":
		return f.Reason + ": " + f.LastError
	case f.State == queue.Parked:
		return f.Reason
	case f.State == queue.Deferred:
		return "next try " + clock(f.NotBefore) + ": " + f.LastError
	}
	return ""
}

func queueShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one frame, or the receipt of one that has left",
		Long:    "Show prints all that is known of a frame: in the queue, delivered, or dropped. Times are UTC." + exitCodesHelp,
		Example: "  sudo shelf-agent queue show 3fa9c1d2\n  sudo shelf-agent queue show 3fa9c1d2 --json",
		Args:    args(cobra.ExactArgs(1)),
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the JSON document")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		return atDesk(cmd, *file, func(ctx context.Context, d desk.Desk) error {
			f, err := d.Show(ctx, given[0])
			if err != nil {
				return err
			}
			return printFrame(cmd.OutOrStdout(), f, asJSON)
		})
	}
	return cmd
}

func printFrame(out io.Writer, f desk.Frame, asJSON bool) error {
	if asJSON {
		return printJSON(out, f)
	}
	s := &sheet{out: out}
	s.row("State", f.State.String())
	s.row("Camera", f.Camera)
	s.row("Captured", clock(f.CapturedAt))
	s.row("Queued", clock(f.QueuedAt))
	s.row("File", f.Source)
	s.row("Size", fmt.Sprintf("%s (%d bytes)", size(f.Bytes), f.Bytes))
	s.row("Type", f.ContentType)
	s.row("SHA-256", f.SHA256)
	s.row("Tries", strconv.Itoa(f.Attempts))
	if !f.NotBefore.IsZero() {
		s.row("Next try", clock(f.NotBefore))
	}
	s.row("Reason", f.Reason)
	s.row("Last error", f.LastError)
	if f.Rebuilt {
		s.row("Note", "its record was lost and made again: file name, metadata and tries are lost")
	}
	for _, key := range slices.Sorted(maps.Keys(f.Metadata)) {
		s.row("Metadata", key+" = "+f.Metadata[key])
	}
	if f.Left() {
		s.row("Left", clock(f.LeftAt))
		s.row("Key", f.Key)
		s.row("Proof", map[string]string{
			queue.ProofStored: "S3 stored these bytes and confirmed their SHA-256",
			queue.ProofExists: "S3 held this key already, and the key names the SHA-256",
		}[f.Proof])
		s.row("Dropped by", f.By)
		s.row("Why", f.Note)
	}
	return s.err
}

func queueStatsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "stats",
		Short:   "Print the queue in numbers",
		Long:    "Stats prints how many frames are in each state, for each camera, and how much room there is." + exitCodesHelp,
		Example: "  sudo shelf-agent queue stats\n  sudo shelf-agent queue stats --json",
		Args:    args(cobra.NoArgs),
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the JSON document")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return atDesk(cmd, *file, func(ctx context.Context, d desk.Desk) error {
			s, err := d.Stats(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), s)
			}
			return printStats(cmd.OutOrStdout(), s)
		})
	}
	return cmd
}

const statsRow = "%-14s  %8s  %8s  %6s  %6s  %9s  %7s  %7s\n"

func printStats(out io.Writer, s desk.Stats) error {
	row := func(name string, c desk.Counts) error {
		text := func(n int64) string { return strconv.FormatInt(n, 10) }
		_, err := fmt.Fprintf(out, statsRow, fit(name, 14), text(c.Waiting), text(c.Deferred), text(c.Leased), text(c.Parked),
			text(c.Delivered), text(c.Dropped), size(c.Bytes))
		return err
	}
	_, err := fmt.Fprintf(out, statsRow, "CAMERA", "WAITING", "DEFERRED", "LEASED", "PARKED", "DELIVERED", "DROPPED", "SIZE")
	for _, c := range s.Cameras {
		err = errors.Join(err, row(c.Camera, c.Counts))
	}
	sh := &sheet{out: out, err: errors.Join(err, row("(all)", s.Counts))}
	sh.line("")
	if !s.OldestCaptured.IsZero() {
		sh.row("Oldest", clock(s.OldestCaptured)+" UTC")
	}
	if !s.NextDue.IsZero() {
		sh.row("Next due", clock(s.NextDue)+" UTC")
	}
	sh.row("Limits", fmt.Sprintf("%s of pictures at most; %s stay free on the disk", size(s.MaxBytes), size(s.MinFree)))
	if s.DiskTotal > 0 {
		sh.row("Disk", fmt.Sprintf("%s free of %s", size(s.DiskFree), size(s.DiskTotal)))
	}
	return sh.err
}

func printJSON(out io.Writer, document any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// columns is the width of a terminal that every technician has.
const columns = 80

// sheet prints names and texts of any length.
type sheet struct {
	out io.Writer
	err error
}

func (s *sheet) line(text string) {
	if s.err == nil {
		_, s.err = fmt.Fprintln(s.out, strings.TrimRight(text, " "))
	}
}

// row leaves out what is empty.
func (s *sheet) row(name, text string) {
	if text != "" {
		s.par(fmt.Sprintf("%-12s", name), text)
	}
}

// par prints a text beside a name, in as many lines as it needs.
func (s *sheet) par(name, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(name))
	for _, l := range wrapped(text, columns-len(indent)) {
		s.line(name + l)
		name = indent
	}
}

// wrapped breaks a text between words, and a word that is longer than a line where it must be.
func wrapped(text string, width int) (lines []string) {
	line := []rune{}
	for _, word := range strings.Fields(plain(text)) {
		w := []rune(word)
		if len(line) > 0 && len(line)+1+len(w) <= width {
			line = append(append(line, ' '), w...)
			continue
		}
		if len(line) > 0 {
			lines = append(lines, string(line))
		}
		for ; len(w) > width; w = w[width:] {
			lines = append(lines, string(w[:width]))
		}
		line = slices.Clone(w)
	}
	return append(lines, string(line))
}

// fit cuts a text to a column.
func fit(text string, width int) string {
	runes := []rune(plain(text))
	if len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}

// plain keeps names and errors of others from steering the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// size says a number of bytes with three digits.
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/1000, 0
	for value >= 999.5 && prefix < 4 {
		value /= 1000
		prefix++
	}
	if value < 9.95 {
		return fmt.Sprintf("%.1f %cB", value, "kMGTP"[prefix])
	}
	return fmt.Sprintf("%.0f %cB", value, "kMGTP"[prefix])
}
