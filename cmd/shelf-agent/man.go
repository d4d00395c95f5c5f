package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual pages, for the packages that bring them. Their date is SOURCE_DATE_EPOCH, or today.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Hidden: true, Short: "Write the manual pages into a folder",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			if err := os.MkdirAll(given[0], 0o755); err != nil {
				return err
			}
			return doc.GenManTree(manual(), &doc.GenManHeader{
				Section: "1", Source: "shelf-agent " + versionText(), Manual: "shelf-agent",
			}, given[0])
		},
	}
}

// manual is every command, its help as the Markdown that manual pages are made from.
func manual() *cobra.Command {
	root := rootCommand()
	root.DisableAutoGenTag = true
	root.CompletionOptions.DisableDefaultCmd = true
	var rewrite func(*cobra.Command)
	rewrite = func(cmd *cobra.Command) {
		cmd.Long = manText(cmd.Long)
		for _, sub := range cmd.Commands() {
			rewrite(sub)
		}
	}
	rewrite(root)
	root.Long += manFiles
	return root
}

var manFiles = `

# FILES
` + "`" + defaultConfig + "`" + `: the configuration, each key explained in it.

` + "`/var/lib/shelf-agent`" + `: the queue, the device key and certificate, rejected files.

` + "`/lib/systemd/system/shelf-agent.service`" + `: the service, each of its limits with the reason.`

var (
	markdown    = regexp.MustCompile("[<*_]")
	manExitCode = regexp.MustCompile(`(?:^|, )(\d) `)
)

// manText gives the exit codes the section where manual pages have them.
func manText(help string) string {
	text, codes, _ := strings.Cut(help, "\n\nExit codes: ")
	text = markdown.ReplaceAllString(text, `\$0`)
	if codes != "" {
		text += "\n\n# EXIT STATUS\n" + manExitCode.ReplaceAllString(codes, "\n\n**$1**: ")
	}
	return text
}
