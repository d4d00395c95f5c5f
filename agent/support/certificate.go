package support

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"shelfagent/agent/config"
	"shelfagent/uploader/ticket"
)

// leaf reads the device certificate, which is public; of the key nothing is read here.
func leaf(c *config.Config) (*x509.Certificate, error) {
	text, err := readSome(c.Home().Certificate, maxSecretFile)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the device certificate is no PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// whose names the rig in the archive's name.
func whose(c *config.Config) string {
	cert, err := leaf(c)
	if err != nil {
		return "unknown-rig"
	}
	id, err := ticket.ParseIdentity(cert)
	if err != nil {
		return "unknown-rig"
	}
	return id.Store + "-" + id.Rig
}

func certificate(c *config.Config) Part {
	p := Part{Name: "certificate.txt", About: "What the device certificate says, and who may read the key; not the key."}
	var out strings.Builder
	home := c.Home()
	for name, file := range map[string]string{"device certificate": home.Certificate, "device key": home.Key} {
		info, err := os.Stat(file)
		if err != nil {
			fmt.Fprintf(&out, "%s: %v\n", name, err)
			continue
		}
		fmt.Fprintf(&out, "%s: %s, mode %#o, %s, changed %s\n", name, file, info.Mode().Perm(), owner(info), info.ModTime().UTC().Format(time.RFC3339))
	}
	cert, err := leaf(c)
	if err != nil {
		p.Missing = err.Error()
	} else {
		fmt.Fprintf(&out, "names: %v\nserial: %x\nsigned by: %s\nfrom: %s\nuntil: %s\nSHA-256: %x\n", cert.URIs, cert.SerialNumber, cert.Issuer,
			cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339), sha256.Sum256(cert.Raw))
	}
	p.Text = []byte(out.String())
	return p
}
