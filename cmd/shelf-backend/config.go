package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Print the commented reference configuration",
		Long:    "Config prints the reference configuration: every key, what it means, and its default." + exitCodesHelp,
		Example: "  shelf-backend config > backend.toml\n  shelf-backend config check backend.toml",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(reference)
			return err
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check FILE",
		Short: "Check a configuration file without using it",
		Long: "Check reads a configuration file and says what is wrong with it, with line and column. It does not\n" +
			"open the certificates and does not talk to AWS." + exitCodesHelp,
		Example: "  shelf-backend config check /etc/shelf-backend/backend.toml",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if _, err := loadSettings(given[0]); err != nil {
				return usageError{err}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: ok\n", given[0])
			return err
		},
	})
	return cmd
}
