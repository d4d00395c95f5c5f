package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"text/tabwriter"
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

func listCommand() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list --config FILE",
		Short: "List the rigs: certificate, last seen, revoked",
		Long: "List shows every rig that was invited or seen: the serial number and the end of the certificate that it showed\n" +
			"last, when it was last admitted (to within five minutes), and what is to be said of it." + rigLong,
		Example: "  shelf-backend rig list --config backend.toml\n  shelf-backend rig list --config backend.toml --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withOffice(cmd, file, func(_ *settings, office registry.Office) error {
				found, err := office.Rigs(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), struct {
						Rigs []registry.Entry `json:"rigs"`
					}{append([]registry.Entry{}, found...)})
				}
				return writeRigs(cmd.OutOrStdout(), found, time.Now())
			})
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the server's configuration `FILE` (TOML)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return cmd
}

func writeRigs(w io.Writer, found []registry.Entry, now time.Time) error {
	if len(found) == 0 {
		_, err := fmt.Fprintln(w, "no rigs yet; invite one with: shelf-backend rig invite")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STORE\tRIG\tCERTIFICATE\tENDS\tLAST SEEN\t") // Flush returns the error
	for _, rig := range found {
		serial, ends := "-", time.Time{}
		if rig.Certificate != nil {
			serial, ends = rig.Certificate.Serial, rig.Certificate.NotAfter
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", rig.Store, rig.Rig.Rig, serial, shown(ends), shown(rig.Seen), state(rig, now))
	}
	return table.Flush()
}

// state is what is to be said of a rig; nothing of one that works.
func state(rig registry.Entry, now time.Time) string {
	switch {
	case rig.Revoked != nil && rig.InvitedUntil.After(now):
		return "revoked, invited again until " + shown(rig.InvitedUntil)
	case rig.Revoked != nil && rig.Revoked.Reason != "":
		return fmt.Sprintf("revoked %s: %s", shown(rig.Revoked.At), rig.Revoked.Reason)
	case rig.Revoked != nil:
		return "revoked " + shown(rig.Revoked.At)
	case rig.InvitedUntil.After(now):
		return "invited until " + shown(rig.InvitedUntil)
	case rig.Certificate == nil:
		return "was invited, has not enrolled"
	case rig.Certificate.NotAfter.Before(now):
		return "its certificate has ended"
	}
	return ""
}

func shown(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(timeShown)
}

func revokeCommand() *cobra.Command {
	var file, serial, reason string
	var rig registry.Rig
	var unknown bool
	cmd := &cobra.Command{
		Use:   "revoke --config FILE (--store S --rig R | --serial X)",
		Short: "Refuse a rig, or one certificate, from its next request on",
		Long: "Revoke refuses every certificate that a rig has, or one certificate by its serial number, from the next request\n" +
			"on, whatever connections are open. It is not undone: a rig comes back by a new invitation, made after this, and\n" +
			"with a new certificate. The rig keeps its frames meanwhile.\n" +
			"Where a machine or its key may be in other hands, revoke the rig: a certificate may have been renewed by whoever\n" +
			"has the key, and --serial refuses only the one." + rigLong,
		Example: "  shelf-backend rig revoke --config backend.toml --store 4711 --rig left --reason stolen\n" +
			"  shelf-backend rig revoke --config backend.toml --serial 3f:a0:17:…",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(reason) > registry.MaxReason {
				return usageError{fmt.Errorf("--reason has %d bytes, at most %d fit", len(reason), registry.MaxReason)}
			}
			if serial != "" && rig != (registry.Rig{}) {
				return usageError{errors.New("--serial is one certificate, --store and --rig all of a rig's; give one or the other")}
			}
			if serial != "" {
				if _, err := registry.ParseSerial(serial); err != nil {
					return usageError{err}
				}
				return withOffice(cmd, file, func(_ *settings, office registry.Office) error {
					return revokeSerial(cmd, office, serial, reason)
				})
			}
			if err := needRig(rig); err != nil {
				return err
			}
			return withOffice(cmd, file, func(_ *settings, office registry.Office) error {
				return revokeRig(cmd, office, rig, reason, unknown)
			})
		},
	}
	rigFlags(cmd, &file, &rig)
	cmd.Flags().StringVar(&serial, "serial", "", "serial `NUMBER` of one certificate, in hex")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the list and the log")
	cmd.Flags().BoolVar(&unknown, "unknown", false, "revoke the rig even if it was never invited or seen")
	return cmd
}

func revokeRig(cmd *cobra.Command, office registry.Office, rig registry.Rig, reason string, unknown bool) error {
	err := office.RevokeRig(cmd.Context(), rig, reason, unknown, time.Now())
	if errors.Is(err, registry.ErrUnknownRig) {
		return fmt.Errorf("rig %s was never invited or seen: see `shelf-backend rig list`; if it is meant all the same, add --unknown", rig)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Rig %s is refused from its next request on, with every certificate that it has.\n"+
		"This is not undone. To let it in again, with a new certificate:\n\n"+
		"  shelf-backend rig invite --config %s --store %s --rig %s\n", rig, cmd.Flag("config").Value, rig.Store, rig.Rig)
	return err
}

func revokeSerial(cmd *cobra.Command, office registry.Office, serial, reason string) error {
	rig, err := office.RevokeCertificate(cmd.Context(), serial, reason, time.Now())
	if err != nil {
		return err
	}
	whose := "a certificate that this registry has not issued"
	if rig != (registry.Rig{}) {
		whose = "of rig " + rig.String()
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Certificate %s, %s, is refused from its next request on. Other certificates of that rig stay good:\n"+
		"if its key may be in other hands, revoke the rig.\n", serial, whose)
	return err
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
