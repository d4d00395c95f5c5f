package ticket

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// ErrIdentity marks a certificate that does not say who the rig is. Errors that wrap it name the reason.
var ErrIdentity = errors.New("certificate names no rig")

// Identity is who a rig is. It comes from a verified certificate and from nowhere else.
type Identity struct {
	// TrustDomain is the name of those who issue the certificates, such as shelf.example.com.
	TrustDomain string
	// Store and Rig are ids, [a-z0-9][a-z0-9._-]{0,62}.
	Store string
	Rig   string
}

// The character sets are those of SPIFFE-ID (sections 2.1 and 2.2); ids are narrower than its path
// segments, because they also become parts of object keys.
var (
	idPattern          = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	trustDomainPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,254}$`)
)

// ValidID reports whether s is a store, rig or camera id: [a-z0-9][a-z0-9._-]{0,62}.
func ValidID(s string) bool { return idPattern.MatchString(s) }

// ValidTrustDomain reports whether s is a trust domain: a host name in lower case, at most 255 bytes.
func ValidTrustDomain(s string) bool { return trustDomainPattern.MatchString(s) }

// URI is the identity's SPIFFE id, spiffe://<trust domain>/store/<store>/rig/<rig>.
func (id Identity) URI() *url.URL {
	return &url.URL{Scheme: "spiffe", Host: id.TrustDomain, Path: "/store/" + id.Store + "/rig/" + id.Rig}
}

// String is the SPIFFE id as text.
func (id Identity) String() string { return id.URI().String() }

// Validate says which part of the identity cannot stand in a certificate. Its error wraps ErrIdentity.
func (id Identity) Validate() error {
	switch {
	case !ValidTrustDomain(id.TrustDomain):
		return fmt.Errorf("%w: trust domain %q is not a host name in lower case", ErrIdentity, id.TrustDomain)
	case !ValidID(id.Store):
		return fmt.Errorf("%w: store %q does not match [a-z0-9][a-z0-9._-]{0,62}", ErrIdentity, id.Store)
	case !ValidID(id.Rig):
		return fmt.Errorf("%w: rig %q does not match [a-z0-9][a-z0-9._-]{0,62}", ErrIdentity, id.Rig)
	}
	return nil
}

// ParseIdentity reads the rig's identity from its certificate. It is pure: whether the certificate is
// trusted, and still valid, is for the caller's TLS verification to say.
//
// The certificate must be a leaf with exactly one URI SAN (X509-SVID, sections 2 and 4.1), spelled exactly
// as Identity.String writes it: no port, user, query, fragment or escape. Errors wrap ErrIdentity.
func ParseIdentity(cert *x509.Certificate) (Identity, error) {
	if cert == nil {
		return Identity{}, fmt.Errorf("%w: there is no certificate", ErrIdentity)
	}
	if cert.IsCA {
		return Identity{}, fmt.Errorf("%w: it belongs to a certificate authority", ErrIdentity)
	}
	if len(cert.URIs) != 1 {
		return Identity{}, fmt.Errorf("%w: it has %d URI names, want exactly 1", ErrIdentity, len(cert.URIs))
	}
	uri := cert.URIs[0]
	parts := strings.Split(uri.Path, "/")
	if len(parts) != 5 || parts[1] != "store" || parts[3] != "rig" {
		return Identity{}, fmt.Errorf("%w: %q is not spiffe://<trust domain>/store/<store>/rig/<rig>", ErrIdentity, uri)
	}
	id := Identity{TrustDomain: uri.Host, Store: parts[2], Rig: parts[4]}
	if err := id.Validate(); err != nil {
		return Identity{}, err
	}
	if uri.String() != id.String() {
		return Identity{}, fmt.Errorf("%w: %q is not written as %q", ErrIdentity, uri, id)
	}
	return id, nil
}
