package ticket

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// ErrEnrollment marks an answer that holds no certificate for the rig that asked. Nothing of it may be used.
var ErrEnrollment = errors.New("the backend's answer holds no device certificate for this rig")

// ClockError says that a certificate which was issued just now is not valid now, by the clock of this rig: one of
// the two clocks is wrong.
type ClockError struct{ Now, NotBefore, NotAfter time.Time }

func (e *ClockError) Error() string {
	const minute = "2006-01-02 15:04 MST"
	return fmt.Sprintf("the new certificate is valid from %s to %s, but this machine's clock says %s",
		e.NotBefore.UTC().Format(minute), e.NotAfter.UTC().Format(minute), e.Now.UTC().Format(minute))
}

// Issued is a device certificate that passed every check.
type Issued struct {
	// PEM is the certificate and its chain, leaf first, and nothing else.
	PEM  []byte
	Leaf *x509.Certificate
	// Name is whom it names.
	Name Identity
}

// maxEnrollmentBytes bounds an Enrollment on the wire: JSON spells the line ends of PEM with two letters each.
const maxEnrollmentBytes = 2*MaxCertificateBytes + 4<<10

// maxChain is how many certificates an Enrollment may hold.
const maxChain = 8

// ReadEnrollment reads an Enrollment and holds it against the key that was in the CSR and the time. Its error wraps
// ErrEnrollment, or is a *ClockError, or is one of r.
func ReadEnrollment(r io.Reader, public crypto.PublicKey, now time.Time) (*Issued, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxEnrollmentBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the backend's answer: %w", err)
	}
	if len(body) > maxEnrollmentBytes {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrEnrollment, maxEnrollmentBytes)
	}
	var answer Enrollment
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: it is not the expected JSON", ErrEnrollment)
	}
	return answer.verify(public, now)
}

func (e Enrollment) verify(public crypto.PublicKey, now time.Time) (*Issued, error) {
	chain, err := parseChain([]byte(e.Certificate))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnrollment, err)
	}
	leaf := chain[0]
	name, err := ParseIdentity(leaf)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnrollment, err)
	}
	switch {
	case !sameKey(leaf.PublicKey, public):
		return nil, fmt.Errorf("%w: the certificate is for another key", ErrEnrollment)
	case name.Store != e.Store || name.Rig != e.Rig:
		return nil, fmt.Errorf("%w: the certificate is for store %s, rig %s, the answer for store %.80q, rig %.80q",
			ErrEnrollment, name.Store, name.Rig, e.Store, e.Rig)
	case !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return nil, fmt.Errorf("%w: the certificate is not for the client's side of TLS", ErrEnrollment)
	case !leaf.NotAfter.Equal(e.NotAfter.Truncate(time.Second)):
		return nil, fmt.Errorf("%w: the certificate ends at %s, the answer says %s", ErrEnrollment,
			leaf.NotAfter.UTC().Format(time.RFC3339), e.NotAfter.UTC().Format(time.RFC3339))
	case !leaf.NotAfter.After(leaf.NotBefore):
		return nil, fmt.Errorf("%w: the certificate ends before it begins", ErrEnrollment)
	case now.Before(leaf.NotBefore) || !now.Before(leaf.NotAfter):
		return nil, &ClockError{Now: now, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter}
	}
	return &Issued{PEM: encodeChain(chain), Leaf: leaf, Name: name}, nil
}

// parseChain reads certificates in PEM, and refuses everything else beside them.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	if len(text) > MaxCertificateBytes {
		return nil, fmt.Errorf("the certificate is longer than %d bytes", MaxCertificateBytes)
	}
	var chain []*x509.Certificate
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		switch {
		case block == nil:
			return nil, errors.New("the certificate is not PEM")
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("there is a PEM block of type %.40q beside the certificate", block.Type)
		case len(chain) == maxChain:
			return nil, fmt.Errorf("there are more than %d certificates", maxChain)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("the certificate cannot be read")
		}
		chain, text = append(chain, cert), rest
	}
	if len(chain) == 0 {
		return nil, errors.New("there is no certificate in it")
	}
	return chain, nil
}

// encodeChain writes what was read, and none of what may have stood around it.
func encodeChain(chain []*x509.Certificate) []byte {
	var text []byte
	for _, cert := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return text
}

// sameKey compares public keys; every kind of them in the standard library can.
func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
