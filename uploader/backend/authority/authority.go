package authority

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"shelfagent/uploader/ticket"
)

// Life of a device certificate.
const (
	DefaultValid = 7 * 24 * time.Hour
	MinValid     = time.Hour
	MaxValid     = 90 * 24 * time.Hour

	// backdate is how far a rig's clock may be behind this one.
	backdate = 10 * time.Minute
	// least is the shortest life that is worth signing for, when the authority itself ends.
	least = time.Hour
)

// ErrEnded says that the authority's own certificate leaves no time to sign for.
var ErrEnded = errors.New("the authority's own certificate has ended, or ends within the hour")

// Authority is a certificate with its key.
type Authority struct {
	chain []*x509.Certificate // the issuer, and what is between it and the root
	key   crypto.Signer
	valid time.Duration
}

// New makes an authority of the PEM of its certificate, with what is between it and the root, and of its key.
func New(certificate, key []byte, valid time.Duration) (*Authority, error) {
	if valid < MinValid || valid > MaxValid {
		return nil, fmt.Errorf("validity %s is not between %s and %s", valid, MinValid, MaxValid)
	}
	chain, err := readChain(certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	signer, err := readKey(key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(chain[0].PublicKey) {
		return nil, errors.New("the key is not the certificate's")
	}
	return &Authority{chain: chain, key: signer, valid: valid}, nil
}

// RigTemplate is what every rig's certificate says.
func RigTemplate(id ticket.Identity) *x509.Certificate {
	return &x509.Certificate{
		URIs:        []*url.URL{id.URI()},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// Sign makes a certificate for the rig and returns it, with what it takes to verify it below the root.
func (a *Authority) Sign(_ context.Context, key crypto.PublicKey, id ticket.Identity, now time.Time) ([]*x509.Certificate, error) {
	if err := errors.Join(id.Validate(), checkKey(key)); err != nil {
		return nil, err
	}
	ends := now.Add(a.valid)
	for _, issuer := range a.chain {
		if issuer.NotAfter.Before(ends) {
			ends = issuer.NotAfter
		}
	}
	if ends.Sub(now) < least || now.Before(a.chain[0].NotBefore) {
		return nil, fmt.Errorf("%w (it is good from %s to %s)", ErrEnded,
			a.chain[0].NotBefore.UTC().Format(time.RFC3339), a.chain[0].NotAfter.UTC().Format(time.RFC3339))
	}
	template := RigTemplate(id)
	template.SerialNumber = newSerial()
	template.NotBefore, template.NotAfter = now.Add(-backdate), ends
	der, err := x509.CreateCertificate(rand.Reader, template, a.chain[0], key, a.key)
	if err != nil {
		return nil, fmt.Errorf("signing for %s: %w", id, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("signing for %s: %w", id, err)
	}
	return append([]*x509.Certificate{leaf}, belowRoot(a.chain)...), nil
}

// Check says whether whoever trusts these roots believes what the authority signs.
func (a *Authority) Check(roots *x509.CertPool, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range a.chain[1:] {
		between.AddCert(c)
	}
	_, err := a.chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

// newSerial draws from 1 to 2^128-1; X.509 wants it positive.
func newSerial() *big.Int {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	serial := new(big.Int).SetBytes(raw[:])
	if serial.Sign() == 0 {
		serial.SetInt64(1)
	}
	return serial
}

// belowRoot leaves out certificates that vouch for themselves.
func belowRoot(chain []*x509.Certificate) (between []*x509.Certificate) {
	for _, c := range chain {
		if c.CheckSignatureFrom(c) != nil {
			between = append(between, c)
		}
	}
	return between
}
