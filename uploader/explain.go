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
	"strings"
	"syscall"
	"unicode"

	"shelfagent/uploader/ticket"
)

// Explain says in plain words what an outcome was, for logs, status and the frame's own record. It holds
// no URL, no header and no secret.
func Explain(s Seen) string {
	who := "S3"
	if s.Asked {
		who = "the backend"
	}
	switch {
	case s.Err != nil:
		return explainError(who, s.Err)
	case s.Message != "":
		return fmt.Sprintf("%s answered %d %s: %s", who, s.Status, s.Code, s.Message)
	case s.Status == 200 && !s.Proof:
		return "S3 answered 200 without the frame's SHA-256: not proven"
	case s.Code != "":
		return fmt.Sprintf("%s answered %d %s", who, s.Status, s.Code)
	default:
		return fmt.Sprintf("%s answered %d", who, s.Status)
	}
}

func explainError(who string, err error) string {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		timeout   net.Error
		address   *AddressError
		clock     *ticket.ClockError
	)
	switch {
	case errors.Is(err, errTicketRefused), errors.Is(err, errBackendFault), errors.Is(err, errAborted),
		errors.Is(err, errPayloadDamaged), errors.Is(err, errPayloadMissing), errors.Is(err, errPayloadUnreadable),
		errors.Is(err, errGaveUp):
		return err.Error()
	case errors.Is(err, ticket.ErrEnrollment), errors.As(err, &clock):
		return shortened(err.Error()) // what it quotes of the answer is quoted safely
	case errors.As(err, &address):
		return who + ": " + address.Error()
	case errors.Is(err, errStalled):
		return who + ": the transfer stopped moving"
	case errors.As(err, &dns) && !dns.IsNotFound:
		return fmt.Sprintf("%s: DNS gives no answer for the name %s", who, dns.Name)
	case errors.As(err, &dns):
		return fmt.Sprintf("%s: the name %s was not found by DNS", who, dns.Name)
	case errors.As(err, &authority):
		return fmt.Sprintf("%s: its certificate was signed by %q, which this machine does not trust; a firewall may be intercepting TLS",
			who, signer(authority.Cert))
	case errors.As(err, &hostname):
		return fmt.Sprintf("%s: its certificate is not for the name %s", who, hostname.Host)
	case errors.As(err, &invalid):
		return who + ": its certificate is not valid: " + invalid.Error()
	case certificateAlert(err) != "":
		return fmt.Sprintf("%s: it refused the certificate of this rig (%s)", who, certificateAlert(err))
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return who + ": the other side does not speak TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return who + ": connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return who + ": the connection was cut"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return who + ": there is no route to it"
	case errors.Is(err, errNoAnswer), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return who + ": no answer in time"
	default:
		return who + ": " + sentence(err.Error())
	}
}

// maxSentence bounds what is repeated of a text that somebody else wrote, in bytes.
const maxSentence = 200

// sentence makes a text that somebody else wrote fit for a log and a terminal: one short line up to the first
// quotation, and nothing at all if it may hold a URL. Errors of net/http quote what a server sent, and a server can
// send back what it was sent.
func sentence(text string) string {
	text, _, _ = strings.Cut(text, `"`)
	for _, sign := range []string{"://", "amz", "?", "&"} {
		if strings.Contains(strings.ToLower(text), sign) {
			return "unreadable"
		}
	}
	return shortened(strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)))
}

func shortened(text string) string {
	if len(text) > maxSentence {
		text = strings.ToValidUTF8(text[:maxSentence], "") + "…"
	}
	return text
}

// certificateAlerts are those by which a server says that it does not take the client's certificate (RFC 8446,
// section 6.2): bad, unsupported, revoked, expired, unknown, of an unknown authority, access denied, required.
var certificateAlerts = []tls.AlertError{42, 43, 44, 45, 46, 48, 49, 116}

// certificateAlert returns the text of such an alert, or "". crypto/tls keeps the type of an alert that it received
// to itself, but gives it the text of the exported one.
func certificateAlert(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return ""
	}
	for _, alert := range certificateAlerts {
		if op.Err.Error() == alert.Error() {
			return alert.Error()
		}
	}
	return ""
}

func signer(cert *x509.Certificate) string {
	if cert == nil {
		return "an unknown authority"
	}
	return sentence(cert.Issuer.String())
}
