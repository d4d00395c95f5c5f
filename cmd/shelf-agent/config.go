package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Print the commented reference configuration",
		Long:    "Config prints the reference configuration: every key, what it means, and its default." + exitCodesHelp,
		Example: "  shelf-agent config > /etc/shelf-agent/config.toml\n  shelf-agent config check",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(config.Reference)
			return err
		},
	}
	check := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration file without using it",
		Long: "Check reads a configuration file and says everything that is wrong with it, with line and column. It opens\n" +
			"no other file and no connection. It notes the cameras in it that have no folder in the capture folder yet, if it\n" +
			"may look there. Without FILE it checks " + defaultConfig + "." + exitCodesHelp,
		Example: "  shelf-agent config check\n  shelf-agent config check ./new.toml",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			file := defaultConfig
			if len(given) == 1 {
				file = given[0]
			}
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			for _, camera := range c.Strangers() {
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "note: [camera.%s] is for a camera that has no folder in %s; is it spelt like the folder? "+
					"Its masks cover no other camera's pictures.\n", camera, c.Capture.Dir)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", file)
			return err
		},
	}
	cmd.AddCommand(check)
	return cmd
}
