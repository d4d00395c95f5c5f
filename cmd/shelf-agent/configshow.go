package main

import (
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"shelfagent/agent/config"
)

func configShowCommand() *cobra.Command {
	var changed bool
	cmd := &cobra.Command{
		Use:   "show [FILE] [--changed]",
		Short: "Show every value that is in force, and what has set it",
		Long: "Show reads a configuration as the agent does, the environment of this command over it, and prints every value\n" +
			"with what has set it: the file and line, an environment variable, or nobody, which is the default. What it prints is\n" +
			"a configuration file again. It shows the names of files with keys and tokens, never what is in them; the\n" +
			"configuration itself holds no secret. Without FILE it reads " + defaultConfig + "." + exitCodesHelp,
		Example: "  shelf-agent config show | grep upload\n  shelf-agent config show --changed\n" +
			"  SHELF_AGENT_UPLOAD_RATE=\"256 KiB\" shelf-agent config show ./new.toml",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			c, err := loadConfig(fileOf(given))
			if err != nil {
				return err
			}
			return showValues(cmd.OutOrStdout(), c.Values(), changed)
		},
	}
	cmd.Flags().BoolVar(&changed, "changed", false, "leave out what has its default")
	return cmd
}

// widest is how far to the right the origins stand at most.
const widest = 60

func showValues(out io.Writer, values []config.Value, changed bool) error {
	width := 0
	var lines [][2]string
	for _, v := range values {
		if changed && !v.Changed {
			continue
		}
		line := v.Written + " = " + v.Text
		lines = append(lines, [2]string{line, v.From})
		width = max(width, min(utf8.RuneCountInString(line), widest))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(out, "%-*s  # %s\n", width, line[0], line[1]); err != nil {
			return err
		}
	}
	return nil
}

func configMigrateCommand() *cobra.Command {
	var write bool
	cmd := &cobra.Command{
		Use:   "migrate [FILE] [--write]",
		Short: "Show a configuration file of an older form as it is written today",
		Long: "Migrate prints a configuration file with the names that its keys have today, and says on stderr what has another\n" +
			"name. Values, comments and order stay. The agent reads older forms as they are, so there is no hurry. With --write\n" +
			"the file is replaced, and what it was is kept in FILE.old, or in FILE.old.2 and so on. Without FILE it reads\n" + defaultConfig + "." + exitCodesHelp,
		Example: "  shelf-agent config migrate\n  sudo shelf-agent config migrate --write",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return migrate(cmd.OutOrStdout(), cmd.ErrOrStderr(), fileOf(given), write)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "replace the file")
	return cmd
}

func migrate(out, aside io.Writer, file string, write bool) error {
	if _, err := loadConfig(file); err != nil {
		return err // what cannot be read is not written anew
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	present, edits := config.Present(raw)
	for _, e := range edits {
		_, _ = fmt.Fprintf(aside, "%s:%d: %s is now %s\n", file, e.Line, e.Key, e.Now())
	}
	if string(present) == string(raw) {
		_, _ = fmt.Fprintf(aside, "%s: is of the present form, schema %d\n", file, config.SchemaVersion)
	}
	if !write {
		_, err = out.Write(present)
		return err
	}
	if string(present) == string(raw) {
		return nil
	}
	old, err := config.Replace(file, present)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: written; what it was is in %s\n", file, old)
	return err
}
