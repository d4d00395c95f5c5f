package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"shelfagent/queue"
)

// Problem is a refusal, as JSON.
type Problem struct {
	Code    string     `json:"code"`
	Message string     `json:"message"`
	IDs     []queue.ID `json:"ids,omitempty"` // of code "ambiguous"
}

// problems says how an error goes over the wire: both sides use the one table.
var problems = []struct {
	code   string
	status int
	err    error
}{
	{"not_found", http.StatusNotFound, queue.ErrNotFound},
	{"no_payload", http.StatusNotFound, fs.ErrNotExist},
	{"left", http.StatusConflict, ErrLeft},
	{"leased", http.StatusConflict, queue.ErrLeased},
	{"invalid", http.StatusBadRequest, queue.ErrInvalid},
	{"busy", http.StatusTooManyRequests, ErrBusy},
	{"broken", http.StatusServiceUnavailable, queue.ErrBroken},
	{"closed", http.StatusServiceUnavailable, queue.ErrClosed},
	{"newer_schema", http.StatusServiceUnavailable, queue.ErrNewerSchema}, // from Refuse only
	{"read_only", http.StatusServiceUnavailable, syscall.EROFS},
	{"full", http.StatusInsufficientStorage, syscall.ENOSPC},
}

func problemOf(err error) (Problem, int) {
	var ambiguous *AmbiguousError
	if errors.As(err, &ambiguous) {
		return Problem{Code: "ambiguous", Message: ambiguous.Ref, IDs: ambiguous.IDs}, http.StatusConflict
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return Problem{Code: p.code, Message: err.Error()}, p.status
		}
	}
	return Problem{Code: "failed", Message: err.Error()}, http.StatusInternalServerError
}

// toldError is an error of the other side: its words, and what a caller decides on.
type toldError struct {
	message string
	kind    error // may be nil
}

func (e *toldError) Error() string { return e.message }
func (e *toldError) Unwrap() error { return e.kind }

func (p Problem) error() error {
	if p.Code == "ambiguous" {
		return &AmbiguousError{Ref: p.Message, IDs: p.IDs}
	}
	for _, known := range problems {
		if known.code == p.Code {
			return &toldError{p.Message, known.err}
		}
	}
	return &toldError{message: p.Message}
}

// page is one page of a list.
type page struct {
	Frames []Frame  `json:"frames"`
	Next   queue.ID `json:"next,omitempty"` // asked for as "after"; none at the end
}

// retries says what a RetryPage did.
type retries struct {
	Retried int      `json:"retried"`
	Next    queue.ID `json:"next,omitempty"`
}

// line is one line of a verification: a finding, or how it ended.
type line struct {
	Finding *Finding  `json:"finding,omitempty"`
	Done    *Verified `json:"done,omitempty"`
	Problem *Problem  `json:"problem,omitempty"`
}

func valuesOf(f queue.Filter, p queue.Page) url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("camera", f.Camera)
	set("source", f.Source)
	set("sha256", f.SHA256)
	set("after", string(p.After))
	if f.State != 0 {
		v.Set("state", f.State.String())
	}
	if !f.Since.IsZero() {
		v.Set("since", f.Since.Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		v.Set("until", f.Until.Format(time.RFC3339Nano))
	}
	if p.Limit != 0 {
		v.Set("limit", strconv.Itoa(p.Limit))
	}
	return v
}

// selection is the inverse of valuesOf. Its errors are queue.ErrInvalid.
func selection(v url.Values) (f queue.Filter, p queue.Page, err error) {
	f = queue.Filter{Camera: v.Get("camera"), Source: v.Get("source"), SHA256: v.Get("sha256")}
	p = queue.Page{After: queue.ID(v.Get("after"))}
	if text := v.Get("state"); text != "" {
		err = f.State.UnmarshalText([]byte(text))
	}
	at := func(key string, to *time.Time) {
		if text := v.Get(key); text != "" && err == nil {
			if *to, err = time.Parse(time.RFC3339Nano, text); err != nil {
				err = fmt.Errorf("%w %s: %w", queue.ErrInvalid, key, err)
			}
		}
	}
	at("since", &f.Since)
	at("until", &f.Until)
	if text := v.Get("limit"); text != "" && err == nil {
		if p.Limit, err = strconv.Atoi(text); err != nil {
			err = fmt.Errorf("%w limit %q", queue.ErrInvalid, text)
		}
	}
	return f, p, err
}
