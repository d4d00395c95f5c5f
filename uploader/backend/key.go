package backend

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"shelfagent/uploader/ticket"
)

// extensions of the accepted content types. What is not here cannot be accepted: it would have no key.
var extensions = map[string]string{
	"image/jpeg": "jpg",
	"image/png":  "png",
	"image/webp": "webp",
	"image/bmp":  "bmp",
	"image/tiff": "tiff",
}

// ContentTypes are the content types that a policy can accept, sorted.
func ContentTypes() []string { return slices.Sorted(maps.Keys(extensions)) }

// timeLayouts are the placeholders that come from the capture time, in UTC.
var timeLayouts = map[string]string{
	"yyyy-mm-dd": "2006-01-02",
	"yyyy":       "2006",
	"mm":         "01",
	"dd":         "02",
	"HH":         "15",
	"HHMMSS.mmm": "150405.000",
}

// fields are the placeholders that come from the upload and its rig.
var fields = map[string]func(ticket.Identity, ticket.Upload) string{
	"store":  func(id ticket.Identity, _ ticket.Upload) string { return id.Store },
	"rig":    func(id ticket.Identity, _ ticket.Upload) string { return id.Rig },
	"camera": func(_ ticket.Identity, u ticket.Upload) string { return u.Camera },
	"sha256": func(_ ticket.Identity, u ticket.Upload) string { return u.SHA256 },
	"ext":    func(_ ticket.Identity, u ticket.Upload) string { return extensions[u.ContentType] },
}

// KeyTemplate makes object keys. The zero value makes none; get one from ParseKeyTemplate.
type KeyTemplate struct{ text string }

const (
	keyPrefix    = ticket.FramePrefix + "{store}/"
	canaryPrefix = ticket.CanaryPrefix + "{store}/"
)

var (
	placeholder = regexp.MustCompile(`\{[^{}]*\}`)
	// keyLiteral is what ticket.Policy.Verify lets a key consist of: nothing that two programs could
	// encode differently.
	keyLiteral = regexp.MustCompile(`^[A-Za-z0-9/._=-]*$`)
)

// ParseKeyTemplate checks a template for keys. It must begin with raw/{store}/ and contain {sha256}, so that
// no frame can take another's place. The placeholders are {store}, {rig}, {camera}, {sha256}, {ext}, and of
// the capture time in UTC {yyyy-mm-dd}, {yyyy}, {mm}, {dd}, {HH}, {HHMMSS.mmm}. A template without the
// camera or the time makes one object of two equal pictures.
func ParseKeyTemplate(text string) (KeyTemplate, error) { return parseTemplate(text, keyPrefix) }

// ParseCanaryTemplate is ParseKeyTemplate for canaries, whose keys begin with canary/{store}/.
func ParseCanaryTemplate(text string) (KeyTemplate, error) { return parseTemplate(text, canaryPrefix) }

func parseTemplate(text, prefix string) (KeyTemplate, error) {
	if !strings.HasPrefix(text, prefix) {
		return KeyTemplate{}, fmt.Errorf("%q does not begin with %s", text, prefix)
	}
	if !strings.Contains(text, "{sha256}") {
		return KeyTemplate{}, fmt.Errorf("%q does not contain {sha256}: frames would overwrite each other", text)
	}
	for _, found := range placeholder.FindAllString(text, -1) {
		name := strings.Trim(found, "{}")
		if fields[name] == nil && timeLayouts[name] == "" {
			return KeyTemplate{}, fmt.Errorf("%q has the unknown placeholder %s", text, found)
		}
	}
	if literal := placeholder.ReplaceAllString(text, ""); !keyLiteral.MatchString(literal) {
		return KeyTemplate{}, fmt.Errorf("%q contains something else than letters, digits and / . _ - =", text)
	}
	t := KeyTemplate{text: text}
	longest, digest := strings.Repeat("a", 63), strings.Repeat("0", 64)
	key := t.Key(ticket.Identity{Store: longest, Rig: longest},
		ticket.Upload{Camera: longest, SHA256: digest, ContentType: "image/tiff"})
	if len(key) > 1024 {
		return KeyTemplate{}, fmt.Errorf("%q makes keys of up to %d bytes, S3 takes 1024", text, len(key))
	}
	if err := ticket.VerifyDigest(key, digest); err != nil {
		return KeyTemplate{}, fmt.Errorf("%q puts something beside {sha256}, or two ids side by side, that reads like a digest; put - or / between", text)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return KeyTemplate{}, fmt.Errorf("%q has an empty or dot segment", text)
		}
	}
	return t, nil
}

// Key is the object key for an upload whose ids, digest and type have been checked.
func (t KeyTemplate) Key(id ticket.Identity, u ticket.Upload) string {
	at := u.CapturedAt.UTC().Truncate(time.Millisecond)
	return placeholder.ReplaceAllStringFunc(t.text, func(found string) string {
		name := strings.Trim(found, "{}")
		if field := fields[name]; field != nil {
			return field(id, u)
		}
		return at.Format(timeLayouts[name])
	})
}
