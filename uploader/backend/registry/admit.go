package registry

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Serial writes a certificate's serial number as the registry knows it.
func Serial(n *big.Int) string { return fmt.Sprintf("%x", n) }

// Admit says whether a certificate that was verified is still good for its rig; a rig that is known by something
// else than a certificate shows the zero one, and is good until it is revoked. The error wraps ErrRevoked when
// it is not; any other means that the table could not be asked, and that nobody knows.
func (r *Registry) Admit(ctx context.Context, rig Rig, shown Certificate, now time.Time) error {
	record, known, err := r.judge(ctx, rig, shown, now)
	if err != nil {
		return err
	}
	r.see(ctx, record, known, shown, now)
	return nil
}

// judge returns what is known of a rig whose certificate is good.
func (r *Registry) judge(ctx context.Context, rig Rig, shown Certificate, now time.Time) (Record, rigRecord, error) {
	known := rigRecord{Entry: Entry{Rig: rig}}
	var certificate certificateRecord
	records, err := r.table.Get(ctx, rigKey(rig), certificateKey(shown.Serial))
	if err != nil {
		return Record{}, known, err
	}
	if err := errors.Join(read(records[0], now, &known), read(records[1], now, &certificate)); err != nil {
		return Record{}, known, err
	}
	if certificate.Rig != rig {
		certificate.Generation = 0 // another authority's certificate may have the same number
	}
	switch {
	case certificate.Revoked != nil:
		err = fmt.Errorf("%w: certificate %s of rig %s%s", ErrRevoked, shown.Serial, rig, certificate.Revoked.words())
	case certificate.Generation == known.Generation:
		err = nil
	case known.Revoked != nil:
		err = fmt.Errorf("%w: rig %s%s", ErrRevoked, rig, known.Revoked.words())
	default:
		err = fmt.Errorf("%w: certificate %s is of before rig %s was revoked and enrolled again", ErrRevoked, shown.Serial, rig)
	}
	return records[0], known, err
}

// see writes down that a rig was here, if that is news. A disk that cannot be written to does not make a rig
// unwelcome: what can be read has said that it is not.
func (r *Registry) see(ctx context.Context, record Record, known rigRecord, shown Certificate, now time.Time) {
	if now.Sub(known.Seen) < seenEvery {
		return
	}
	known.Seen = now.UTC().Truncate(time.Second)
	if shown.Serial != "" {
		known.Certificate = &shown
	}
	record, err := record.with(known, time.Time{})
	if err == nil {
		err = r.table.Commit(ctx, record)
	}
	if err != nil && !errors.Is(err, ErrConflict) { // a conflict: somebody else has written it
		r.quiet.Do(func() {
			r.log.Warn("the registry could not note when a rig was seen", "rig", known.String(), "error", err)
		})
	}
}

func (v Revocation) words() string {
	text := ", on " + v.At.UTC().Format(time.RFC3339)
	if v.Reason != "" {
		text += fmt.Sprintf(" (%s)", v.Reason)
	}
	return text
}
