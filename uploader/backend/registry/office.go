package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrUnknownRig says that nothing is known of a rig: it was neither invited nor seen.
var ErrUnknownRig = errors.New("registry: there is no such rig")

// Office is what a person does with a registry.
type Office interface {
	Invite(ctx context.Context, rig Rig, valid time.Duration, now time.Time) (Invitation, error)
	// Rigs are all rigs, by store and rig.
	Rigs(ctx context.Context) ([]Entry, error)
	// RevokeRig refuses all certificates of a rig that there are. It returns ErrUnknownRig for a rig that was never
	// heard of, unless it is told that this is meant.
	RevokeRig(ctx context.Context, rig Rig, reason string, unknown bool, now time.Time) error
	// RevokeCertificate refuses one certificate by its serial number. The rig is whose it is, or zero when the
	// registry has not issued it.
	RevokeCertificate(ctx context.Context, serial, reason string, now time.Time) (Rig, error)
}

var _ Office = (*Registry)(nil)

// Rigs lists.
func (r *Registry) Rigs(ctx context.Context) ([]Entry, error) {
	var found []Entry
	for _, shard := range "0123456789abcdef" {
		records, err := r.table.Part(ctx, "rigs/"+string(shard))
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			var known rigRecord
			if err := read(record, time.Time{}, &known); err != nil {
				return nil, err
			}
			found = append(found, known.Entry)
		}
	}
	slices.SortFunc(found, func(a, b Entry) int { return strings.Compare(a.String(), b.String()) })
	return found, nil
}

// RevokeRig begins the rig's next generation.
func (r *Registry) RevokeRig(ctx context.Context, rig Rig, reason string, unknown bool, now time.Time) error {
	if err := errors.Join(rig.Validate(), validReason(reason)); err != nil {
		return err
	}
	return r.change(ctx, func() error {
		record, known, err := r.rig(ctx, rig, now)
		if err != nil {
			return err
		}
		if record.Version == 0 && !unknown {
			return fmt.Errorf("%w: %s", ErrUnknownRig, rig)
		}
		known.Generation++
		known.Revoked = &Revocation{At: now.UTC().Truncate(time.Second), Reason: reason}
		known.InvitedUntil = time.Time{}
		record, err = record.with(known, time.Time{})
		if err != nil {
			return err
		}
		return r.table.Commit(ctx, record)
	})
}

// RevokeCertificate marks the certificate's record, or makes one.
func (r *Registry) RevokeCertificate(ctx context.Context, serial, reason string, now time.Time) (Rig, error) {
	serial, err := ParseSerial(serial)
	if err := errors.Join(err, validReason(reason)); err != nil {
		return Rig{}, err
	}
	var certificate certificateRecord
	err = r.change(ctx, func() error {
		records, err := r.table.Get(ctx, certificateKey(serial))
		if err != nil {
			return err
		}
		certificate = certificateRecord{}
		if err := read(records[0], now, &certificate); err != nil {
			return err
		}
		certificate.Revoked = &Revocation{At: now.UTC().Truncate(time.Second), Reason: reason}
		var ends time.Time // of a certificate that is not the registry's, nobody knows when it ends
		if !certificate.NotAfter.IsZero() {
			ends = certificate.NotAfter.Add(certificateGrace)
		}
		record, err := records[0].with(certificate, ends)
		if err != nil {
			return err
		}
		return r.table.Commit(ctx, record)
	})
	return certificate.Rig, err
}

// ParseSerial reads a serial number as openssl and browsers write it: hex, in any case, with or without colons.
func ParseSerial(text string) (string, error) {
	serial := strings.TrimLeft(strings.ToLower(strings.ReplaceAll(text, ":", "")), "0")
	if !serialPattern.MatchString(serial) {
		return "", fmt.Errorf("serial number %.80q is not up to 64 hex digits", text)
	}
	return serial, nil
}

func validReason(reason string) error {
	if len(reason) > MaxReason {
		return fmt.Errorf("the reason has %d bytes, at most %d fit", len(reason), MaxReason)
	}
	for _, r := range reason {
		if r < ' ' || r == 0x7f {
			return errors.New("the reason holds a control character")
		}
	}
	return nil
}
