package backend

import (
	"crypto/x509"
	"errors"
	"net/http"
	"time"

	"shelfagent/uploader/ticket"
)

// caller is the rig that sent a request, and what vouches for it.
type caller struct {
	ticket.Identity
	// by is what an audit line calls the proof: the home's name, or byLabToken.
	by string
	// leaf is the rig's certificate; nil for a lab's token.
	leaf *x509.Certificate
}

// attrs are what an audit line says of the caller.
func (c caller) attrs() []any {
	attrs := []any{"store", c.Store, "rig", c.Rig, "by", c.by}
	if c.leaf == nil {
		attrs = append(attrs, "warning", labWarning)
	}
	return attrs
}

// identify says which rig sent the request. It is asked on every request, because a connection can outlive its
// certificate. The home yields the certificate that the caller has proven to hold; what it must say is the same in
// every home.
func (b *Backend) identify(r *http.Request) (caller, error) {
	// serve has asked this already; an audit line about a request that it refused must not take its word either.
	if err := b.home.admit(r); err != nil {
		return caller{}, err
	}
	if token, shown := bearer(r); shown {
		return b.labCaller(token)
	}
	leaf, err := b.home.leaf(r, b.now())
	if err != nil {
		return caller{}, err
	}
	if err := inForce(leaf, b.now()); err != nil {
		return caller{}, err
	}
	id, err := ticket.ParseIdentity(leaf)
	if err != nil {
		return caller{}, fail(http.StatusForbidden, CodeIdentity, "%v", err)
	}
	if id.TrustDomain != b.trustDomain {
		return caller{}, fail(http.StatusForbidden, CodeTrustDomain,
			"the certificate is of trust domain %s, not %s", id.TrustDomain, b.trustDomain)
	}
	return caller{Identity: id, by: b.home.name(), leaf: leaf}, nil
}

func inForce(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fail(http.StatusForbidden, CodeCertificateExpired,
			"the certificate ended at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fail(http.StatusForbidden, CodeCertificateExpired,
			"the certificate begins at %s only", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}

// vouched reads a certificate that something in front of this program has verified, and verifies it once more: a
// listener or a stage that was left open must not open this door as well.
func vouched(pem []byte, authority *x509.CertPool, now time.Time) (*x509.Certificate, error) {
	leaf, err := oneCertificate(pem)
	if err != nil {
		return nil, fail(http.StatusForbidden, CodeCertificate, "the client certificate cannot be read").because(err)
	}
	if err := inForce(leaf, now); err != nil {
		return nil, err
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: authority, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	var stranger x509.UnknownAuthorityError
	switch {
	case errors.As(err, &stranger):
		return nil, fail(http.StatusForbidden, CodeCertificate, "the certificate is not of the authority that this backend knows").because(err)
	case err != nil:
		return nil, fail(http.StatusForbidden, CodeCertificate, "the certificate is not one for a client").because(err)
	}
	return leaf, nil
}
