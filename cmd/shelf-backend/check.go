package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"shelfagent/uploader/backend/bucket"
)

// exitUnseen of check: nothing is wrong with what could be seen.
const exitUnseen = 3

func checkCommand() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Is the bucket what it must be?",
		Long: "Check looks at the bucket's default encryption and its key, bucket key, Object Lock, Block Public Access,\n" +
			"versioning, ownership, and whether its policy refuses plain HTTP. It changes nothing. What the AWS credentials\n" +
			"may not see is reported as unseen, with the permission that would show it.\n\n" +
			"Exit codes: 0 nothing is wrong (there may be warnings), 1 something is, 2 wrong command line or configuration,\n" +
			"3 nothing is wrong with what could be seen, but not all could.",
		Example: "  shelf-backend check --config backend.toml\n  shelf-backend check --config backend.toml --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := openBucket(cmd, config)
			if err != nil {
				return err
			}
			return inspect(cmd, b, asJSON)
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "the backend's configuration `FILE` (TOML)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document for each check")
	return cmd
}

func inspect(cmd *cobra.Command, b *bucket.Bucket, asJSON bool) error {
	seen := map[bucket.Outcome]int{}
	var broken error
	b.Check(cmd.Context(), func(f bucket.Finding) {
		seen[f.Outcome]++
		broken = errors.Join(broken, tell(cmd.OutOrStdout(), f, asJSON))
	})
	switch {
	case broken != nil:
		return broken
	case seen[bucket.Fail] > 0:
		return exitError{fmt.Errorf("%d of the settings are not what they must be", seen[bucket.Fail]), exitFailed}
	case seen[bucket.Unseen] > 0:
		return exitError{fmt.Errorf("%d of the settings could not be seen", seen[bucket.Unseen]), exitUnseen}
	}
	return nil
}

func tell(out io.Writer, f bucket.Finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(f)
	}
	text := fmt.Sprintf("%-8s %s: %s\n", strings.ToUpper(string(f.Outcome)), f.Check, f.Saw)
	if f.Do != "" {
		text += fmt.Sprintf("         What to do: %s\n", f.Do)
	}
	_, err := io.WriteString(out, text)
	return err
}
