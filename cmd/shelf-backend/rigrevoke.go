package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/uploader/backend/registry"
)

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
