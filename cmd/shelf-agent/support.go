package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/agent/support"
)

func supportCommand() *cobra.Command {
	var file *string
	var output string
	cmd := &cobra.Command{
		Use:   "support [--output FILE]",
		Short: "Put what helps others to help into one archive, without secrets or pictures",
		Long: "Support gathers status, conditions, numbers of the queue, configuration, certificate, disks, network, versions and\n" +
			"the last of the log in one archive, rig and time in its name, in the present folder. It needs no network, and works\n" +
			"whether the agent runs or not. Secrets are taken out; pictures, payloads and keys are never in it. What it holds, and\n" +
			"what was taken out, is printed, and stands in its README.txt: look before you send it. Run it as root: the journal\n" +
			"and the agent are not for everybody to ask. An archive that is there already is not touched.\n\n" +
			"Exit codes: 0 done, also when something could not be had, which is said; 1 failed, 2 wrong command line.",
		Example: "  sudo shelf-agent support\n  sudo shelf-agent support --output /media/usb/rig.tar.gz",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			b := support.Gather(cmd.Context(), support.Options{Config: *file, Version: versionText(), Unit: serviceName, Now: now})
			at := cmp.Or(output, b.Name+".tar.gz")
			if err := b.Write(at, now); err != nil {
				return supportHint(err, at)
			}
			s := &sheet{out: cmd.OutOrStdout()}
			for _, line := range b.Contents() {
				s.line(plain(line))
			}
			s.line("")
			s.line(at + " is made; only its owner can read it.")
			s.line("To look at it before it is sent: tar -xzf " + at)
			return s.err
		},
	}
	file = configFlag(cmd)
	cmd.Flags().StringVar(&output, "output", "", "the archive's `FILE`, instead of one named after rig and time")
	return cmd
}

func supportHint(err error, at string) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return hinted(fmt.Errorf("%s is there already, and was not touched", at), "name another with --output FILE, or take that one away.")
	case errors.Is(err, fs.ErrPermission):
		return hinted(fmt.Errorf("this user may not make %s", at), "go to a folder of your own, or name one: --output /tmp/rig.tar.gz")
	case errors.Is(err, fs.ErrNotExist):
		return hinted(fmt.Errorf("there is no folder for %s", at), "make it, or name another with --output FILE.")
	default:
		return hinted(fmt.Errorf("making %s: %w", at, err), "name a place on another disk with --output FILE.")
	}
}
