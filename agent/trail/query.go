package trail

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// DefaultWithin is how far from the time that was asked for a picture may have been taken.
const DefaultWithin = 10 * time.Minute

// maxWithin bounds it: whoever looks for more wants a list.
const maxWithin = 31 * 24 * time.Hour

// minDigest is how many digits name a picture at least.
const minDigest = 4

// Form is what a person types, on the command line or on the page; what is left empty is not asked for.
type Form struct {
	Camera string
	At     string // "14:05", "2026-11-22 14:05", "2026-11-22", or as in RFC 3339
	Within string // "10m"; with At only
	File   string // its name as the camera wrote it, or the end of its path
	Digest string // the SHA-256 in hex, its beginning, or the key of an object, which contains it
}

// Query is what is looked for.
type Query struct {
	Camera string    `json:"camera,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	File   string    `json:"file,omitempty"`
	Digest string    `json:"digest,omitempty"`
}

// FieldError says which field of a Form is wrong.
type FieldError struct {
	Field string // "at", "within", "digest"; "": too little was said
	Err   error
}

func (e *FieldError) Error() string { return e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

var wholeDigest = regexp.MustCompile(`[0-9a-f]{64}`)

var digestRule = regexp.MustCompile(fmt.Sprintf(`^[0-9a-f]{%d,64}$`, minDigest))

// Query reads the form. Times without a zone are in loc. Its errors are *FieldError.
func (f Form) Query(now time.Time, loc *time.Location) (Query, error) {
	f = f.trimmed()
	q := Query{Camera: strings.ToLower(f.Camera), File: f.File, Digest: strings.ToLower(f.Digest)}
	if strings.ContainsAny(q.Digest, "/.-") {
		q.Digest = wholeDigest.FindString(q.Digest)
	}
	switch {
	case f.At == "" && f.Within != "":
		return q, &FieldError{"within", errors.New("it goes with a time")}
	case f.At == "" && f.File == "" && f.Digest == "":
		return q, &FieldError{"", errors.New("say when the picture was taken, what its file was called, or the beginning of its digest")}
	case f.Digest != "" && !digestRule.MatchString(q.Digest):
		return q, &FieldError{"digest", fmt.Errorf("%q is no SHA-256 in hex, nor the beginning of one with %d digits or more", f.Digest, minDigest)}
	}
	if f.At == "" {
		return q, nil
	}
	within, err := parseWithin(f.Within)
	if err != nil {
		return q, &FieldError{"within", err}
	}
	if q.Since, q.Until, err = parseAt(f.At, within, now, loc); err != nil {
		return q, &FieldError{"at", err}
	}
	return q, nil
}

func (f Form) trimmed() Form {
	for _, field := range []*string{&f.Camera, &f.At, &f.Within, &f.File, &f.Digest} {
		*field = strings.TrimSpace(*field)
	}
	return f
}

func parseWithin(text string) (time.Duration, error) {
	if text == "" {
		return DefaultWithin, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time span; write it as in 10m, 2h or 90s", text)
	}
	if d < time.Second || d > maxWithin {
		return 0, fmt.Errorf("%s is not between 1s and %dh", text, int(maxWithin.Hours()))
	}
	return d, nil
}

// Layouts of what people type. Browsers send the ones with a T.
var (
	clockLayouts = []string{"15:04", "15:04:05"}
	localLayouts = []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"}
)

// parseAt returns the span that a time means: from since, and before until.
func parseAt(text string, within time.Duration, now time.Time, loc *time.Location) (since, until time.Time, err error) {
	around := func(t time.Time) (time.Time, time.Time, error) {
		first, last := twice(t)
		return first.Add(-within).UTC(), last.Add(within).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.Add(-within).UTC(), t.Add(within).UTC(), nil
	}
	for _, layout := range localLayouts {
		if t, err := time.ParseInLocation(layout, text, loc); err == nil {
			return around(t)
		}
	}
	for _, layout := range clockLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return around(lastClock(t, within, now.In(loc)))
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		return t.UTC(), t.AddDate(0, 0, 1).UTC(), nil
	}
	return since, until, fmt.Errorf("%q is no time; write it as in 14:05, \"2026-11-22 14:05\", 2026-11-22 for the whole day, "+
		"or 2026-11-22T14:05:00+01:00", text)
}

// lastClock is the last time that a clock on the wall showed this, or soon will: pictures of within before it are there.
func lastClock(t time.Time, within time.Duration, now time.Time) time.Time {
	day := func(back int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()-back, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
	}
	if today := day(0); !today.Add(-within).After(now) {
		return today
	}
	return day(1)
}

// twice returns both times that a clock showed what it shows at t: when it is set back by an hour, there are two.
func twice(t time.Time) (first, last time.Time) {
	first, last = t, t
	if before := t.Add(-time.Hour); before.Format(time.DateTime) == t.Format(time.DateTime) {
		first = before
	}
	if after := t.Add(time.Hour); after.Format(time.DateTime) == t.Format(time.DateTime) {
		last = after
	}
	return first, last
}

// Holds tells whether a moment is within the span that was asked for; any is, when none was.
func (q Query) Holds(t time.Time) bool {
	return (q.Since.IsZero() || !t.Before(q.Since)) && (q.Until.IsZero() || t.Before(q.Until))
}

// Names tells whether a path is that of the file that was asked for, or ends in it; any does, when none was.
func (q Query) Names(path string) bool {
	return q.File == "" || path == q.File || strings.HasSuffix(path, "/"+q.File)
}
