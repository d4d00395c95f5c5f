package ticket

import (
	"encoding/base64"
	"encoding/hex"
	"time"
)

// Paths of the backend's API.
const (
	TicketsPath   = "/v1/tickets"
	HeartbeatPath = "/v1/heartbeat"
)

// Limits of one exchange.
const (
	// MaxUploads is how many uploads one Request may name.
	MaxUploads = 64
	// MaxRequestBytes bounds a Request on the wire; a backend refuses more.
	MaxRequestBytes = 256 << 10
	// MaxSentBytes is how long the agent's own requests and heartbeats can be, whatever is in them. A firewall before the
	// backend may refuse more: that of AWS sees no more than 64 KiB.
	MaxSentBytes = 64<<10 - 1
	// MaxResponseBytes bounds a Response on the wire; a rig reads no further.
	MaxResponseBytes = 1 << 20
	// MaxTTL is the longest life of a ticket.
	MaxTTL = 15 * time.Minute
)

// Where keys begin, before the store: what reads frames never meets a canary.
const (
	FramePrefix  = "raw/"
	CanaryPrefix = "canary/"
)

// The canary: a small picture that no camera took, by which a rig tries the whole way to S3. Its upload names
// CanaryCamera, which is no camera id and so can never be that of a frame, and comes alone in its request.
const (
	CanaryCamera = "_canary"
	// CanaryType is what it is, and MaxCanaryBytes how large it may be.
	CanaryType     = "image/png"
	MaxCanaryBytes = 4 << 10
)

// Request is the body of POST /v1/tickets. Store and rig are not in it: they come from the rig's client
// certificate.
type Request struct {
	Uploads []Upload `json:"uploads"`
}

// Upload describes one frame for which a ticket is wanted.
type Upload struct {
	// Frame names the frame within this request and its response.
	Frame string `json:"frame"`
	// Camera is a camera id, [a-z0-9][a-z0-9._-]{0,62}, or CanaryCamera.
	Camera string `json:"camera"`
	// CapturedAt is when the picture was taken, in UTC, with milliseconds.
	CapturedAt time.Time `json:"captured_at"`
	// Bytes is the length of the body, more than 0.
	Bytes int64 `json:"bytes"`
	// ContentType is the body's media type, such as image/jpeg.
	ContentType string `json:"content_type"`
	// SHA256 and MD5 are the body's digests in lower-case hex.
	SHA256 string `json:"sha256"`
	MD5    string `json:"md5"`
	// Metadata is what the rig knows of the frame (width, height, time_source, …); the backend decides
	// what of it becomes object metadata.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// root keeps frames and canaries apart: neither can be written to the other's place, whatever a backend answers.
func (u Upload) root() string {
	if u.Camera == CanaryCamera {
		return CanaryPrefix
	}
	return FramePrefix
}

// Response is the 200 answer: for each upload either a ticket or a refusal.
type Response struct {
	Tickets  []Ticket  `json:"tickets"`
	Refusals []Refusal `json:"refusals,omitempty"`
}

// Ticket is leave to PUT one frame once.
type Ticket struct {
	Frame  string `json:"frame"`
	Method string `json:"method"`
	// URL is presigned and therefore a bearer secret: never log its query.
	URL string `json:"url"`
	// Key is the object's key, raw/<store>/…; a canary's is canary/<store>/….
	Key string `json:"key"`
	// Headers are what the PUT must send, names in lower case. Host is not among them.
	Headers   map[string]string `json:"headers"`
	ExpiresAt time.Time         `json:"expires_at"`
}

// Refusal says why one frame gets no ticket. It is final for that frame.
type Refusal struct {
	Frame   string `json:"frame"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Problem is an error answer to a whole request (RFC 9457, application/problem+json).
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Code is an extension member: a stable word for the cause, such as not_enrolled.
	Code string `json:"code,omitempty"`
}

// ContentMD5 is the Content-MD5 header's value for a digest in hex: base64 (RFC 1864). It is empty when
// the digest is not 16 bytes of hex.
func ContentMD5(md5Hex string) string { return hexToBase64(md5Hex, 16) }

// ChecksumSHA256 is the x-amz-checksum-sha256 header's value for a digest in hex: base64. It is empty when
// the digest is not 32 bytes of hex.
func ChecksumSHA256(sha256Hex string) string { return hexToBase64(sha256Hex, 32) }

func hexToBase64(digest string, size int) string {
	raw, err := hex.DecodeString(digest)
	if err != nil || len(raw) != size {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}
