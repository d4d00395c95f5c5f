package frame

import (
	"strings"
	"time"
)

// The bounds of a plausible capture time; the package comment gives the reasons.
var earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

const maxAhead = 24 * time.Hour

// first and last are the times that a frame can have: keys and names of payloads have room for no others. A modification
// time before or after them says no more than that nobody knows; it becomes the nearest, so that such a file is not
// refused for ever. Backends take no later year than 2199.
var (
	first = time.Unix(0, 0).UTC()
	last  = time.Date(2199, 12, 31, 23, 59, 59, 999e6, time.UTC)
)

// captureTime chooses the time of a frame, and says where it comes from.
func captureTime(meta exifData, src Source) (time.Time, TimeSource) {
	for _, s := range []stamp{meta.original, meta.digitized, meta.modified} {
		if t, from, ok := s.time(src.Location); ok && plausible(t, src.ModTime) {
			return t.UTC().Truncate(time.Millisecond), from
		}
	}
	switch {
	case src.ModTime.Before(first):
		return first, TimeMod
	case src.ModTime.After(last):
		return last, TimeMod
	}
	return src.ModTime.UTC().Truncate(time.Millisecond), TimeMod
}

func plausible(t, modTime time.Time) bool {
	if t.Before(earliest) {
		return false
	}
	return modTime.Before(earliest) || !t.After(modTime.Add(maxAhead))
}

// time reads a stamp; local is the zone of one without an offset, nil means UTC.
func (s stamp) time(local *time.Location) (time.Time, TimeSource, bool) {
	if local == nil {
		local = time.UTC
	}
	dateTime := exifDateTime(s.dateTime)
	t, err := time.ParseInLocation(exifLayout, dateTime, local)
	if err != nil {
		return time.Time{}, "", false
	}
	from := TimeEXIFLocal
	// UTC+14 is the largest offset in use; "+99:99" and blanks are what cameras write for "not known".
	if z, err := time.Parse(exifLayout+"Z07:00", dateTime+s.offset); err == nil {
		if _, off := z.Zone(); off >= -14*3600 && off <= 14*3600 {
			t, from = z, TimeEXIF
		}
	}
	return t.Add(fraction(s.subSec)), from, true
}

const exifLayout = "2006:01:02 15:04:05"

// exifDateTime undoes the dashes and slashes that some cameras write for the colons of EXIF's date.
func exifDateTime(s string) string {
	if len(s) != len(exifLayout) {
		return ""
	}
	return strings.NewReplacer("-", ":", "/", ":").Replace(s[:10]) + s[10:]
}

// fraction reads the digits after the point of a second: "5" is half of one, "05" a twentieth.
func fraction(digits string) time.Duration {
	var d time.Duration
	unit := 100 * time.Millisecond
	for i := 0; i < len(digits) && digits[i] >= '0' && digits[i] <= '9'; i++ {
		d += time.Duration(digits[i]-'0') * unit
		unit /= 10
	}
	return d
}
