package backend

import (
	"net/http"
	"time"

	"shelfagent/uploader/ticket"
)

// identify says which rig sent the request. Only a chain that crypto/tls has verified counts, and it is
// looked at on every request, because a connection can outlive its certificate.
func (b *Backend) identify(r *http.Request) (ticket.Identity, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return ticket.Identity{}, fail(http.StatusForbidden, CodeNoCertificate, "a verified client certificate is needed")
	}
	leaf := r.TLS.VerifiedChains[0][0]
	id, err := ticket.ParseIdentity(leaf)
	if err != nil {
		return ticket.Identity{}, fail(http.StatusForbidden, CodeIdentity, "%v", err)
	}
	if id.TrustDomain != b.trustDomain {
		return ticket.Identity{}, fail(http.StatusForbidden, CodeTrustDomain,
			"the certificate is of trust domain %s, not %s", id.TrustDomain, b.trustDomain)
	}
	if b.now().After(leaf.NotAfter) {
		return ticket.Identity{}, fail(http.StatusForbidden, CodeCertificateExpired,
			"the certificate ended at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return id, nil
}
