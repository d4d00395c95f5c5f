package backend

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"shelfagent/uploader/ticket"
)

// Bounds of an upload's members, in bytes or entries.
const (
	maxFrameName       = 256
	maxContentType     = 100
	maxRequestMetadata = 64
	maxMetadataName    = 64
)

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	md5Hex    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	frameName = regexp.MustCompile(`^[!-~]+$`)
	// mediaType is a type without parameters (RFC 6838, section 4.2), in lower case.
	mediaType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$`)
)

// decode reads one bounded JSON value and nothing after it.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return fail(http.StatusUnsupportedMediaType, CodeMediaType, "send Content-Type: application/json")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return fail(http.StatusUnsupportedMediaType, CodeMediaType, "send the body without Content-Encoding")
	}
	body := http.MaxBytesReader(w, r.Body, ticket.MaxRequestBytes)
	decoder := json.NewDecoder(body)
	if err := decoder.Decode(into); err != nil {
		return decodeProblem(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		if err == nil {
			return fail(http.StatusBadRequest, CodeMalformed, "there is something after the JSON value")
		}
		return decodeProblem(err)
	}
	return nil
}

func decodeProblem(err error) error {
	var tooLarge *http.MaxBytesError
	var said *problem
	if errors.As(err, &said) {
		return said
	}
	if errors.As(err, &tooLarge) {
		return fail(http.StatusRequestEntityTooLarge, CodeRequestTooLarge, "the body has more than %d bytes", tooLarge.Limit)
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return fail(http.StatusBadRequest, CodeMalformed, "%.100q cannot be a JSON %s", wrongType.Field, wrongType.Value).because(err)
	}
	// Other messages may quote the body, which a log should not repeat.
	return fail(http.StatusBadRequest, CodeMalformed, "the body is not the JSON that was expected")
}

// uploads are decoded one by one, and no more than may be: of empty ones a request has room for so many that they would
// take two hundred times its own size.
type uploads []ticket.Upload

// UnmarshalJSON is for encoding/json.
func (u *uploads) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	opening, err := decoder.Token()
	if opening == nil || err != nil { // null is none
		return err
	}
	if opening != json.Delim('[') {
		return fail(http.StatusBadRequest, CodeMalformed, "uploads is no list")
	}
	for decoder.More() {
		if len(*u) == ticket.MaxUploads {
			return fail(http.StatusBadRequest, CodeUploads, "more than %d uploads", ticket.MaxUploads)
		}
		var next ticket.Upload
		if err := decoder.Decode(&next); err != nil {
			return err
		}
		*u = append(*u, next)
	}
	return nil
}

// decodeTickets reads a request that is well-formed in every field; the policy has not been asked.
func decodeTickets(w http.ResponseWriter, r *http.Request) (ticket.Request, error) {
	var asked struct {
		Uploads uploads `json:"uploads"`
	}
	if err := decode(w, r, &asked); err != nil {
		return ticket.Request{}, err
	}
	request := ticket.Request{Uploads: asked.Uploads}
	if n := len(request.Uploads); n == 0 || n > ticket.MaxUploads {
		return ticket.Request{}, fail(http.StatusBadRequest, CodeUploads, "%d uploads, want 1 to %d", n, ticket.MaxUploads)
	}
	seen := map[string]bool{}
	for i, upload := range request.Uploads {
		if reason := malformed(upload); reason != "" {
			return ticket.Request{}, fail(http.StatusBadRequest, CodeUpload, "uploads[%d]: %s", i, reason)
		}
		if seen[upload.Frame] {
			return ticket.Request{}, fail(http.StatusBadRequest, CodeDuplicateFrame, "uploads[%d]: the frame is named twice", i)
		}
		if isCanary(upload) && len(request.Uploads) > 1 {
			return ticket.Request{}, fail(http.StatusBadRequest, CodeUpload, "uploads[%d]: a canary comes alone", i)
		}
		seen[upload.Frame] = true
	}
	return request, nil
}

// malformed says what is wrong with an upload that no policy could accept; empty when nothing is.
func malformed(u ticket.Upload) string {
	switch {
	case len(u.Frame) > maxFrameName || !frameName.MatchString(u.Frame):
		return "frame is not 1 to 256 bytes of visible ASCII"
	case isCanary(u) && malformedCanary(u):
		return fmt.Sprintf("a canary is %s of at most %d bytes", ticket.CanaryType, ticket.MaxCanaryBytes)
	case !isCanary(u) && !ticket.ValidID(u.Camera):
		return "camera does not match [a-z0-9][a-z0-9._-]{0,62}"
	case u.CapturedAt.IsZero():
		return "captured_at is missing"
	case u.CapturedAt.UTC().Year() < 1970 || u.CapturedAt.UTC().Year() > 2199:
		return "captured_at is not between 1970 and 2199"
	case u.Bytes <= 0:
		// The SDK leaves length and type unsigned when the length is 0.
		return "bytes is not more than 0"
	case len(u.ContentType) > maxContentType || !mediaType.MatchString(u.ContentType):
		return "content_type is not a media type in lower case without parameters"
	case !sha256Hex.MatchString(u.SHA256):
		return "sha256 is not 64 lower-case hex digits"
	case !md5Hex.MatchString(u.MD5):
		return "md5 is not 32 lower-case hex digits"
	}
	return malformedMetadata(u.Metadata)
}

func malformedMetadata(metadata map[string]string) string {
	if len(metadata) > maxRequestMetadata {
		return "metadata has more than 64 members"
	}
	for name, value := range metadata {
		if name == "" || len(name) > maxMetadataName || !printable(name) || strings.Contains(name, " ") {
			return "metadata has a name that is not 1 to 64 bytes of visible ASCII"
		}
		if len(value) > maxMetadataValue || !plainValue(value) {
			return "metadata has a value that is not at most 128 bytes of printable ASCII with single inner spaces"
		}
	}
	return ""
}
