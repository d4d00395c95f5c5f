package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
	"shelfagent/agent/patience"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the commented reference configuration, or write, check and show one",
		Long: "Config prints the reference configuration: every key, what it means, and its default. Its commands make a\n" +
			"configuration from it, check one, show what is in force, and bring one of an older form up to date.\n\n" +
			"The environment goes before the file: SHELF_AGENT_UPLOAD_RATE sets upload.rate, and so on for each key that is in no\n" +
			"list of tables. The elements of a list have commas between them. A variable that begins so and sets no key is a\n" +
			"mistake." + exitCodesHelp,
		Example: "  sudo shelf-agent config init\n  shelf-agent config check\n  shelf-agent config show --changed",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(config.Reference)
			return err
		},
	}
	cmd.AddCommand(configInitCommand(), configCheckCommand(), configShowCommand(), configMigrateCommand())
	return cmd
}

func configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration file without using it",
		Long: "Check reads a configuration file and says everything that is wrong with it, with line and column. It opens\n" +
			"no other file and no connection. It notes the cameras in it that have no folder in the capture folder yet, if it\n" +
			"may look there and the folder answers. Without FILE it checks " + defaultConfig + "." + exitCodesHelp,
		Example: "  shelf-agent config check\n  shelf-agent config check ./new.toml",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			file := fileOf(given)
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			for _, note := range c.Notes() {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
			}
			for _, camera := range strangers(cmd.Context(), c) {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "note: [camera.%s] is for a camera that has no folder in %s; is it spelt like the folder? "+
					"Its masks cover no other camera's pictures.\n", camera, c.Capture.Dir)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", file)
			return err
		},
	}
}

// strangersPatience is how long the capture folder is waited for: a reload waits for this command, and goes on without what is
// only a note.
const strangersPatience = 3 * time.Second

func strangers(ctx context.Context, c *config.Config) []string {
	ctx, cancel := context.WithTimeout(ctx, strangersPatience)
	defer cancel()
	return patience.Ask(ctx, nil, c.Strangers)()
}

// fileOf is the file that a command line names, or the service's.
func fileOf(given []string) string {
	if len(given) == 1 {
		return given[0]
	}
	return defaultConfig
}
