package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"time"

	"golang.org/x/time/rate"

	"shelfagent/uploader/ticket"
)

// MaxReason is the longest reason for a revocation, in bytes.
const MaxReason = 200

const (
	// certificateGrace is how long a certificate's record outlives the certificate: servers' clocks differ.
	certificateGrace = 24 * time.Hour
	// seenEvery bounds how often a rig's last request is written down.
	seenEvery = 5 * time.Minute
	// attempts bounds how often a change is tried again because somebody else was faster.
	attempts = 12
	// patience is the longest wait between two attempts, for the first of them.
	patience = 10 * time.Millisecond
)

// ErrRevoked says that a certificate was taken back, by its serial or with its rig.
var ErrRevoked = errors.New("registry: revoked")

// Rig names a rig by its ids.
type Rig struct {
	Store string `json:"store"`
	Rig   string `json:"rig"`
}

func (r Rig) String() string { return r.Store + "/" + r.Rig }

// Validate says which id cannot stand.
func (r Rig) Validate() error {
	for _, id := range []struct{ what, value string }{{"store", r.Store}, {"rig", r.Rig}} {
		if !ticket.ValidID(id.value) {
			return fmt.Errorf("%s %q does not match [a-z0-9][a-z0-9._-]{0,62}", id.what, id.value)
		}
	}
	return nil
}

// Certificate is what the registry knows a certificate by.
type Certificate struct {
	// Serial is the serial number in lower-case hex, as Serial writes it.
	Serial   string    `json:"serial"`
	NotAfter time.Time `json:"not_after"`
}

var serialPattern = regexp.MustCompile(`^[0-9a-f]{1,64}$`)

// Revocation says when and why.
type Revocation struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// Entry is what is known of a rig.
type Entry struct {
	Rig
	// Certificate is the one that it showed last, or the newest that was issued; nil before either.
	Certificate *Certificate `json:"certificate,omitempty"`
	// Seen is its last request that was admitted, to within five minutes; zero before the first.
	Seen time.Time `json:"seen,omitzero"`
	// InvitedUntil is the end of the newest invitation that was not used; zero when there is none.
	InvitedUntil time.Time `json:"invited_until,omitzero"`
	// Revoked is set from the rig's revocation to its next enrolment.
	Revoked *Revocation `json:"revoked,omitempty"`
}

// rigRecord is an entry with what nobody else needs to see.
type rigRecord struct {
	Entry
	Generation uint64 `json:"generation"`
}

// certificateRecord is zero for a certificate that the registry has not heard of.
type certificateRecord struct {
	Rig        Rig         `json:"rig,omitzero"`
	Generation uint64      `json:"generation"`
	IssuedAt   time.Time   `json:"issued_at,omitzero"`
	NotAfter   time.Time   `json:"not_after,omitzero"`
	Revoked    *Revocation `json:"revoked,omitempty"`
}

// Registry is the backend's memory. Make it with New.
type Registry struct {
	table Table
	log   *slog.Logger
	quiet rate.Sometimes // keeps a table that cannot be written from flooding the log
}

// New makes a registry of a table, which it closes with itself.
func New(table Table, log *slog.Logger) *Registry {
	return &Registry{table: table, log: log, quiet: rate.Sometimes{First: 1, Interval: time.Minute}}
}

// Close closes the table.
func (r *Registry) Close() error { return r.table.Close() }

func rigKey(rig Rig) Key {
	sum := sha256.Sum256([]byte(rig.String()))
	return Key{Part: "rigs/" + hex.EncodeToString(sum[:1])[:1], Name: rig.String()}
}

func certificateKey(serial string) Key { return Key{Part: "certificate/" + serial, Name: "-"} }

// change runs step again while somebody else is faster.
func (r *Registry) change(ctx context.Context, step func() error) error {
	for attempt := 1; ; attempt++ {
		err := step()
		if !errors.Is(err, ErrConflict) || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(rand.N(patience * time.Duration(attempt))): //nolint:gosec // spreads load, hides nothing
		}
	}
}

// read decodes a record that has not ended; into keeps its value otherwise.
func read(record Record, now time.Time, into any) error {
	if record.Version == 0 || !record.Ends.IsZero() && !record.Ends.After(now) {
		return nil
	}
	if err := json.Unmarshal(record.Value, into); err != nil {
		return fmt.Errorf("registry: record %s %s cannot be read: %w", record.Part, record.Name, err)
	}
	return nil
}

// with is the record with another value and end.
func (r Record) with(value any, ends time.Time) (Record, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return Record{}, fmt.Errorf("registry: record %s %s: %w", r.Part, r.Name, err)
	}
	r.Value, r.Ends = body, ends
	return r, nil
}
