package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
	"shelfagent/agent/doctor"
)

func doctorCommand() *cobra.Command {
	var file *string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [--config FILE]",
		Short: "Check every step from the capture folder to S3, and say what to do",
		Long: "Doctor walks the real path once: capture folder, state folder, status page, identity, the backend, S3. It\n" +
			"uploads nothing, and works whether the agent runs or not. Run it as the agent's user: what root may do says\n" +
			"little about what the agent may.\n\n" +
			"Exit codes: 0 all steps work, 1 a step fails, 2 wrong command line or configuration.",
		Example: "  sudo -u shelf-agent shelf-agent doctor\n  sudo -u shelf-agent shelf-agent doctor --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(*file)
			if err != nil {
				return err
			}
			return walk(cmd, c, asJSON)
		},
	}
	file = configFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document for each step")
	return cmd
}

func walk(cmd *cobra.Command, c *config.Config, asJSON bool) error {
	out := cmd.OutOrStdout()
	var failed, broken error
	doctor.Walk(cmd.Context(), c, func(r doctor.Result) {
		if r.Outcome == doctor.Fail {
			failed = exitError(exitFailed)
		}
		if asJSON {
			broken = json.NewEncoder(out).Encode(r)
			return
		}
		_, broken = fmt.Fprintf(out, "%-8s %s: %s\n", strings.ToUpper(string(r.Outcome)), r.Step, r.Saw)
		if r.Do != "" {
			_, broken = fmt.Fprintf(out, "         What to do: %s\n", r.Do)
		}
	})
	if broken != nil {
		return broken
	}
	return failed
}
