package uploader

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// TestJudge is the outcome table, P2: a frame is acknowledged in exactly two of its rows.
func TestJudge(t *testing.T) {
	refused := &AddressError{netip.MustParseAddr("203.0.113.9"), "outside"}
	alert := &net.OpError{Op: "remote error", Err: tls.AlertError(45)}
	otherAlert := &net.OpError{Op: "remote error", Err: tls.AlertError(80)}
	rows := []struct {
		story string
		seen  Seen
		want  Verdict
	}{
		{"nothing was seen at all", Seen{}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"S3 holds it and says its SHA-256", Seen{Status: 200, Proof: true}, Verdict{Cause: CauseDelivered, Do: Ack, Link: Good}},
		{"S3 says 200 and no SHA-256", Seen{Status: 200}, Verdict{Cause: CauseUnproven, Do: Defer, Charged: true, Link: Good}},
		{"the key, which holds the digest, exists", Seen{Status: 412, Code: "PreconditionFailed"}, Verdict{Cause: CauseHeld, Do: Ack, Link: Good}},
		{"a race on the key", Seen{Status: 409, Code: "ConditionalRequestConflict"}, Verdict{Cause: CauseConflict, Do: Defer, Charged: true, Link: Good}},

		{"no route", Seen{Err: syscall.EHOSTUNREACH}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"no name", Seen{Err: &net.DNSError{Name: "s3"}}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"an unknown signer", Seen{Err: x509.UnknownAuthorityError{}}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"a reset while sending", Seen{Err: syscall.ECONNRESET}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"half an answer", Seen{Err: io.ErrUnexpectedEOF}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"a stall", Seen{Err: errStalled}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad, Slow: true}},
		{"an error that nobody foresaw", Seen{Err: errors.New("?")}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"500", Seen{Status: 500, Code: "InternalError"}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"503 without a word", Seen{Status: 503}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"408", Seen{Status: 408}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"S3's own 408", Seen{Status: 400, Code: "RequestTimeout"}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"the backend's 502", Seen{Asked: true, Status: 502}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"no answer of the backend", Seen{Asked: true, Err: errNoAnswer}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},

		{"429", Seen{Status: 429}, Verdict{Cause: CauseTooFast, Do: Defer, Link: Bad, Slow: true}},
		{"429 of the backend", Seen{Asked: true, Status: 429, RetryAfter: time.Second},
			Verdict{Cause: CauseTooFast, Do: Defer, Link: Bad, Slow: true, After: time.Second}},
		{"503 SlowDown", Seen{Status: 503, Code: "SlowDown"}, Verdict{Cause: CauseTooFast, Do: Defer, Link: Bad, Slow: true}},
		{"503 with Retry-After", Seen{Status: 503, RetryAfter: 2 * time.Second},
			Verdict{Cause: CauseTooFast, Do: Defer, Link: Bad, Slow: true, After: 2 * time.Second}},
		{"Retry-After of a day", Seen{Status: 429, RetryAfter: 24 * time.Hour},
			Verdict{Cause: CauseTooFast, Do: Defer, Link: Bad, Slow: true, After: maxRetryAfter}},

		{"an address outside", Seen{Err: fmt.Errorf("dial: %w", refused)}, Verdict{Cause: CauseWrongNetwork, Do: Defer, Link: Bad}},
		{"the backend at an address outside", Seen{Asked: true, Err: refused}, Verdict{Cause: CauseWrongNetwork, Do: Defer, Link: Bad}},

		{"the backend's 401", Seen{Asked: true, Status: 401}, Verdict{Cause: CauseBackendDenied, Do: Defer, Link: Bad}},
		{"the backend's 403", Seen{Asked: true, Status: 403, Code: "identity"}, Verdict{Cause: CauseBackendDenied, Do: Defer, Link: Bad}},
		{"the backend's TLS refuses the certificate", Seen{Asked: true, Err: fmt.Errorf("read: %w", alert)},
			Verdict{Cause: CauseBackendDenied, Do: Defer, Link: Bad}},
		{"the backend's TLS has another trouble", Seen{Asked: true, Err: otherAlert}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"S3's TLS gives the same alert", Seen{Err: alert}, Verdict{Cause: CauseLink, Do: Defer, Link: Bad}},
		{"a 412 of somebody on the way", Seen{Status: 412}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"the policy refuses the frame", Seen{Asked: true, Status: 422, Code: "too_large"}, Verdict{Cause: CauseFrameRefused, Do: Bury}},
		{"a 422 that no policy has signed", Seen{Asked: true, Status: 422}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"the backend does not understand the request", Seen{Asked: true, Status: 400, Code: "upload"},
			Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"the backend's 404: a wrong address in the configuration", Seen{Asked: true, Status: 404},
			Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}},
		{"the backend redirects to a login", Seen{Asked: true, Status: 302}, Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}},
		{"412 of the backend proves nothing", Seen{Asked: true, Status: 412}, Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}},
		{"200 of the backend proves nothing", Seen{Asked: true, Status: 200, Proof: true}, Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}},
		{"an answer that is none", Seen{Asked: true, Err: fmt.Errorf("%w: html", errBackendFault)}, Verdict{Cause: CauseBackendFault, Do: Defer, Link: Bad}},
		{"a ticket that this rig refuses", Seen{Asked: true, Err: fmt.Errorf("%w: host", errTicketRefused)},
			Verdict{Cause: CauseTicketRefused, Do: Defer, Link: Bad}},

		{"a ticket whose time is over", Seen{Status: 403, Code: "AccessDenied", Expired: true}, Verdict{Cause: CauseTicketExpired, Do: Defer, Link: Bad}},
		{"credentials whose time is over", Seen{Status: 400, Code: "ExpiredToken", Expired: true}, Verdict{Cause: CauseTicketExpired, Do: Defer, Link: Bad}},
		{"S3 refuses", Seen{Status: 403, Code: "AccessDenied"}, Verdict{Cause: CauseS3Denied, Do: Defer, Charged: true}},
		{"S3 got other bytes", Seen{Status: 400, Code: "BadDigest"},
			Verdict{Cause: CauseDamaged, Do: Defer, Charged: true, Rehash: true, Link: Good}},
		{"S3 got other bytes, in other words", Seen{Status: 400, Code: "XAmzContentChecksumMismatch"},
			Verdict{Cause: CauseDamaged, Do: Defer, Charged: true, Rehash: true, Link: Good}},

		{"the payload is not the frame's", Seen{Err: errPayloadDamaged}, Verdict{Cause: CauseDamaged, Do: Bury}},
		{"the payload is gone", Seen{Err: errPayloadMissing}, Verdict{Cause: CauseMissing, Do: Bury}},
		{"the payload cannot be read", Seen{Err: fmt.Errorf("%w: %w", errPayloadUnreadable, syscall.EIO)},
			Verdict{Cause: CauseUnreadable, Do: Defer, Charged: true}},
		{"tried too often", Seen{Err: errGaveUp}, Verdict{Cause: CauseGaveUp, Do: Bury}},
		{"the agent stops", Seen{Err: errAborted}, Verdict{Cause: CauseAborted, Do: Defer}},
		{"the agent stops while it asks", Seen{Asked: true, Err: errAborted}, Verdict{Cause: CauseAborted, Do: Defer}},

		{"201", Seen{Status: 201, Proof: true}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"204", Seen{Status: 204}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"301", Seen{Status: 301, Code: "PermanentRedirect"}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"404", Seen{Status: 404, Code: "NoSuchBucket"}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
		{"400 for another reason", Seen{Status: 400, Code: "EntityTooLarge"}, Verdict{Cause: CauseUnknown, Do: Defer, Charged: true}},
	}
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			if got := Judge(row.seen); got != row.want {
				t.Errorf("\n got %+v\nwant %+v", got, row.want)
			}
		})
	}
}

// TestNothingButProofIsAcked tries every status, P2.
func TestP2_NothingButProofIsAcked(t *testing.T) {
	codes := map[int]string{http.StatusPreconditionFailed: "PreconditionFailed"}
	for status := range 1000 {
		for _, asked := range []bool{false, true} {
			for _, proof := range []bool{false, true} {
				seen := Seen{Asked: asked, Status: status, Proof: proof, Code: codes[status]}
				proven := !asked && (status == http.StatusPreconditionFailed || status == http.StatusOK && proof)
				verdict := Judge(seen)
				if (verdict.Do == Ack) != proven {
					t.Errorf("%+v: %+v", seen, verdict)
				}
				if verdict.Do == 0 || verdict.Cause == "" {
					t.Errorf("%+v was not judged", seen)
				}
				if verdict.Link == Bad && verdict.Charged {
					t.Errorf("%+v charges a frame for a bad link", seen)
				}
				seen.Err = context.Canceled
				if Judge(seen).Do == Ack {
					t.Errorf("%+v is acknowledged", seen)
				}
			}
		}
	}
}
