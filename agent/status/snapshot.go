package status

import (
	"time"

	"shelfagent/agent/trail"
)

// Verdict is the one word for the whole.
type Verdict string

// Verdicts.
const (
	Healthy  Verdict = "healthy"
	Degraded Verdict = "degraded" // frames flow, but a person is needed
	Down     Verdict = "down"     // frames are not taken in, or do not leave
)

// Snapshot is the agent at one moment. Times are UTC, sizes bytes.
type Snapshot struct {
	Verdict    Verdict     `json:"verdict"`
	At         time.Time   `json:"at"`
	Version    string      `json:"version"`
	Store      string      `json:"store"`
	Rig        string      `json:"rig"`
	Started    time.Time   `json:"started"`
	PID        int         `json:"pid"`
	Page       string      `json:"page,omitempty"`
	Conditions []Condition `json:"conditions"`
	Cameras    []Camera    `json:"cameras"`
	Queue      Queue       `json:"queue"`
	Link       Link        `json:"link"`
	Disk       Disk        `json:"disk"`
	Intake     Intake      `json:"intake"`
	// HourlyFrom is when the first hour of each Camera.Hourly began.
	HourlyFrom time.Time `json:"hourly_from,omitzero"`
	// Recent are the last files that were taken in or rejected, newest first; at most 20.
	Recent []Recent `json:"recent"`
}

// Condition is something that is wrong now, in the words for a technician.
type Condition struct {
	Code     string    `json:"code"`
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Subject  string    `json:"subject,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	Meaning  string    `json:"meaning"`
	Do       string    `json:"do"`
	Since    time.Time `json:"since"`
}

// Camera is one camera. Counts are since the agent started, but for Admitted, Waiting, Parked, Delivered and Dropped and
// what goes with them, which are the queue's: since it was made.
type Camera struct {
	ID string `json:"id"`
	// LastFrame is the newest capture time; zero when there was none.
	LastFrame time.Time `json:"last_frame,omitzero"`
	// Seen counts files that capture has handed out, Admitted those that became frames in the queue, and Rejected those that
	// are none, RejectedFor by the code of the reason.
	Seen        int64            `json:"seen"`
	Admitted    int64            `json:"admitted"`
	Rejected    int64            `json:"rejected"`
	RejectedFor map[string]int64 `json:"rejected_for,omitempty"`
	// Files wait in the capture folder, Waiting and Parked frames in the queue.
	Files     int64 `json:"files"`
	Waiting   int64 `json:"waiting"`
	Parked    int64 `json:"parked"`
	Delivered int64 `json:"delivered"`
	Dropped   int64 `json:"dropped,omitempty"` // given up by a person
	// DeliveredBytes and Delays are of those that were delivered.
	DeliveredBytes int64  `json:"delivered_bytes"`
	Delays         Delays `json:"-"`
	// Hourly counts the frames that were taken in, by the hour in which they were captured: 24 hours, the present one
	// last. What was taken in before the agent started is not counted.
	Hourly []int64 `json:"hourly,omitempty"`
	// Picture is the capture time of the picture that the page shows; zero when it shows none.
	Picture time.Time `json:"picture,omitzero"`
}

// Delays are how long frames took from their capture to their proof. Those with a clock that is wrong are not among them.
type Delays struct {
	// Buckets counts those that took at most so many seconds.
	Buckets map[float64]uint64
	Count   uint64
	Sum     float64 // seconds
}

// AllWaiting counts what is to be delivered, in the queue or still in the capture folder.
func (c Camera) AllWaiting() int64 { return c.Waiting + c.Files }

// Queue is what waits. Delivered counts since the queue was made.
type Queue struct {
	Waiting   int64     `json:"waiting"`
	InFlight  int64     `json:"in_flight"` // of Waiting: on their way at this moment
	Parked    int64     `json:"parked"`
	Delivered int64     `json:"delivered"`
	Bytes     int64     `json:"bytes"`
	MaxBytes  int64     `json:"max_bytes"`
	Oldest    time.Time `json:"oldest,omitzero"`
	// ETA is when the queue will be empty at the present speed, in seconds; nil when nobody can tell.
	ETA *float64 `json:"eta_seconds,omitempty"`
}

// Link is the way to the backend and S3.
type Link struct {
	// Up is true while uploads run, or would if there were any. NextTry is zero where nothing waits to be tried.
	Up      bool      `json:"up"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	NextTry time.Time `json:"next_try,omitzero"`

	// Begins is when the first upload after the start may begin; zero once it may.
	Begins time.Time `json:"begins,omitzero"`
	// Limit is nil where the configuration limits nothing.
	Limit          *Limit            `json:"limit,omitempty"`
	Slots          int               `json:"slots"`
	BytesPerSecond float64           `json:"bytes_per_second"`
	LastDelivered  time.Time         `json:"last_delivered,omitzero"`
	Outcomes       map[string]uint64 `json:"outcomes"`

	// LastHeartbeat is when the backend last answered a heartbeat; HeartbeatProblem is why it did not answer since.
	LastHeartbeat      time.Time `json:"last_heartbeat,omitzero"`
	HeartbeatProblem   string    `json:"heartbeat_problem,omitempty"`
	BackendAddress     string    `json:"backend_address,omitempty"`
	S3Address          string    `json:"s3_address,omitempty"`
	S3Private          *bool     `json:"s3_private,omitempty"`
	ClockOffset        *float64  `json:"clock_offset_seconds,omitempty"`
	CertificateExpires time.Time `json:"certificate_expires"`
}

// Disk is the one that the queue is on.
type Disk struct {
	Free  int64 `json:"free"`
	Total int64 `json:"total"`
	// Reserved must stay free; less than that, and no frame is taken in.
	Reserved int64 `json:"reserved"`
}

// Intake counts what became of files since the agent started.
type Intake struct {
	Admitted int64            `json:"admitted"`
	Rejected map[string]int64 `json:"rejected"`
}

// Recent is what became of one of the last files.
type Recent struct {
	At         time.Time   `json:"at"` // when it was taken in or rejected
	State      trail.State `json:"state"`
	Camera     string      `json:"camera"`
	File       string      `json:"file"` // as the camera named it
	CapturedAt time.Time   `json:"captured_at,omitzero"`
	SHA256     string      `json:"sha256,omitempty"` // of a frame
	Why        string      `json:"why,omitempty"`    // it was rejected, or is not delivered yet
}

// Title says what it is, as its trail does.
func (r Recent) Title() string { return trail.Trail{Camera: r.Camera, File: r.File}.Title() }
