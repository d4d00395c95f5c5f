package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/uploader/backend/registry"
)

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
