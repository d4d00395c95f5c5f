package registry

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bounds of an invitation's life.
const (
	DefaultValid = 15 * time.Minute
	MinValid     = time.Minute
	MaxValid     = 24 * time.Hour
)

// invitationGrace is how long an invitation is remembered after its end, to tell "too late" from "mistyped".
const invitationGrace = 24 * time.Hour

// What an invitation can be refused for.
var (
	ErrInvitationUnknown = errors.New("registry: there is no such invitation")
	ErrInvitationEnded   = errors.New("registry: the invitation has ended")
	ErrInvitationUsed    = errors.New("registry: the invitation was used already, with another key")
	ErrInvitationRevoked = errors.New("registry: the rig was revoked after it was invited")
)

// Invitation is leave for one key to become a rig. Its code is in no other place.
type Invitation struct {
	Rig
	Code  string    `json:"code"`
	Until time.Time `json:"until"`
}

type invitationRecord struct {
	Rig        Rig       `json:"rig"`
	Generation uint64    `json:"generation"`
	Until      time.Time `json:"until"`
	// Key and Chain are set once it was used: the SHA-256 of the public key, and the PEM that was answered.
	Key   string `json:"key,omitempty"`
	Chain string `json:"chain,omitempty"`
}

// Invite makes an invitation, good for valid. Earlier ones for the same rig stay good.
func (r *Registry) Invite(ctx context.Context, rig Rig, valid time.Duration, now time.Time) (Invitation, error) {
	if err := rig.Validate(); err != nil {
		return Invitation{}, err
	}
	if valid < MinValid || valid > MaxValid {
		return Invitation{}, fmt.Errorf("%s is not between %s and %s", valid, MinValid, MaxValid)
	}
	made := Invitation{Rig: rig, Code: newCode(), Until: now.Add(valid).UTC().Truncate(time.Second)}
	key, err := invitationKey(made.Code)
	if err != nil {
		return Invitation{}, err
	}
	err = r.change(ctx, func() error { return r.invite(ctx, made, key, now) })
	if err != nil {
		return Invitation{}, err
	}
	return made, nil
}

func (r *Registry) invite(ctx context.Context, made Invitation, key Key, now time.Time) error {
	record, known, err := r.rig(ctx, made.Rig, now)
	if err != nil {
		return err
	}
	if made.Until.After(known.InvitedUntil) {
		known.InvitedUntil = made.Until
	}
	rig, err := record.with(known, time.Time{})
	if err != nil {
		return err
	}
	invitation, err := Record{Key: key}.with(invitationRecord{
		Rig: made.Rig, Generation: known.Generation, Until: made.Until,
	}, made.Until.Add(invitationGrace))
	if err != nil {
		return err
	}
	return r.table.Commit(ctx, rig, invitation)
}
