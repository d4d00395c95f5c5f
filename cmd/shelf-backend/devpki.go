package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"shelfagent/uploader/backend/devpki"
)

func devPKICommand() *cobra.Command {
	var stores, rigs []string
	var o devpki.Options
	cmd := &cobra.Command{
		Use:   "dev-pki DIR [--store S --rig R]...",
		Short: "Make certificates for development and tests",
		Long: "Dev-pki makes an authority, a server certificate and a client certificate for each rig. It is for\n" +
			"development and tests only: the authority's key lies unencrypted in the folder. In a folder that has\n" +
			"an authority already, it adds the rigs. The first --store goes with the first --rig, and so on; one\n" +
			"--store serves several --rig." + exitCodesHelp,
		Example: "  shelf-backend dev-pki pki --store 4711 --rig left --rig right\n" +
			"  shelf-backend dev-pki pki --store 0815 --rig left   # later: one more rig",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			var err error
			if o.Rigs, err = pairUp(stores, rigs); err != nil {
				return usageError{err}
			}
			return makePKI(cmd, given[0], o)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&stores, "store", nil, "store id of a rig; may be repeated")
	flags.StringArrayVar(&rigs, "rig", nil, "rig id; may be repeated")
	flags.StringArrayVar(&o.Hosts, "host", nil, "name or address of the server (default localhost, 127.0.0.1, ::1); may be repeated")
	flags.StringVar(&o.TrustDomain, "trust-domain", devpki.DefaultTrustDomain, "host part of the rigs' identities")
	flags.DurationVar(&o.Valid, "valid", devpki.DefaultValid.Round(time.Hour), "how long the certificates last")
	flags.BoolVar(&o.Overwrite, "overwrite", false, "replace keys that exist")
	return cmd
}

// pairUp makes rigs of the flags, in their order.
func pairUp(stores, rigs []string) ([]devpki.Rig, error) {
	if len(stores) != len(rigs) && (len(stores) != 1 || len(rigs) == 0) {
		return nil, fmt.Errorf("%d --store for %d --rig: give one --store for all, or one for each", len(stores), len(rigs))
	}
	var paired []devpki.Rig
	for i, rig := range rigs {
		paired = append(paired, devpki.Rig{Store: stores[min(i, len(stores)-1)], Rig: rig})
	}
	return paired, nil
}

func makePKI(cmd *cobra.Command, dir string, o devpki.Options) error {
	var pki *devpki.PKI
	var err error
	if devpki.Exists(dir) && !o.Overwrite {
		pki, err = addRigs(cmd, dir, o)
	} else {
		pki, err = devpki.Create(dir, o)
	}
	if errors.Is(err, devpki.ErrExists) {
		return fmt.Errorf("%w; --overwrite makes a new authority, and what is in %s worthless", err, dir)
	}
	if err != nil {
		return err
	}
	return describe(cmd.OutOrStdout(), pki, o.Rigs)
}

func addRigs(cmd *cobra.Command, dir string, o devpki.Options) (*devpki.PKI, error) {
	if len(o.Rigs) == 0 || len(o.Hosts) > 0 {
		return nil, fmt.Errorf("%s has an authority and a server certificate, only rigs can be added: %w", dir, devpki.ErrExists)
	}
	pki, err := devpki.Open(dir)
	if err != nil {
		return nil, err
	}
	if cmd.Flags().Changed("trust-domain") && o.TrustDomain != pki.TrustDomain {
		return nil, usageError{fmt.Errorf("the authority in %s is of trust domain %s, not %s", dir, pki.TrustDomain, o.TrustDomain)}
	}
	for _, rig := range o.Rigs {
		if _, err := pki.AddRig(rig, false); err != nil {
			return nil, err
		}
	}
	return pki, nil
}

func describe(w io.Writer, pki *devpki.PKI, rigs []devpki.Rig) error {
	text := fmt.Sprintf(`Certificates for development and tests only: %s holds the authority's key, unencrypted.

  authority          %s
  server             %s
                     %s
`, pki.Dir, pki.CA.Cert, pki.Server.Cert, pki.Server.Key)
	for _, rig := range rigs {
		files := pki.RigFiles(rig)
		text += fmt.Sprintf("  %-18s %s\n                     %s\n", rig.Store+"/"+rig.Rig, files.Cert, files.Key)
	}
	text += fmt.Sprintf(`
Next:

  shelf-backend config > backend.toml
      then set, in backend.toml:
      listen.certificate    = %q
      listen.key            = %q
      listen.client_ca      = %q
      identity.trust_domain = %q
  shelf-backend serve --config backend.toml
`, pki.Server.Cert, pki.Server.Key, pki.CA.Cert, pki.TrustDomain)
	if len(rigs) > 0 {
		files := pki.RigFiles(rigs[0])
		text += fmt.Sprintf("  curl --cacert %s --cert %s --key %s https://localhost:8443/healthz\n",
			pki.CA.Cert, files.Cert, files.Key)
	}
	_, err := io.WriteString(w, text)
	return err
}
