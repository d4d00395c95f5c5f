package queue

import (
	"fmt"
	"time"
)

// State says where an item is. The zero State is invalid.
type State uint8

// The states. An item is in exactly one of them.
const (
	Waiting   State = iota + 1 // ready to be leased
	Deferred                   // ready at Item.NotBefore
	Leased                     // handed out; known in memory only, Waiting again after a crash
	Parked                     // needs a person; see Item.Reason
	Delivered                  // proven; only the receipt is left
	Dropped                    // given up by a person or a policy; only the receipt is left
)

var stateNames = [...]string{Waiting: "waiting", Deferred: "deferred", Leased: "leased", Parked: "parked",
	Delivered: "delivered", Dropped: "dropped"}

func (s State) String() string {
	if s == 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state(%d)", uint8(s))
	}
	return stateNames[s]
}

// MarshalText makes a State its word in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word that MarshalText wrote.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if i > 0 && name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("%w state %q", ErrInvalid, text)
}

// Reasons that the queue itself parks an item for.
const (
	ReasonMissing = "payload_missing" // the record is there, the bytes are not
	ReasonDamaged = "payload_damaged" // the bytes are not those that were queued; they are in damaged/
	ReasonRecord  = "record_damaged"  // it was parked for a reason that was lost with its record
)

// Proofs that a receipt can carry.
const (
	ProofStored  = "200" // S3 stored these bytes and confirmed their SHA-256
	ProofExists  = "412" // the key, which contains the SHA-256, exists already
	ProofDropped = "dropped"
)

// New is a frame to be queued.
type New struct {
	Camera      string    // [a-z0-9][a-z0-9._-]{0,62}
	CapturedAt  time.Time // kept to the millisecond, as UTC
	Ext         string    // the format as a file extension, without the dot: jpg, png, …
	ContentType string
	SHA256      [32]byte // of Payload
	Metadata    map[string]string
	Source      string // the original file name, for "where is my picture?"
	Payload     []byte
}

// Item is a queued frame.
type Item struct {
	ID          ID
	Camera      string
	CapturedAt  time.Time
	EnqueuedAt  time.Time
	Bytes       int64 // size of the payload
	ContentType string
	SHA256      [32]byte
	MD5         [16]byte // zero only while a rebuilt item has not been leased
	Metadata    map[string]string
	Source      string
	State       State
	Attempts    int       // tries counted so far, the one under way included
	NotBefore   time.Time // when Deferred
	LastError   string
	Reason      string // code, when Parked
	Rebuilt     bool   // made from the payload's name: metadata, source and attempts were lost
}

// Receipt is what remains of an item that has left.
type Receipt struct {
	ID          ID
	Camera      string
	Key         string // of the object
	ETag        string
	Proof       string // ProofStored, ProofExists or ProofDropped
	Note        string // why it was dropped
	By          string `json:",omitempty"` // the person who dropped it; "": the agent did
	SHA256      [32]byte
	CapturedAt  time.Time
	EnqueuedAt  time.Time
	DeliveredAt time.Time // when it left, delivered or dropped; zero means now
	Bytes       int64
	Attempts    int
	Source      string
}

// State is Delivered or Dropped.
func (r Receipt) State() State {
	if r.Proof == ProofDropped {
		return Dropped
	}
	return Delivered
}

// item is the receipt in the shape of the item that it was.
func (r Receipt) item() Item {
	return Item{ID: r.ID, Camera: r.Camera, CapturedAt: r.CapturedAt, EnqueuedAt: r.EnqueuedAt, Bytes: r.Bytes,
		SHA256: r.SHA256, Source: r.Source, State: r.State(), Attempts: r.Attempts}
}

// Deferral says when an item is to be tried again, and why not now.
type Deferral struct {
	Until     time.Time // at most MaxDeferral ahead; zero means at once, and uncharged
	Reason    string    // becomes Item.LastError
	Uncharged bool      // gives the attempt back: the link was bad, not the frame
}
