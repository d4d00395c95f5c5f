package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"shelfagent/uploader/ticket"
)

// Codes of problems, answers to a whole request.
const (
	CodeNotFound           = "not_found"           // 404
	CodeMethod             = "method"              // 405
	CodeNoCertificate      = "no_certificate"      // 403: no verified client certificate
	CodeIdentity           = "identity"            // 403: the certificate names no rig
	CodeTrustDomain        = "trust_domain"        // 403: it names a rig of somebody else
	CodeCertificateExpired = "certificate_expired" // 403: it ended, perhaps while the connection stayed open, or has not begun
	CodeCertificate        = "certificate"         // 403: it cannot be read, or is not of the rigs' authority
	CodeProxyHeader        = "proxy_header"        // 403: headers of a load balancer where there is none, or odd ones
	CodeNotProxy           = "not_proxy"           // 403: not from the load balancer's networks
	CodeLabToken           = "lab_token"           // 403: no token that is known, or none is taken here
	CodeMediaType          = "media_type"          // 415: not application/json, or encoded
	CodeRequestTooLarge    = "request_too_large"   // 413
	CodeMalformed          = "malformed"           // 400: not the JSON that was expected
	CodeUploads            = "uploads"             // 400: none, or too many
	CodeUpload             = "upload"              // 400: a field of an upload is not what it must be
	CodeDuplicateFrame     = "duplicate_frame"     // 400
	CodeRevoked            = "revoked"             // 403: the rig or its certificate was taken back
	CodeCSR                = "csr"                 // 400: a certificate signing request that cannot be granted
	CodeInvitation         = "invitation_unknown"  // 400, 403: no such code
	CodeInvitationEnded    = "invitation_ended"    // 403: too late, or the rig was revoked since
	CodeInvitationUsed     = "invitation_used"     // 403: with another key
	CodeQuota              = "daily_quota"         // 429, with Retry-After: until midnight UTC
	CodeRegistry           = "registry"            // 503, with Retry-After: nobody knows who is revoked
	CodeAuthority          = "authority"           // 503, with Retry-After: no certificate can be signed
	CodeRate               = "rate"                // 429, with Retry-After
	CodeCanaries           = "canaries"            // 429, with Retry-After
	CodeSigning            = "signing"             // 503, with Retry-After: no AWS credentials, most likely
	CodeUnsafeTicket       = "unsafe_ticket"       // 500: a ticket failed the backend's own check
)

// Codes of refusals, answers to one frame. They are final.
const (
	RefusedTooLarge      = "too_large"
	RefusedContentType   = "content_type"
	RefusedCamera        = "camera_unknown"
	RefusedTooManyCamera = "too_many_cameras"
	RefusedCanary        = "no_canaries"
)

// problem is an error that the client gets to read. cause is for the log only.
type problem struct {
	status     int
	code       string
	detail     string
	retryAfter time.Duration
	cause      error
}

func (p *problem) Error() string { return p.code + ": " + p.detail }
func (p *problem) Unwrap() error { return p.cause }

func fail(status int, code, format string, args ...any) *problem {
	return &problem{status: status, code: code, detail: fmt.Sprintf(format, args...)}
}

func (p *problem) because(cause error) *problem {
	p.cause = cause
	return p
}

func (p *problem) after(d time.Duration) *problem {
	p.retryAfter = d
	return p
}

// asProblem keeps the reason of an unforeseen error from the client.
func asProblem(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	return fail(http.StatusInternalServerError, "internal", "the backend could not answer").because(err)
}

func (p *problem) write(w http.ResponseWriter) {
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	// Without a type, the title is the status's own phrase (RFC 9457, section 4.2.1).
	writeJSON(w, p.status, "application/problem+json", ticket.Problem{
		Title:  http.StatusText(p.status),
		Status: p.status,
		Detail: p.detail,
		Code:   p.code,
	})
}

func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store") // tickets are secrets
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// The status is sent; a client that is gone cannot be told anything more.
	_ = encoder.Encode(body)
}
