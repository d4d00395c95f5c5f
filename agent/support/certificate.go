package support

import (
	"context"
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

// device is the device certificate, and what its part says.
type device struct {
	cert *x509.Certificate // nil when it could not be read
	part Part
}

// lookAtDevice asks the disk once for both.
func lookAtDevice(ctx context.Context, most time.Duration, c *config.Config) device {
	p := Part{Name: "certificate.txt", About: "What the device certificate says, and who may read the key; not the key.", Missing: noAnswer}
	return inTime(ctx, most, []string{""}, device{part: p}, func(string) device {
		cert, err := leaf(c)
		p.Text, p.Missing = certificate(c, cert), ""
		if err != nil {
			p.Missing = err.Error()
		}
		return device{cert, p}
	})[0]
}

// whose names the rig in the archive's name.
func (d device) whose() string {
	if d.cert == nil {
		return "unknown-rig"
	}
	id, err := ticket.ParseIdentity(d.cert)
	if err != nil {
		return "unknown-rig"
	}
	return id.Store + "-" + id.Rig
}

// certificate tells of what cert is, which may be nil, and of its files.
func certificate(c *config.Config, cert *x509.Certificate) []byte {
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
	if cert != nil {
		fmt.Fprintf(&out, "names: %v\nserial: %x\nsigned by: %s\nfrom: %s\nuntil: %s\nSHA-256: %x\n", cert.URIs, cert.SerialNumber, cert.Issuer,
			cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339), sha256.Sum256(cert.Raw))
	}
	return []byte(out.String())
}
