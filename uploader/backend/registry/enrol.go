package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Issued is a certificate that was signed and has not left the backend yet.
type Issued struct {
	Certificate
	// PublicKey is the DER of the key that it is for (SubjectPublicKeyInfo).
	PublicKey []byte
	// Chain is the PEM that answers the request.
	Chain string
}

// Sign makes a certificate for the rig that an invitation or a certificate names.
type Sign func(Rig) (Issued, error)

// Enrol uses an invitation for the public key. sign is called only for an invitation that is good, and what it
// made may leave the backend only when Enrol returns it: then, and only then, the invitation is used and the
// certificate recorded, both in one commit. When the same key used it already, Enrol returns what that got. The rig is
// set as soon as an invitation was found, even with an error.
func (r *Registry) Enrol(ctx context.Context, code string, publicKey []byte, sign Sign, now time.Time) (chain string, rig Rig, err error) {
	key, err := invitationKey(code)
	if err != nil {
		return "", Rig{}, err
	}
	err = r.change(ctx, func() (err error) {
		chain, rig, err = r.enrol(ctx, key, publicKey, sign, now)
		return err
	})
	if err != nil {
		return "", rig, err
	}
	return chain, rig, nil
}

func (r *Registry) enrol(ctx context.Context, key Key, publicKey []byte, sign Sign, now time.Time) (string, Rig, error) {
	records, err := r.table.Get(ctx, key)
	if err != nil {
		return "", Rig{}, err
	}
	var invitation invitationRecord
	if err := read(records[0], now, &invitation); err != nil {
		return "", Rig{}, err
	}
	owner := sha256.Sum256(publicKey)
	fingerprint := hex.EncodeToString(owner[:])
	switch {
	case invitation.Rig == Rig{}:
		return "", Rig{}, ErrInvitationUnknown
	case !invitation.Until.After(now):
		return "", invitation.Rig, ErrInvitationEnded
	case invitation.Key != "" && invitation.Key != fingerprint:
		return "", invitation.Rig, ErrInvitationUsed
	}
	rig, known, err := r.rig(ctx, invitation.Rig, now)
	if err != nil {
		return "", invitation.Rig, err
	}
	if known.Generation != invitation.Generation {
		return "", invitation.Rig, ErrInvitationRevoked
	}
	if invitation.Key != "" {
		return invitation.Chain, invitation.Rig, nil
	}
	issued, err := sign(invitation.Rig)
	if err != nil {
		return "", invitation.Rig, err
	}
	invitation.Key, invitation.Chain = fingerprint, issued.Chain
	used, err := records[0].with(invitation, records[0].Ends)
	if err != nil {
		return "", invitation.Rig, err
	}
	known.Revoked, known.InvitedUntil = nil, time.Time{}
	return issued.Chain, invitation.Rig, r.issue(ctx, issued, rig, known, now, used)
}

// Renew records a certificate for a rig whose present one is still good; its error wraps ErrRevoked when it is
// not. What sign made may leave the backend only when Renew returns it. A revocation of the rig that comes between
// makes it look again.
func (r *Registry) Renew(ctx context.Context, rig Rig, shown Certificate, sign Sign, now time.Time) (chain string, err error) {
	err = r.change(ctx, func() error {
		record, known, err := r.judge(ctx, rig, shown, now)
		if err != nil {
			return err
		}
		issued, err := sign(rig)
		if err != nil {
			return err
		}
		chain = issued.Chain
		return r.issue(ctx, issued, record, known, now)
	})
	if err != nil {
		return "", err
	}
	return chain, nil
}

// issue commits a certificate of the rig's generation, with what else belongs to it.
func (r *Registry) issue(ctx context.Context, issued Issued, rig Record, known rigRecord, now time.Time, more ...Record) error {
	known.Certificate = &issued.Certificate
	rig, err := rig.with(known, time.Time{})
	if err != nil {
		return err
	}
	certificate, err := Record{Key: certificateKey(issued.Serial)}.with(certificateRecord{
		Rig: known.Rig, Generation: known.Generation, IssuedAt: now.UTC().Truncate(time.Second), NotAfter: issued.NotAfter,
	}, issued.NotAfter.Add(certificateGrace))
	if err != nil {
		return err
	}
	return r.table.Commit(ctx, append(more, rig, certificate)...)
}

func (r *Registry) rig(ctx context.Context, rig Rig, now time.Time) (Record, rigRecord, error) {
	known := rigRecord{Entry: Entry{Rig: rig}}
	records, err := r.table.Get(ctx, rigKey(rig))
	if err != nil {
		return Record{}, known, err
	}
	return records[0], known, read(records[0], now, &known)
}
