package uploader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"shelfagent/uploader/ticket"
)

var (
	errTicketRefused = errors.New("this rig refused the ticket")
	errBackendFault  = errors.New("the backend's answer is unusable")
	errNoAnswer      = errors.New("no answer in time")
)

// askTimeout ends a request for tickets: both ways are a few kilobytes.
const askTimeout = time.Minute

// asker asks the backend for tickets.
type asker struct {
	client *http.Client
	url    string
	clock  func(offset time.Duration) // told how far the backend's clock is ahead of ours
}

func newAsker(base *url.URL, client *http.Client, clock func(time.Duration)) *asker {
	return &asker{client: client, url: base.JoinPath(ticket.TicketsPath).String(), clock: clock}
}

// ask returns the backend's answers by frame, or the outcome that all of these frames share.
func (a *asker) ask(ctx context.Context, uploads []ticket.Upload) (answers map[string]ticket.Answer, failed *Seen) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, errNoAnswer)
	defer cancel()
	failed = post(ctx, a.client, a.url, ticket.Request{Uploads: uploads}, a.clock, func(body io.Reader) (err error) {
		answers, err = ticket.ReadResponse(body, uploads)
		return err
	})
	return answers, failed
}

// post makes one request of the backend and has the body of a 200 read. It returns nil when that went well. clock, if
// there is one, is told how far the backend's clock is ahead of ours.
func post(ctx context.Context, client *http.Client, url string, request any, clock func(time.Duration), read func(io.Reader) error) *Seen {
	body, err := json.Marshal(request)
	if err != nil {
		return &Seen{Asked: true, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return &Seen{Asked: true, Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	resp, err := client.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return &Seen{Asked: true, Err: whyNot(ctx, err)}
	}
	if isDenial(resp.StatusCode) {
		// A connection is bound to the certificate that it began with, which may have ended while another
		// lies ready; only a new handshake presents that one.
		defer client.CloseIdleConnections()
	}
	defer drain(resp.Body)
	if offset, ok := clockOffset(resp, began); ok && clock != nil {
		clock(offset)
	}

	if resp.StatusCode != http.StatusOK {
		return &Seen{
			Asked: true, Status: resp.StatusCode, Code: problemCode(resp),
			RetryAfter: retryAfter(resp.Header, time.Now()),
		}
	}
	err = read(resp.Body)
	switch {
	case errors.Is(err, ticket.ErrResponse):
		// A request that is aborted may still get what the server made of its end: that is none of its faults.
		return &Seen{Asked: true, Err: whyNot(ctx, fmt.Errorf("%w: %w", errBackendFault, err))}
	case err != nil:
		return &Seen{Asked: true, Err: whyNot(ctx, err)}
	}
	return nil
}

// clockOffset is how far the clock that stamped an answer is ahead of ours. Date has whole seconds.
func clockOffset(resp *http.Response, began time.Time) (offset time.Duration, ok bool) {
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	return ahead(theirs.Add(500*time.Millisecond), began), true
}

// ahead is how far the backend's clock is before ours, if theirs was read in the middle of an exchange that ends now.
func ahead(theirs, began time.Time) time.Duration {
	ours := began.Add(time.Since(began) / 2)
	return theirs.Sub(ours)
}

// problemCode reads the code of a problem document, or "" when there is none.
func problemCode(resp *http.Response) string {
	code, _ := readProblem(resp)
	return code
}

// readProblem reads code and detail of a problem document, fit for a log and a terminal.
func readProblem(resp *http.Response) (code, detail string) {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "application/problem+json" {
		return "", ""
	}
	var problem ticket.Problem
	if json.NewDecoder(io.LimitReader(resp.Body, maxErrorBody)).Decode(&problem) != nil {
		return "", ""
	}
	return word(problem.Code), sentence(problem.Detail)
}

// word keeps what a server calls its errors short and plain enough for a log and a terminal; the alphabet
// leaves no room for a URL.
func word(s string) string {
	if len(s) > 60 {
		return "unreadable"
	}
	for _, r := range s {
		if !plainRune(r) {
			return "unreadable"
		}
	}
	return s
}

func plainRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.'
}

// retryAfter reads Retry-After (RFC 9110, section 10.2.3): seconds, or a date. What is too long to count is very
// long.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// whyNot prefers the reason for which ctx was ended to what that did to the request, and drops url.Error,
// whose text quotes the whole URL: a presigned one is a secret.
func whyNot(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// drain reads what little is left of an answer, so that its connection can serve again.
func drain(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, maxErrorBody))
	_ = body.Close()
}
