package uploader

import (
	"errors"
	"net/http"
	"time"
)

// Cause is a stable word for an outcome; logs, metrics and conditions use it.
type Cause string

// Causes, by what has to happen next.
const (
	CauseDelivered     Cause = "delivered"      // S3 answered 200 and our SHA-256
	CauseHeld          Cause = "held"           // S3 holds this key already, and the key names this digest
	CauseUnproven      Cause = "unproven"       // S3 answered 200 without our SHA-256
	CauseLink          Cause = "link"           // no route, DNS, TLS, reset, stall, 5xx, 408
	CauseWrongNetwork  Cause = "wrong_network"  // the address is not one that may be dialled
	CauseTooFast       Cause = "too_fast"       // 429, 503 SlowDown
	CauseConflict      Cause = "conflict"       // 409: a race on the key
	CauseBackendDenied Cause = "backend_denied" // the backend does not know or want this rig
	CauseBackendFault  Cause = "backend_fault"  // an answer that is none
	CauseTicketRefused Cause = "ticket_refused" // this rig refused what the backend offered
	CauseFrameRefused  Cause = "frame_refused"  // the backend's policy says no to this frame
	CauseTicketExpired Cause = "ticket_expired" // we were slow, or a clock is wrong
	CauseS3Denied      Cause = "s3_denied"      // 403 otherwise
	CauseDamaged       Cause = "payload_damaged"
	CauseMissing       Cause = "payload_missing"
	CauseUnreadable    Cause = "payload_unreadable" // the disk gives an error instead of the bytes
	CauseGaveUp        Cause = "gave_up"            // too many tries
	CauseUnknown       Cause = "unknown"            // anything else
	CauseAborted       Cause = "aborted"            // the agent is stopping
)

// Do is what happens to the frame.
type Do int

// The zero Do is invalid: an outcome that nobody judged must not pass for one.
const (
	Ack   Do = iota + 1 // delivered, with proof
	Defer               // later
	Bury                // needs a person
)

// Seen is one outcome as it was observed, before anyone decides what it means.
type Seen struct {
	// Asked is true for an answer of the backend, false for one of S3.
	Asked bool
	// Err is set when no answer came: what the network, the disk or a check said.
	Err error
	// Status is the HTTP status, 0 with Err.
	Status int
	// Code is S3's error code, or the backend's refusal or problem code.
	Code string
	// Message is the backend's own sentence for a refusal.
	Message string
	// Refused is true when the backend gave others their tickets, and this frame a refusal of its own.
	Refused bool
	// Proof is true when S3's reply held the frame's own SHA-256.
	Proof bool
	// Expired is true when S3 said that the ticket's time is over, or it refused one whose time is.
	Expired bool
	// Alone is true when S3 could not be reached either, just after the backend could not.
	Alone bool
	// RetryAfter is what the answer asked for, 0 when it did not.
	RetryAfter time.Duration
}

// Link is what an outcome says of the way to S3. The zero value says nothing.
type Link int

// Bad opens the breaker, Good closes it.
const (
	Silent Link = iota
	Good
	Bad
)

// Verdict is what an outcome means.
type Verdict struct {
	Cause Cause
	// Place is where, for CauseLink. Judge leaves it empty, for nothing that is done about a frame hangs on it; PlaceOf says it.
	Place Place
	Do    Do
	// Charged counts the try against the frame's attempts.
	Charged bool
	// Link is what the outcome says of everything that is not this frame.
	Link Link
	// Slow halves the pace.
	Slow bool
	// After is the least delay, 0 to leave it to the backoff.
	After time.Duration
	// Rehash asks for the payload to be hashed again: its damage makes this a Bury.
	Rehash bool
}

// maxRetryAfter caps what a server may ask for: a bad answer must not silence a rig for a day.
const maxRetryAfter = 5 * time.Minute

// Judge is the outcome table.
func Judge(s Seen) Verdict {
	switch {
	case s.Err != nil:
		return judgeError(s)
	case s.Status == http.StatusTooManyRequests, s.Status == http.StatusServiceUnavailable && (s.Code == "SlowDown" || s.RetryAfter > 0):
		return Verdict{Cause: CauseTooFast, Do: Defer, Link: Bad, Slow: true, After: min(s.RetryAfter, maxRetryAfter)}
	case s.Status >= 500, s.Status == http.StatusRequestTimeout:
		return Verdict{Cause: CauseLink, Do: Defer, Link: Bad}
	case s.Asked:
		return judgeBackend(s)
	default:
		return judgeS3(s)
	}
}

