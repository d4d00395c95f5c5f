package backend

import (
	"crypto/x509"
	"net/http"
	"time"

	"shelfagent/uploader/ticket"
)

// caller is the rig that sent a request, and what vouches for it.
type caller struct {
	ticket.Identity
	leaf *x509.Certificate
}

// identify says which rig sent the request. Only a chain that crypto/tls has verified counts, and it is
// looked at on every request, because a connection can outlive its certificate.
func (b *Backend) identify(r *http.Request) (caller, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return caller{}, fail(http.StatusForbidden, CodeNoCertificate, "a verified client certificate is needed")
	}
	leaf := r.TLS.VerifiedChains[0][0]
	id, err := ticket.ParseIdentity(leaf)
	if err != nil {
		return caller{}, fail(http.StatusForbidden, CodeIdentity, "%v", err)
	}
	if id.TrustDomain != b.trustDomain {
		return caller{}, fail(http.StatusForbidden, CodeTrustDomain,
			"the certificate is of trust domain %s, not %s", id.TrustDomain, b.trustDomain)
	}
	if b.now().After(leaf.NotAfter) {
		return caller{}, fail(http.StatusForbidden, CodeCertificateExpired,
			"the certificate ended at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return caller{Identity: id, leaf: leaf}, nil
}
