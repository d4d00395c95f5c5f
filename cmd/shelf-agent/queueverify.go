package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shelfagent/agent/desk"
)

func queueVerifyCommand() *cobra.Command {
	var quick, asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Hold the queue's records, pictures and digests against each other",
		Long: "Verify reads every record and every picture in the queue and prints what is not right, what it means and what\n" +
			"to do. It changes nothing, and the agent goes on working.\n\n" +
			"Exit codes: 0 all is right, 1 something is not, or failed, 2 wrong command line or configuration.",
		Example: "  sudo shelf-agent queue verify\n  sudo shelf-agent queue verify --quick",
		Args:    args(cobra.NoArgs),
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&quick, "quick", false, "compare sizes, and do not read the pictures")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document for each finding, and one for the whole")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return atDesk(cmd, *file, func(ctx context.Context, d desk.Desk) error {
			out := cmd.OutOrStdout()
			done, err := d.Verify(ctx, quick, func(f desk.Finding) error {
				if asJSON {
					return json.NewEncoder(out).Encode(f)
				}
				s := &sheet{out: out}
				s.par("", string(f.Code)+": "+whichOf(f))
				s.par("  seen: ", f.Saw)
				s.par("  What it means: ", f.Means)
				s.par("  What to do: ", f.Do)
				s.line("")
				return s.err
			})
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(out).Encode(done)
			} else {
				_, err = fmt.Fprintf(out, "%s and %s looked at, %s read: %s\n", amount(done.Records, "record", "records"),
					amount(done.Payloads, "picture", "pictures"), size(done.Bytes), verdictOf(done))
			}
			if err == nil && done.Findings > 0 {
				return exitError(exitFailed)
			}
			return err
		})
	}
	return cmd
}

// whichOf is a finding's frame as the other commands take it, or the stray file's path.
func whichOf(f desk.Finding) string {
	camera, name, _ := strings.Cut(string(f.ID), "/")
	stamp, digest, ok := strings.Cut(name, "-")
	if !ok {
		return f.Path
	}
	return fmt.Sprintf("%.12s of %s, captured %s", digest, camera, stamp)
}

func verdictOf(v desk.Verified) string {
	if v.Findings == 0 {
		return "all is right"
	}
	return amount(v.Findings, "finding", "findings")
}