func judgeError(s Seen) Verdict {
	var wrongNetwork *AddressError
	err := s.Err
	switch {
	case errors.Is(err, errAborted):
		return Verdict{Cause: CauseAborted, Do: Defer}
	case errors.Is(err, errPayloadDamaged):
		return Verdict{Cause: CauseDamaged, Do: Bury}
	case errors.Is(err, errPayloadMissing):
		return Verdict{Cause: CauseMissing, Do: Bury}
	case errors.Is(err, errPayloadUnreadable):
		return Verdict{Cause: CauseUnreadable, Do: Defer, Charged: true}
	case errors.Is(err, errGaveUp):
		return Verdict{Cause: CauseGaveUp, Do: Bury}
	case errors.Is(err, errTicketRefused):
		return Verdict{Cause: CauseTicketRefused, Do: Defer, Link: Bad}
	case errors.Is(err, errBackendFault):
		return Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}
	case errors.As(err, &wrongNetwork):
		return Verdict{Cause: CauseWrongNetwork, Do: Defer, Link: Bad}
	case errors.Is(err, errStalled):
		return Verdict{Cause: CauseLink, Do: Defer, Link: Bad, Slow: true}
	case s.Asked && certificateAlert(err) != "":
		// TLS 1.3 lets a server refuse the certificate after the handshake; a backend that checks it there
		// says so by an alert, not by a status.
		return Verdict{Cause: CauseBackendDenied, Do: Defer, Link: Bad}
	default:
		return Verdict{Cause: CauseLink, Do: Defer, Link: Bad}
	}
}

// judgeBackend charges a frame only for what can be said of a frame. A 422 without a code is not a policy's: it
// may be anybody's on the way, and must not park a backlog.
func judgeBackend(s Seen) Verdict {
	switch {
	case isDenial(s.Status):
		return Verdict{Cause: CauseBackendDenied, Do: Defer, Link: Bad}
	case s.Refused, s.Status == http.StatusUnprocessableEntity && s.Code != "":
		return Verdict{Cause: CauseFrameRefused, Do: Bury}
	case isRequestFault(s.Status):
		return Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}
	case s.Status == 0:
		return Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}
	default: // a redirect, a wrong address: no frame can cause that
		return Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}
	}
}

func isDenial(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// isRequestFault tells an answer to what was asked from one to who asked or when.
func isRequestFault(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// s3DigestErrors are S3's words for "the body is not what was signed".
var s3DigestErrors = map[string]bool{
	"BadDigest": true, "InvalidDigest": true, "XAmzContentChecksumMismatch": true, "XAmzContentSHA256Mismatch": true,
}

func judgeS3(s Seen) Verdict {
	switch {
	case s.Status == http.StatusOK && s.Proof:
		return Verdict{Cause: CauseDelivered, Do: Ack, Link: Good}
	case s.Status == http.StatusOK:
		return Verdict{Cause: CauseUnproven, Do: Defer, Charged: true, Link: Good}
	case s.Status == http.StatusPreconditionFailed && s.Code == "PreconditionFailed": // a bare 412 may be anybody's on the way
		return Verdict{Cause: CauseHeld, Do: Ack, Link: Good}
	case s.Status == http.StatusConflict:
		// Charged, so that the delay grows should the race never end.
		return Verdict{Cause: CauseConflict, Do: Defer, Charged: true, Link: Good}
	case s.Status == http.StatusBadRequest && s3DigestErrors[s.Code]:
		return Verdict{Cause: CauseDamaged, Do: Defer, Charged: true, Rehash: true, Link: Good}
	case s.Status == http.StatusBadRequest && s.Code == "RequestTimeout": // S3's word for a body that stopped coming
		return Verdict{Cause: CauseLink, Do: Defer, Link: Bad}
	case s.Expired && (s.Status == http.StatusForbidden || s.Status == http.StatusBadRequest):
		// One new ticket has been tried by then: a clock is wrong, here or at the backend, for all frames.
		return Verdict{Cause: CauseTicketExpired, Do: Defer, Link: Bad}
	case s.Status == http.StatusForbidden:
		return Verdict{Cause: CauseS3Denied, Do: Defer, Charged: true}
	default:
		return Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}
	}
}
