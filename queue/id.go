package queue

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// stampLayout is the capture time in a payload name: UTC, milliseconds, sorts as text.
const stampLayout = "20060102T150405.000Z"

// ErrInvalid marks what no queue can hold: a camera name, time, format or ID outside of the rules.
var ErrInvalid = errors.New("queue: invalid")

// validCamera is [a-z0-9][a-z0-9._-]{0,62}, and validExt [a-z0-9]{1,5}. They are written out because an unclean start
// asks them a million times before the first frame moves.
func validCamera(s string) bool {
	if len(s) < 1 || len(s) > 63 || !letterOrDigit(s[0]) {
		return false
	}
	for i := range len(s) {
		if !letterOrDigit(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

func validExt(s string) bool {
	for i := range len(s) {
		if !letterOrDigit(s[i]) {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 5
}

func letterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// ID names a frame for ever: "<camera>/<captured_at>-<sha256>.<ext>". IDs sort by camera, then capture time.
type ID string

// identity is an ID taken apart.
type identity struct {
	camera   string
	captured time.Time
	sha256   [32]byte
	ext      string
}

func (i identity) validate() error {
	switch {
	case !validCamera(i.camera):
		return fmt.Errorf("%w camera %q", ErrInvalid, i.camera)
	case !validExt(i.ext):
		return fmt.Errorf("%w format %q", ErrInvalid, i.ext)
	case i.captured.UTC().Year() < 1970 || i.captured.UTC().Year() > 9999:
		return fmt.Errorf("%w capture time %v", ErrInvalid, i.captured)
	}
	return nil
}

func (i identity) id() ID { return ID(i.append(nil)) }

// append writes the ID behind b.
func (i identity) append(b []byte) []byte {
	b = append(append(b, i.camera...), '/')
	b = append(i.captured.UTC().AppendFormat(b, stampLayout), '-')
	b = append(hex.AppendEncode(b, i.sha256[:]), '.')
	return append(b, i.ext...)
}

// spells tells whether an ID is what this identity makes, without a second copy of it.
func (i identity) spells(id ID) bool {
	var room [192]byte // the longest ID has 155 bytes
	return string(i.append(room[:0])) == string(id)
}

// parseID is the inverse of identity.id. What it accepts is safe as a path below payload/: the rules leave no
// room for separators or dot names.
func parseID(id ID) (identity, error) {
	i, ok := splitID(string(id))
	// One spelling only: upper-case digits would be a second name for the same frame.
	if !ok || i.validate() != nil || !i.spells(id) {
		return identity{}, fmt.Errorf("%w id %q", ErrInvalid, string(id))
	}
	return i, nil
}

// splitID takes an ID apart without judging the parts.
func splitID(id string) (i identity, ok bool) {
	camera, name, ok := strings.Cut(id, "/")
	if !ok || len(name) < len(stampLayout)+1+64+2 {
		return identity{}, false
	}
	stamp, rest := name[:len(stampLayout)], name[len(stampLayout):]
	digest, ext, ok := strings.Cut(rest[1:], ".")
	if !ok || rest[0] != '-' || len(digest) != 64 {
		return identity{}, false
	}
	captured, err := time.Parse(stampLayout, stamp)
	if err != nil {
		return identity{}, false
	}
	i = identity{camera: camera, captured: captured, ext: ext}
	_, err = hex.Decode(i.sha256[:], []byte(digest))
	return i, err == nil
}

// camera is the part of the ID before the slash, valid or not.
func (id ID) camera() string {
	camera, _, _ := strings.Cut(string(id), "/")
	return camera
}

// contentType is what a rebuilt record says of a payload; the format in the name is all that is left.
func contentType(ext string) string {
	switch ext {
	case "jpg", "jpeg":
		return "image/jpeg"
	case "png", "bmp", "webp":
		return "image/" + ext
	case "tif", "tiff":
		return "image/tiff"
	}
	return "application/octet-stream"
}
