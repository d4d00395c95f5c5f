package backend

import (
	"fmt"
	"regexp"
	"strings"

	"shelfagent/uploader/ticket"
)

const (
	// maxMetadataKeys and maxMetadataValue keep the sum below S3's 2 KB for user-defined metadata.
	maxMetadataKeys  = 10
	maxMetadataValue = 128
	// captureTime is RFC 3339 with milliseconds.
	captureTime = "2006-01-02T15:04:05.000Z07:00"
)

var metadataKey = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// metadataFilter maps the request's metadata keys to the object's. Underscores become dashes, because
// proxies drop headers with underscores.
type metadataFilter map[string]string

func newMetadataFilter(keys []string) (metadataFilter, error) {
	if len(keys) > maxMetadataKeys {
		return nil, fmt.Errorf("%d keys, at most %d fit", len(keys), maxMetadataKeys)
	}
	taken := map[string]bool{"store": true, "rig": true, "camera": true, "captured-at": true}
	filter := metadataFilter{}
	for _, key := range keys {
		name := strings.ReplaceAll(key, "_", "-")
		if !metadataKey.MatchString(key) {
			return nil, fmt.Errorf("%q does not match [a-z0-9][a-z0-9_-]{0,31}", key)
		}
		if taken[name] {
			return nil, fmt.Errorf("%q is there already, or set by the backend", key)
		}
		taken[name] = true
		filter[key] = name
	}
	return filter, nil
}

// object is the object's metadata: what the backend knows, and what of the rig's the filter lets through.
func (f metadataFilter) object(id ticket.Identity, u ticket.Upload) map[string]string {
	metadata := map[string]string{
		"store":       id.Store,
		"rig":         id.Rig,
		"camera":      u.Camera,
		"captured-at": u.CapturedAt.UTC().Format(captureTime),
	}
	for key, name := range f {
		// An empty value would be an empty header, which clients and proxies drop.
		if value := u.Metadata[key]; value != "" {
			metadata[name] = value
		}
	}
	return metadata
}

// plainValue reports whether a header can carry the value unchanged: printable ASCII, and no space that
// Signature Version 4 would trim or fold.
func plainValue(s string) bool {
	return printable(s) && s == strings.TrimSpace(s) && !strings.Contains(s, "  ")
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
