package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"shelfagent/uploader/ticket"
)

// ErrRequest marks a certificate signing request that cannot be granted. Errors that wrap it hold nothing of the
// request, and may be shown to who sent it.
var ErrRequest = errors.New("the certificate signing request cannot be granted")

// ReadRequest returns the public key of a certificate signing request (PKCS #10, RFC 2986), PEM, whose signature
// proves that its sender has the private one.
func ReadRequest(text string) (crypto.PublicKey, error) {
	if len(text) > ticket.MaxCSRBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrRequest, ticket.MaxCSRBytes)
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, fmt.Errorf("%w: it is not PEM of the type CERTIFICATE REQUEST", ErrRequest)
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, fmt.Errorf("%w: there is something after it", ErrRequest)
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be read", ErrRequest)
	}
	if err := checkKey(request.PublicKey); err != nil {
		return nil, err
	}
	if request.CheckSignature() != nil {
		return nil, fmt.Errorf("%w: its signature is not by its own key", ErrRequest)
	}
	return request.PublicKey, nil
}

func checkKey(key crypto.PublicKey) error {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return nil
		}
	}
	return fmt.Errorf("%w: its key is not ECDSA P-256, ECDSA P-384 or Ed25519", ErrRequest)
}
