package frame

import "fmt"

// Code says why bytes did not become a frame. The set is closed: see Codes.
type Code string

// The reasons for a Rejection.
const (
	CodeEmpty            Code = "empty"
	CodeTooLarge         Code = "too_large"
	CodeTooManyPixels    Code = "too_many_pixels"
	CodeTooSmall         Code = "too_small"
	CodeUnknownFormat    Code = "unknown_format"
	CodeFormatNotAllowed Code = "format_not_allowed"
	CodeTruncated        Code = "truncated"
	CodeCorrupt          Code = "corrupt"
	CodeUnsupported      Code = "unsupported"
	CodeAnimated         Code = "animated"
	CodeMaskMismatch     Code = "mask_mismatch"
	// CodePoison is the one code that New does not give: only who outlives the process that called it can.
	CodePoison Code = "poison"
)

// sentences is the one list of codes and what a technician reads about them.
var sentences = []struct {
	code     Code
	sentence string
}{
	{CodeEmpty, "The file has no content: the camera or the transfer did not write it."},
	{CodeTooLarge, "The file is larger than the configuration allows."},
	{CodeTooManyPixels, "The picture has more pixels than this box is allowed to handle."},
	{CodeTooSmall, "The picture is smaller than the configuration demands."},
	{CodeUnknownFormat, "The file is not a JPEG, PNG, BMP, TIFF or WebP picture."},
	{CodeFormatNotAllowed, "The configuration does not allow pictures of this format."},
	{CodeTruncated, "The picture ends too early: the camera or the transfer stopped before it was complete."},
	{CodeCorrupt, "The picture is damaged: it cannot be decoded as a whole."},
	{CodeUnsupported, "The picture is of a rare kind that this program cannot decode and so cannot vouch for."},
	{CodeAnimated, "The file is an animation, not a single picture."},
	{CodePoison, "Three times the agent was ended while it decoded this picture, so it is not tried again."},
	{CodeMaskMismatch, "The picture has another shape than this camera's privacy masks were drawn for, so it is held back."},
}

// Codes lists every Code, in a fixed order.
func Codes() []Code {
	codes := make([]Code, len(sentences))
	for i, s := range sentences {
		codes[i] = s.code
	}
	return codes
}

// Sentence says in plain words what the code means, or "" for a code that is not in Codes.
func (c Code) Sentence() string {
	for _, s := range sentences {
		if s.code == c {
			return s.sentence
		}
	}
	return ""
}

// Rejection is why New did not return a frame.
type Rejection struct {
	Code   Code
	Detail string // for the log: the values that were wrong; may be empty; never content of the file
}

// Error is the sentence of the code, with the detail in brackets.
func (r *Rejection) Error() string {
	if r.Detail == "" {
		return r.Code.Sentence()
	}
	return r.Code.Sentence() + " (" + r.Detail + ")"
}

func reject(code Code, format string, args ...any) error {
	return &Rejection{Code: code, Detail: fmt.Sprintf(format, args...)}
}
