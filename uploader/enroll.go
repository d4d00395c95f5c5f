package uploader

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"shelfagent/uploader/device"
	"shelfagent/uploader/ticket"
)

// maxSkew is by how much the clocks of rig and backend may differ at an enrolment. Beyond it tickets are refused, and
// the certificate may seem to be over, or not to have begun.
const maxSkew = 5 * time.Minute

// SkewError says that the clocks of rig and backend differ too much. Nothing was sent that spends a code.
type SkewError struct {
	// Ahead is how far the backend's clock is ahead of the rig's.
	Ahead time.Duration
}

func (e *SkewError) Error() string {
	side, by := "behind", e.Ahead
	if by < 0 {
		side, by = "ahead of", -by
	}
	return fmt.Sprintf("this machine's clock is %s %s the backend's", by.Round(time.Second), side)
}

// KeepError says that a certificate was issued and could not be kept.
type KeepError struct{ Err error }

func (e *KeepError) Error() string {
	return "the certificate was issued, but cannot be kept: " + e.Err.Error()
}
func (e *KeepError) Unwrap() error { return e.Err }

// ErrCode marks what cannot be a one-time code, however it was typed.
var ErrCode = errors.New("this is no code")

// maxCode bounds a code, in letters.
const maxCode = 128

// ReadCode reads a code as people type it: small letters, spaces and dashes do not matter.
func ReadCode(typed string) (string, error) {
	var code strings.Builder
	for _, r := range typed {
		switch {
		case r == '-' || r == '–' || r == '—' || unicode.IsSpace(r):
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			code.WriteRune(unicode.ToUpper(r))
		default:
			return "", fmt.Errorf("%w: it consists of letters and digits only, and %q is neither", ErrCode, r)
		}
	}
	switch n := code.Len(); {
	case n == 0:
		return "", fmt.Errorf("%w: it is empty", ErrCode)
	case n > maxCode:
		return "", fmt.Errorf("%w: it is longer than %d letters", ErrCode, maxCode)
	}
	return code.String(), nil
}

// Enroll gets a rig its device key and first certificate, and keeps them in home. Before the code is sent, it has seen
// that they can be kept, that the backend answers, and that the clocks agree. Its error is an *IssueError, a *SkewError,
// a *KeepError, or one of the disk's, after which nothing was sent.
func Enroll(ctx context.Context, issuer Issuer, home *device.Home, code string) (*ticket.Issued, error) {
	if err := home.Prepare(); err != nil {
		return nil, err
	}
	client := issuer.client(nil)
	defer client.CloseIdleConnections()
	if err := issuer.compareClocks(ctx, client); err != nil {
		return nil, err
	}
	key, err := home.PendingKey()
	if err != nil {
		return nil, err
	}
	csr, err := device.Request(key)
	if err != nil {
		return nil, err
	}
	issued, err := issuer.ask(ctx, client, ticket.EnrollPath, ticket.EnrollRequest{Code: code, CSR: csr}, key.Public(), time.Now)
	if err != nil {
		return nil, err
	}
	if err := home.Install(issued); err != nil {
		return nil, &KeepError{err}
	}
	return issued, nil
}

// healthPath is answered by the reference backend; of other answers the time is good as well.
const healthPath = "/healthz"

// compareClocks asks the backend for something that costs nothing, whatever it answers.
func (i Issuer) compareClocks(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, errNoAnswer)
	defer cancel()
	began := time.Now()
	resp, _, err := i.request(ctx, client, http.MethodGet, healthPath, nil) //nolint:bodyclose // drain closes it
	if err != nil {
		return &IssueError{Seen: Seen{Asked: true, Err: err}}
	}
	defer drain(resp.Body)
	if ahead, ok := clockOffset(resp, began); ok && ahead.Abs() > maxSkew {
		return &SkewError{ahead}
	}
	return nil
}
