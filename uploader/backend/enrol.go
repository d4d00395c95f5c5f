package backend

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"shelfagent/uploader/backend/authority"
	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/ticket"
)

// signerRetry is when to ask again after the signer failed; a person has to look at it.
const signerRetry = time.Minute

// Signer makes device certificates.
type Signer interface {
	// Sign returns a certificate that says that the key speaks for id, and what it takes to verify it below the
	// root, leaf first. It must bear exactly one URI SAN, id's, and be for clients only.
	Sign(ctx context.Context, key crypto.PublicKey, id ticket.Identity, now time.Time) ([]*x509.Certificate, error)
}

// enroll makes the owner of a one-time code a rig. It is the one path that needs no certificate.
func (b *Backend) enroll(w http.ResponseWriter, r *http.Request) error {
	if wait := b.door.wait(clientAddress(r), b.now()); wait > 0 {
		return fail(http.StatusTooManyRequests, CodeRate, "too many tries to enrol; wait, then try again").after(wait)
	}
	var request ticket.EnrollRequest
	if err := decode(w, r, &request); err != nil {
		return err
	}
	key, public, err := readRequest(request.CSR)
	if err != nil {
		return err
	}
	issuing := &issuing{backend: b, ctx: r.Context(), key: key}
	chain, rig, err := b.registry.Enrol(r.Context(), request.Code, public, issuing.sign, b.now())
	if err != nil {
		return enrolProblem(err)
	}
	return b.issued(w, r, "rig enrolled", rig, chain)
}

// renew gives a rig its next certificate for its present one.
func (b *Backend) renew(w http.ResponseWriter, r *http.Request) error {
	id, err := b.admit(r)
	if err != nil {
		return err
	}
	if id.leaf == nil {
		return fail(http.StatusForbidden, CodeNoCertificate, "only a certificate can be renewed")
	}
	if wait := b.renewals.wait(id.String(), b.now()); wait > 0 {
		return fail(http.StatusTooManyRequests, CodeRate, "this rig has renewed its certificate too often").after(wait)
	}
	var request ticket.RenewRequest
	if err := decode(w, r, &request); err != nil {
		return err
	}
	key, _, err := readRequest(request.CSR)
	if err != nil {
		return err
	}
	if old, ok := id.leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !old.Equal(key) {
		return fail(http.StatusBadRequest, CodeCSR, "csr: a renewal is for the key of the present certificate; a new key needs a new invitation")
	}
	issuing := &issuing{backend: b, ctx: r.Context(), key: key}
	chain, err := b.registry.Renew(r.Context(), id.registered(), id.certificate(), issuing.sign, b.now())
	if err != nil {
		return enrolProblem(err)
	}
	return b.issued(w, r, "certificate renewed", id.registered(), chain)
}

// readRequest returns the key that a certificate is asked for, and its DER.
func readRequest(csr string) (crypto.PublicKey, []byte, error) {
	key, err := authority.ReadRequest(csr)
	if err != nil {
		return nil, nil, fail(http.StatusBadRequest, CodeCSR, "csr: %v", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, nil, fail(http.StatusBadRequest, CodeCSR, "csr: its key cannot be written").because(err)
	}
	return key, der, nil
}

// issuing signs for one request. The registry says for whom.
type issuing struct {
	backend *Backend
	ctx     context.Context
	key     crypto.PublicKey
}

func (i *issuing) sign(rig registry.Rig) (registry.Issued, error) {
	id := ticket.Identity{TrustDomain: i.backend.trustDomain, Store: rig.Store, Rig: rig.Rig}
	chain, err := i.backend.signer.Sign(i.ctx, i.key, id, i.backend.now())
	if err == nil {
		err = asWanted(chain, i.key, id)
	}
	if err != nil {
		return registry.Issued{}, fail(http.StatusServiceUnavailable, CodeAuthority, "the backend cannot sign certificates now").
			after(signerRetry).because(err)
	}
	var text bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return registry.Issued{
		Certificate: registry.Certificate{Serial: registry.Serial(chain[0].SerialNumber), NotAfter: chain[0].NotAfter.UTC()},
		Chain:       text.String(),
	}, nil
}

// asWanted holds what a signer made against what was asked: a signer that makes more of a rig than a client must
// not be believed.
func asWanted(chain []*x509.Certificate, key crypto.PublicKey, id ticket.Identity) error {
	if len(chain) == 0 {
		return errors.New("the signer returned no certificate")
	}
	leaf := chain[0]
	found, err := ticket.ParseIdentity(leaf)
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case err != nil:
		return err
	case found != id:
		return errors.New("the signer made a certificate for another rig")
	case !ok || !public.Equal(key):
		return errors.New("the signer made a certificate for another key")
	case len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || len(leaf.UnknownExtKeyUsage) > 0:
		return errors.New("the signer made a certificate that is not for clients alone")
	}
	return nil
}

// issued writes the audit line and the answer. The certificate is read from what the registry returned, which may be
// one that was issued before, for the same code and key.
func (b *Backend) issued(w http.ResponseWriter, r *http.Request, event string, rig registry.Rig, chain string) error {
	block, _ := pem.Decode([]byte(chain))
	if block == nil {
		return errors.New("the registry holds a certificate that is none")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	b.log.InfoContext(r.Context(), event, "store", rig.Store, "rig", rig.Rig, "serial", registry.Serial(leaf.SerialNumber),
		"not_after", leaf.NotAfter.UTC(), "remote", r.RemoteAddr)
	writeJSON(w, http.StatusOK, "application/json", ticket.Enrollment{
		Certificate: chain, Store: rig.Store, Rig: rig.Rig, NotAfter: leaf.NotAfter.UTC(),
	})
	return nil
}

// enrolProblem tells the person on site what to do about a code. That one was mistyped, too late or used helps
// nobody to guess another.
func enrolProblem(err error) error {
	var known *problem
	for _, refusal := range []struct {
		err    error
		status int
		code   string
		detail string
	}{
		{registry.ErrCode, http.StatusBadRequest, CodeInvitation, "a code is 16 letters and digits, such as 7KQ2-M0X9-DB3H-4TZE"},
		{registry.ErrInvitationUnknown, http.StatusForbidden, CodeInvitation, "there is no such code; check what was typed"},
		{registry.ErrInvitationEnded, http.StatusForbidden, CodeInvitationEnded, "the code has ended; ask for a new one"},
		{registry.ErrInvitationUsed, http.StatusForbidden, CodeInvitationUsed, "the code was used already, with another key; ask for a new one"},
		{registry.ErrInvitationRevoked, http.StatusForbidden, CodeInvitationEnded, "the rig was revoked after it was invited; ask for a new code"},
	} {
		if errors.Is(err, refusal.err) {
			return fail(refusal.status, refusal.code, "%s", refusal.detail)
		}
	}
	switch {
	case errors.Is(err, registry.ErrRevoked):
		return revoked(err)
	case errors.As(err, &known):
		return known
	default:
		return noRegistry(err)
	}
}
