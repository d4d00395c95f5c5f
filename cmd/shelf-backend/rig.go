package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/uploader/backend/registry"
)

const (
	rigLong = "\n\nWhere the registry is a file, this asks the running server through its Unix socket, as its owner or as root;\n" +
		"without a running server it opens the file itself. It says on stderr which it did." + exitCodesHelp
	timeShown = "2006-01-02 15:04 MST"
)

func rigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rig",
		Short:   "Invite, list and revoke rigs",
		Long:    "Rig works on the registry that [registry] in the configuration names." + rigLong,
		Example: "  shelf-backend rig invite --config backend.toml --store 4711 --rig left\n  shelf-backend rig list --config backend.toml",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Help(), usageError{errors.New("which command?")})
		},
	}
	cmd.AddCommand(inviteCommand(), listCommand(), revokeCommand())
	return cmd
}

// withOffice runs do on the configured registry.
func withOffice(cmd *cobra.Command, file string, do func(*settings, registry.Office) error) (err error) {
	if file == "" {
		return usageError{errors.New("--config FILE is needed, the server's own")}
	}
	s, err := loadSettings(file)
	if err != nil {
		return usageError{err}
	}
	office, end, err := s.openOffice(cmd.Context(), func(text string) { _, _ = fmt.Fprintln(cmd.ErrOrStderr(), text) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	return do(s, office)
}

// rigFlags are common to the commands that are about one rig.
func rigFlags(cmd *cobra.Command, file *string, rig *registry.Rig) {
	cmd.Flags().StringVar(file, "config", "", "the server's configuration `FILE` (TOML)")
	cmd.Flags().StringVar(&rig.Store, "store", "", "store `ID` of the rig")
	cmd.Flags().StringVar(&rig.Rig, "rig", "", "rig `ID`")
}

func needRig(rig registry.Rig) error {
	if rig.Store == "" || rig.Rig == "" {
		return usageError{errors.New("--store and --rig say which rig; both are needed")}
	}
	if err := rig.Validate(); err != nil {
		return usageError{err}
	}
	return nil
}

func inviteCommand() *cobra.Command {
	var file string
	var rig registry.Rig
	var valid time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "invite --config FILE --store S --rig R",
		Short: "Make a one-time code by which a machine becomes a rig",
		Long: "Invite prints a code, and the command to type on the rig. Whoever has the code can become this rig, once,\n" +
			"until the invitation ends; the code is shown this once, only its hash is kept. An invitation that is made after\n" +
			"a rig was revoked lets the rig in again, with a new certificate; its old ones stay refused.\n" +
			"Certificates that the rig has already stay good: to replace a machine that is in other hands, revoke first." + rigLong,
		Example: "  shelf-backend rig invite --config backend.toml --store 4711 --rig left\n" +
			"  shelf-backend rig invite --config backend.toml --store 4711 --rig left --valid 2h",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needRig(rig); err != nil {
				return err
			}
			if valid < registry.MinValid || valid > registry.MaxValid {
				return usageError{fmt.Errorf("--valid %s is not between %s and %s", valid, registry.MinValid, registry.MaxValid)}
			}
			return withOffice(cmd, file, func(s *settings, office registry.Office) error {
				if !s.enrols() {
					return usageError{errors.New("there is no [enrolment] in this configuration, so that no code could be used")}
				}
				made, err := office.Invite(cmd.Context(), rig, valid, time.Now())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), made)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "Rig %s may enrol once, until %s. Type this on the rig:\n\n"+
					"  sudo shelf-agent enroll --backend %s --code %s\n\nThe code is shown this once. Whoever has it can become this rig.\n",
					rig, made.Until.Local().Format(timeShown), s.Enrolment.URL, made.Code)
				return err
			})
		},
	}
	rigFlags(cmd, &file, &rig)
	cmd.Flags().DurationVar(&valid, "valid", registry.DefaultValid, "how long the code is good")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func writeJSON(w io.Writer, document any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// isAbsent tells a server that is not there from one that may not be asked.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// hint adds what to do to the reason for which a registry cannot be opened.
func hint(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; start the server once, which makes it", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; run this as its owner, or as root", err)
	}
	return err
}
