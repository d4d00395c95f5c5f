package health

import "time"

// Code is the stable name of a condition, for machines.
type Code string

// Severity orders conditions. The zero value is invalid.
type Severity int

// Severities.
const (
	// Notice is worth knowing; nothing is wrong now.
	Notice Severity = iota + 1
	// Warning needs a person, but frames still flow.
	Warning
	// Critical means that frames are not taken in, or do not leave.
	Critical
)

var severityNames = map[Severity]string{Notice: "notice", Warning: "warning", Critical: "critical"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText makes a Severity its word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word that MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) error {
	for severity, name := range severityNames {
		if name == string(text) {
			*s = severity
		}
	}
	return nil
}

// Condition is something that can be wrong. Its words are for a technician without knowledge of the cloud.
type Condition struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Meaning  string   `json:"meaning"`
	Do       string   `json:"do"`
	// ExplainedBy names the conditions beside which this one is no news.
	ExplainedBy []Code `json:"-"`
	// ShowsAfter is how long it must be true without a pause before anybody hears of it; 0 is at once.
	ShowsAfter time.Duration `json:"-"`
}

// The codes.
const (
	CaptureMissing   Code = "capture_missing"
	CaptureUnmarked  Code = "capture_unmarked"
	CaptureForeign   Code = "capture_foreign"
	WatchLimit       Code = "watch_limit"
	WatchDead        Code = "watch_dead"
	FolderUnnamed    Code = "folder_unnamed"
	FilesOdd         Code = "files_odd"
	CamerasTooMany   Code = "cameras_too_many"
	FramesRejected   Code = "frames_rejected"
	MasksMismatch    Code = "masks_mismatch"
	FramesHeld       Code = "frames_held"
	CameraSilent     Code = "camera_silent"
	CameraDark       Code = "camera_dark"
	CameraBlownOut   Code = "camera_blown_out"
	CameraBlurred    Code = "camera_blurred"
	CameraFrozen     Code = "camera_frozen"
	IntakeFailing    Code = "intake_failing"
	DiskLow          Code = "disk_low"
	QueueFull        Code = "queue_full"
	QueueFailing     Code = "queue_failing"
	QueueHealed      Code = "queue_healed"
	FramesParked     Code = "frames_parked"
	PayloadDamaged   Code = "payload_damaged"
	LinkDown         Code = "link_down"
	BackendAway      Code = "backend_unreachable"
	S3Away           Code = "s3_unreachable"
	TLSIntercepted   Code = "tls_intercepted"
	WrongNetwork     Code = "wrong_network"
	BackendDenied    Code = "backend_denied"
	BackendFault     Code = "backend_fault"
	TicketRefused    Code = "ticket_refused"
	TooFast          Code = "too_fast"
	S3Denied         Code = "s3_denied"
	UploadsFail      Code = "uploads_fail"
	NothingDelivered Code = "nothing_delivered"
	CertificateEnds  Code = "certificate_ends"
	CertificateEnded Code = "certificate_ended"
	RenewalFails     Code = "certificate_not_renewed"
	CertificateStuck Code = "certificate_stuck"
	TicketExpired    Code = "ticket_expired"
	ClockLost        Code = "clock_lost"
	ClockWrong       Code = "clock_wrong"
	ClockUntrusted   Code = "clock_untrusted"
	PageUnavailable  Code = "page_unavailable"
	// ConfigReloadFailed is raised where SIGHUP is heard.
	ConfigReloadFailed Code = "config_reload_failed"
)
