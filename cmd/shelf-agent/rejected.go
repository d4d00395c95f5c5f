package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
)

func rejectedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rejected",
		Short: "See the files that were rejected, and take them in again",
		Long: "Rejected is about the files that are no valid pictures, or that were held back because a privacy mask does not\n" +
			"fit them. They lie in the rejected folder, each with its reason, until they are too old or too many. It works\n" +
			"whether the agent runs or not." + exitCodesHelp,
		Example: "  sudo shelf-agent rejected list\n  sudo shelf-agent rejected retry --all --code mask_mismatch",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Help(), usageError{errors.New("which action?")})
		},
	}
	cmd.AddCommand(rejectedListCommand(), rejectedShowCommand(), rejectedRetryCommand())
	return cmd
}

// choice are the flags that choose rejected files.
type choice struct{ camera, code string }

func chooseFlags(cmd *cobra.Command) *choice {
	var c choice
	cmd.Flags().StringVar(&c.camera, "camera", "", "only files of this `CAMERA`")
	cmd.Flags().StringVar(&c.code, "code", "", "only files rejected with this `CODE`, as the list shows it")
	return &c
}

// rejectedFiles are the chosen files, oldest first.
func rejectedFiles(c *config.Config, chosen choice) ([]capture.Rejected, error) {
	all, err := capture.RejectedList(c.RejectedDir())
	if err != nil {
		return nil, hinted(err, "run this as root or as the agent's user: sudo …")
	}
	var list []capture.Rejected
	for _, r := range all {
		if (chosen.camera == "" || r.Camera == chosen.camera) && (chosen.code == "" || r.Code == chosen.code) {
			list = append(list, r)
		}
	}
	return list, nil
}

// rejectedFile is the file of a name: the one it has now, with or without its folders, or the one that it had, if that is
// unique.
func rejectedFile(c *config.Config, name string) (capture.Rejected, error) {
	all, err := rejectedFiles(c, choice{})
	if err != nil {
		return capture.Rejected{}, err
	}
	var found []capture.Rejected
	for _, r := range all {
		if r.File == name || path.Join(r.Camera, r.File) == name || filepath.Join(c.RejectedDir(), r.Camera, r.File) == name {
			return r, nil
		}
		if r.Source == name || path.Base(r.Source) == name {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return capture.Rejected{}, hinted(fmt.Errorf("no rejected file is called %s", name), "`shelf-agent rejected list` shows all.")
	default:
		return capture.Rejected{}, hinted(fmt.Errorf("%d rejected files were called %s", len(found), name),
			"name it as `shelf-agent rejected list` does.")
	}
}

func rejectedListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the rejected files, oldest first",
		Long:    "List prints when each file was rejected, in UTC, why, and the name that it has now." + exitCodesHelp,
		Example: "  sudo shelf-agent rejected list --camera till\n  sudo shelf-agent rejected list --json",
		Args:    args(cobra.NoArgs),
	}
	file, chosen := configFlag(cmd), chooseFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document for each file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := loadConfig(*file)
		if err != nil {
			return err
		}
		list, err := rejectedFiles(c, *chosen)
		if err != nil {
			return err
		}
		return printRejected(cmd.OutOrStdout(), list, asJSON)
	}
	return cmd
}

const rejectedRow = "%-19s  %-12s  %-18s  %7s  %s\n"

func printRejected(out io.Writer, list []capture.Rejected, asJSON bool) error {
	if asJSON {
		var err error
		for _, r := range list {
			err = errors.Join(err, json.NewEncoder(out).Encode(r))
		}
		return err
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "no rejected files")
		return err
	}
	_, err := fmt.Fprintf(out, rejectedRow, "REJECTED (UTC)", "CAMERA", "CODE", "SIZE", "NAME")
	for _, r := range list {
		_, rowErr := fmt.Fprintf(out, rejectedRow, clock(r.At), fit(r.Camera, 12), fit(r.Code, 18), size(r.Size), plain(r.File))
		err = errors.Join(err, rowErr)
	}
	return err
}

func rejectedShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show why a file was rejected",
		Long: "Show prints what is known of one rejected file. NAME is what the list shows, or the name that the camera gave it." +
			exitCodesHelp,
		Example: "  sudo shelf-agent rejected show 20261122T011803.000Z-9f3c1d2a-a.jpg\n  sudo shelf-agent rejected show a.jpg --json",
		Args:    args(cobra.ExactArgs(1)),
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the JSON document that lies beside the file")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		c, err := loadConfig(*file)
		if err != nil {
			return err
		}
		r, err := rejectedFile(c, given[0])
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), r)
		}
		s := &sheet{out: cmd.OutOrStdout()}
		s.row("Code", r.Code)
		s.row("Reason", r.Sentence)
		s.row("Detail", r.Detail)
		s.row("Rejected", clock(r.At)+" UTC")
		s.row("Camera", r.Camera)
		s.row("Was", r.Source)
		s.row("Modified", clock(r.Modified)+" UTC")
		s.row("Size", fmt.Sprintf("%s (%d bytes)", size(r.Size), r.Size))
		s.row("SHA-256", r.SHA256)
		s.row("Lies in", c.RejectedDir())
		s.row("Name", path.Join(r.Camera, r.File))
		return s.err
	}
	return cmd
}

func rejectedRetryCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry NAME | retry --all",
		Short: "Put rejected files back into the capture folder, to be taken in again",
		Long: "Retry is for when the cause has been removed: the limits or masks of the configuration were corrected, and the\n" +
			"agent restarted. The file goes back to where it was found, under a similar name if its own is taken. --camera and\n" +
			"--code narrow --all." + exitCodesHelp,
		Example: "  sudo shelf-agent rejected retry a.jpg\n  sudo shelf-agent rejected retry --all --camera till --code mask_mismatch",
		Args:    args(cobra.MaximumNArgs(1)),
	}
	file, chosen := configFlag(cmd), chooseFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all rejected files")
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		switch {
		case all == (len(given) == 1):
			return usageError{fmt.Errorf("name one file, or --all (see: %s --help)", cmd.CommandPath())}
		case !all && *chosen != choice{}:
			return usageError{errors.New("--camera and --code go with --all only")}
		}
		c, err := loadConfig(*file)
		if err != nil {
			return err
		}
		list, err := rejectedFiles(c, *chosen)
		if !all {
			var one capture.Rejected
			one, err = rejectedFile(c, given[0])
			list = []capture.Rejected{one}
		}
		if err != nil {
			return err
		}
		return retryRejected(cmd.OutOrStdout(), c, list)
	}
	return cmd
}

// retryRejected goes on after a file that cannot be moved: the others may.
func retryRejected(out io.Writer, c *config.Config, list []capture.Rejected) error {
	var failed error
	for _, r := range list {
		to, err := capture.RejectedRetry(c.RejectedDir(), c.Capture.Dir, r)
		if err == nil {
			_, err = fmt.Fprintln(out, plain(to))
		}
		failed = errors.Join(failed, err)
	}
	if len(list) == 0 {
		_, failed = fmt.Fprintln(out, "no rejected files")
	}
	if errors.Is(failed, fs.ErrNotExist) {
		return hinted(failed, "create the capture folder, or mount its disk; or correct capture.dir. The file stays where it is.")
	}
	return hinted(failed, "run this as root or as the agent's user: sudo …")
}
