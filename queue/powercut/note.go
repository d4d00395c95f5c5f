//go:build linux && (amd64 || arm64)

package powercut

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"shelfagent/queue"
)

// What a note can be of: the calls of the queue that promise something.
const (
	didPut     = "put"   // a frame that is not in the queue
	didAgain   = "again" // a frame that is
	didLease   = "lease"
	didAck     = "ack"
	didDrop    = "drop"
	didDefer   = "defer" // for so long that it cannot fall due
	didNap     = "nap"   // deferred for a moment
	didBury    = "bury"
	didRetry   = "retry"
	didRelease = "release"
)

// note is what a working process writes into the record just before a call and just after it.
type note struct {
	Did  string    `json:"did"`
	Call uint64    `json:"call"` // pairs the two
	Done bool      `json:"done,omitempty"`
	ID   queue.ID  `json:"id,omitempty"` // but for leases
	Make *recipe   `json:"make,omitempty"`
	Got  []handout `json:"got,omitempty"` // of a lease that is done
	Was  string    `json:"was,omitempty"` // of a put that is done: the item's state
}

type handout struct {
	ID       queue.ID `json:"id"`
	Attempts int      `json:"attempts"`
	Rebuilt  bool     `json:"rebuilt,omitempty"`
}

// notepad is the recorder's notes file, as a working process has it open.
type notepad struct{ f *os.File }

func (p *notepad) write(n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	// One write is one note, whoever else writes: the offset means nothing.
	_, err = p.f.WriteAt(text, 0)
	return err
}

// recipe is a frame in a few words.
type recipe struct {
	Camera string `json:"camera"`
	Number int    `json:"number"` // unique among all cameras
	Bytes  int    `json:"bytes"`
}

// day is when the first picture was taken.
var day = time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC)

func (r recipe) source() string { return fmt.Sprintf("%s/IMG_%06d.jpg", r.Camera, r.Number) }

// frame makes the frame, the same one each time.
func (r recipe) frame() queue.New {
	payload := make([]byte, r.Bytes)
	random := rand.NewChaCha8([32]byte{byte(r.Number), byte(r.Number >> 8), byte(r.Number >> 16)})
	_, _ = random.Read(payload) // never fails
	return queue.New{Camera: r.Camera, CapturedAt: day.Add(time.Duration(r.Number) * 7 * time.Millisecond), Ext: "jpg",
		ContentType: "image/jpeg", SHA256: sha256.Sum256(payload),
		Metadata: map[string]string{"number": fmt.Sprint(r.Number)}, Source: r.source(), Payload: payload}
}

// id is the identity that the queue gives to a frame, by the rule in its documentation.
func (r recipe) id() queue.ID {
	f := r.frame()
	return queue.ID(fmt.Sprintf("%s/%s-%x.jpg", r.Camera, f.CapturedAt.Format("20060102T150405.000Z"), f.SHA256))
}
