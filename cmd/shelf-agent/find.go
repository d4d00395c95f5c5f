package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
	"shelfagent/agent/desk"
	"shelfagent/agent/find"
	"shelfagent/agent/trail"
)

// Exit codes of find.
const (
	exitNotFound    = 1
	exitNotSearched = 3
)

func findCommand() *cobra.Command {
	var form trail.Form
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "find --camera CAMERA --at TIME | find --file NAME | find --digest HEX",
		Short: "Say where a picture is: from when it was seen to where it is proven, or stands now",
		Long: "Find looks for a picture by when it was taken, by the name that the camera gave its file, or by the digest in its\n" +
			"key, and tells its whole way: seen, rejected or queued, tried, put off, delivered. It looks in the queue and its\n" +
			"receipts, in the rejected folder and in the capture folder. While the agent runs, it asks the agent about the\n" +
			"queue; otherwise it opens the queue itself. It says on stderr which it did.\n\n" +
			"TIME is 14:05, \"2026-11-22 14:05\", 2026-11-22 for the whole day, or 2026-11-22T14:05:00+01:00. Without a zone it is\n" +
			"that of the shop, frame.timezone in the configuration.\n\n" +
			"Exit codes: 0 found, 1 nothing found, 2 wrong command line or configuration, 3 it could not be searched.",
		Example: "  sudo shelf-agent find --camera aisle-3 --at 14:05\n  sudo shelf-agent find --file IMG_0042.jpg\n" +
			"  sudo shelf-agent find --digest 3fa9c1d2 --json",
		Args: args(cobra.NoArgs),
	}
	file := configFlag(cmd)
	cmd.Flags().StringVar(&form.Camera, "camera", "", "only pictures of this `CAMERA`")
	cmd.Flags().StringVar(&form.At, "at", "", "pictures taken about this `TIME`")
	cmd.Flags().StringVar(&form.Within, "within", "", "how far from --at a picture may be: `SPAN`, as in 30s or 2h (default 10m)")
	cmd.Flags().StringVar(&form.File, "file", "", "the `NAME` of the file, or the end of its path")
	cmd.Flags().StringVar(&form.Digest, "digest", "", "the SHA-256 in `HEX`, its first digits, at least four, or the object's key")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the JSON document")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := loadConfig(*file)
		if err != nil {
			return err
		}
		rules, err := c.FrameRules()
		if err != nil {
			return usageError{err}
		}
		query, err := form.Query(time.Now(), rules.Location)
		if err != nil {
			return flagError(err)
		}
		a, err := search(cmd, *file, c, query)
		if err != nil {
			complain(cmd.ErrOrStderr(), err)
			return exitError(exitNotSearched)
		}
		if asJSON {
			err = printJSON(cmd.OutOrStdout(), a)
		} else {
			err = printAnswer(cmd.OutOrStdout(), a, rules.Location)
		}
		if err == nil && len(a.Trails) == 0 {
			err = exitError(exitNotFound)
		}
		return err
	}
	return cmd
}

func search(cmd *cobra.Command, file string, c *config.Config, query trail.Query) (a trail.Answer, err error) {
	err = atDesk(cmd, file, func(ctx context.Context, d desk.Desk) error {
		a, err = find.Search(ctx, find.Places{Desk: d, Capture: c.CaptureOptions(nil)}, query)
		return err
	})
	return a, err
}

// flagError names the flag that is wrong.
func flagError(err error) error {
	var wrong *trail.FieldError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return usageError{fmt.Errorf("--%s: %w", wrong.Field, err)}
	}
	return usageError{fmt.Errorf("%w: --at, --file or --digest (see: shelf-agent find --help)", err)}
}

func printAnswer(out io.Writer, a trail.Answer, loc *time.Location) error {
	s := &sheet{out: out}
	for _, t := range a.Trails {
		s.trail(t, loc)
		s.line("")
	}
	for _, sentence := range trail.Summary(a, loc) {
		s.par("", sentence)
	}
	return s.err
}

func (s *sheet) trail(t trail.Trail, loc *time.Location) {
	s.par("", t.Title()+": "+t.State.Word())
	for _, step := range t.Steps {
		at := strings.Repeat(" ", len(time.DateTime))
		if !step.At.IsZero() {
			at = step.At.In(loc).Format(time.DateTime)
		}
		s.par(fmt.Sprintf("  %s  %-10s  ", at, step.What), step.Text)
	}
	s.par("  Now: ", t.Now)
	if t.Do != "" {
		s.par("  What to do: ", t.Do)
	}
	if t.SHA256 != "" {
		s.par("  SHA-256: ", t.SHA256)
	}
}
