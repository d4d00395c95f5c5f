package ticket

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a heartbeat.
const (
	// MaxHeartbeatBytes bounds a Heartbeat that was made by Bounded on the wire. Most have one or two thousand bytes.
	MaxHeartbeatBytes = MaxSentBytes
	// MaxHeartbeatEntries is how many cameras, and how many conditions, it names.
	MaxHeartbeatEntries = 100
	// maxHeartbeatText bounds each text in it, in bytes of JSON without the quotes: the longest id has 63, and JSON makes
	// six of some.
	maxHeartbeatText = 64
	// maxHeartbeatAnswer bounds a HeartbeatAnswer on the wire.
	maxHeartbeatAnswer = 4 << 10
)

// Heartbeat is the body of POST /v1/heartbeat: how a rig is, in codes and numbers. Which rig it is says its client
// certificate. It names no file, no address and no key.
type Heartbeat struct {
	// At is the rig's own clock.
	At      time.Time `json:"at"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Verdict is healthy, degraded or down.
	Verdict    string               `json:"verdict"`
	Queue      HeartbeatQueue       `json:"queue"`
	Disk       HeartbeatDisk        `json:"disk"`
	Link       HeartbeatLink        `json:"link"`
	Cameras    []HeartbeatCamera    `json:"cameras"`
	Conditions []HeartbeatCondition `json:"conditions"`
	// LeftOut is how many cameras and conditions found no room.
	LeftOut int `json:"left_out,omitempty"`
}

// HeartbeatQueue is what waits on the rig. Delivered counts since the queue was made.
type HeartbeatQueue struct {
	Waiting   int64 `json:"waiting"`
	Parked    int64 `json:"parked"`
	Delivered int64 `json:"delivered"`
	Bytes     int64 `json:"bytes"`
	MaxBytes  int64 `json:"max_bytes"`
	// Oldest is the capture time of the oldest frame that waits; absent when none does.
	Oldest time.Time `json:"oldest,omitzero"`
}

// HeartbeatDisk is the disk of the queue, in bytes.
type HeartbeatDisk struct {
	Free  int64 `json:"free"`
	Total int64 `json:"total"`
}

// HeartbeatLink is the rig's way to S3.
type HeartbeatLink struct {
	Up bool `json:"up"`
	// Paused is true while the rig's configuration lets no upload begin.
	Paused             bool      `json:"paused,omitempty"`
	BytesPerSecond     float64   `json:"bytes_per_second"`
	LastDelivered      time.Time `json:"last_delivered,omitzero"`
	CertificateExpires time.Time `json:"certificate_expires,omitzero"`
}

// HeartbeatCamera is one camera. Admitted counts since the queue was made, Rejected since the agent started.
type HeartbeatCamera struct {
	Camera string `json:"camera"`
	// LastFrame is the newest capture time; absent when there was none.
	LastFrame time.Time `json:"last_frame,omitzero"`
	Admitted  int64     `json:"admitted"`
	Rejected  int64     `json:"rejected"`
	Waiting   int64     `json:"waiting"`
	Parked    int64     `json:"parked"`
}

// HeartbeatCondition is something that is true of the rig now.
type HeartbeatCondition struct {
	// Code is stable, such as link_down; Severity is notice, warning or critical.
	Code     string `json:"code"`
	Severity string `json:"severity"`
	// Subject is what it is true of, such as a camera; often absent.
	Subject string    `json:"subject,omitempty"`
	Since   time.Time `json:"since"`
}

// HeartbeatAnswer is the 200 answer.
type HeartbeatAnswer struct {
	// Time is the backend's clock, with milliseconds.
	Time time.Time `json:"time"`
}

// Bounded returns the heartbeat with no more entries and no longer texts than the limits; the first entries stay.
func (h Heartbeat) Bounded() Heartbeat {
	cameras, conditions := h.Cameras, h.Conditions
	h.Cameras = make([]HeartbeatCamera, min(len(cameras), MaxHeartbeatEntries))
	h.Conditions = make([]HeartbeatCondition, min(len(conditions), MaxHeartbeatEntries))
	h.LeftOut += len(cameras) - len(h.Cameras) + len(conditions) - len(h.Conditions)
	h.Version, h.Verdict = cut(h.Version), cut(h.Verdict)
	for i := range h.Cameras {
		h.Cameras[i] = cameras[i]
		h.Cameras[i].Camera = cut(cameras[i].Camera)
	}
	for i := range h.Conditions {
		c := conditions[i]
		c.Code, c.Severity, c.Subject = cut(c.Code), cut(c.Severity), cut(c.Subject)
		h.Conditions[i] = c
	}
	return h
}

// cut also drops what is no text: a subject can be the name of a folder, which may be any bytes.
func cut(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxHeartbeatText)], "")
	for {
		wire, err := json.Marshal(text)
		if err == nil && len(wire) <= maxHeartbeatText+len(`""`) {
			return text
		}
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
}

// ReadHeartbeatAnswer returns an error that wraps ErrResponse for an answer without a time.
func ReadHeartbeatAnswer(r io.Reader) (HeartbeatAnswer, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxHeartbeatAnswer+1))
	if err != nil {
		return HeartbeatAnswer{}, fmt.Errorf("reading the backend's answer: %w", err)
	}
	var answer HeartbeatAnswer
	if len(body) > maxHeartbeatAnswer || json.Unmarshal(body, &answer) != nil || answer.Time.IsZero() {
		return HeartbeatAnswer{}, fmt.Errorf("%w: it tells no time", ErrResponse)
	}
	return answer, nil
}
