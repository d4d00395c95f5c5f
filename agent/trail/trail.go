package trail

import "time"

// State is where a picture is. The zero State is invalid.
type State string

// The states.
const (
	InFolder  State = "in_folder" // its file lies in the capture folder
	Rejected  State = "rejected"  // its file is no valid frame
	HeldBack  State = "held_back" // its file is a good picture that its camera's masks do not fit
	Waiting   State = "waiting"
	Deferred  State = "deferred"
	Leased    State = "leased" // on its way to the bucket
	Parked    State = "parked"
	Delivered State = "delivered"
	Dropped   State = "dropped"
)

var stateWords = map[State]string{
	InFolder: "in the capture folder", Rejected: "rejected", HeldBack: "held back", Waiting: "waiting", Deferred: "waiting",
	Leased: "on its way", Parked: "needs a person", Delivered: "delivered", Dropped: "given up",
}

// Word is the state in one or two words for people.
func (s State) Word() string {
	if word, known := stateWords[s]; known {
		return word
	}
	return string(s)
}

// Answer is what became of a Query.
type Answer struct {
	Query  Query   `json:"query"`
	Trails []Trail `json:"trails"` // by capture time
	// More says that more pictures fit the query than are shown.
	More     bool     `json:"more,omitempty"`
	Searched Searched `json:"searched"`
}

// Searched says where was looked, so that "not found" means something.
type Searched struct {
	Queue    bool `json:"queue"`    // frames that wait, and receipts of those that have left
	Rejected bool `json:"rejected"` // the rejected folder
	Capture  bool `json:"capture"`  // the capture folder
	// ReceiptsSince is when the frame of the oldest receipt left the queue; what left before is not known any more. Zero:
	// no frame has left yet.
	ReceiptsSince time.Time `json:"receipts_since,omitzero"`
	// Problems say what could not be searched, and why.
	Problems []string `json:"problems,omitempty"`
}

// Trail is the way of one picture so far.
type Trail struct {
	State  State  `json:"state"`
	Camera string `json:"camera,omitempty"` // "" when its folder names none
	File   string `json:"file,omitempty"`   // as the camera named it
	// CapturedAt is when the picture was taken. Of a file that is not in the queue it is when the file was last written.
	CapturedAt time.Time `json:"captured_at"`
	Bytes      int64     `json:"bytes"`
	ID         string    `json:"id,omitempty"`     // of a frame that is, or was, in the queue
	SHA256     string    `json:"sha256,omitempty"` // of the frame's bytes; of a rejected file, the file's
	Key        string    `json:"key,omitempty"`    // of the object, when delivered
	Steps      []Step    `json:"steps"`            // in order
	Now        string    `json:"now"`              // where it stands, as a sentence
	Do         string    `json:"do,omitempty"`     // what a person can do, if anything is to be done
}

// Step is one thing that happened to a picture, or will.
type Step struct {
	At   time.Time `json:"at,omitzero"` // zero: it was not written down
	What What      `json:"what"`
	Text string    `json:"text"`
}

// What names the kind of a Step.
type What string

// The kinds.
const (
	Seen          What = "seen"
	WasRejected   What = "rejected"
	WasQueued     What = "queued"
	Tried         What = "tried"
	NotBefore     What = "not before"
	WasParked     What = "parked"
	OnItsWay      What = "on its way"
	WasDelivered  What = "delivered"
	WasDropped    What = "given up"
	WaitsInFolder What = "waits"
)
