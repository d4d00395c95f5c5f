package uploader

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
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
	)
	switch {
	case errors.Is(err, errTicketRefused), errors.Is(err, errBackendFault), errors.Is(err, errAborted),
		errors.Is(err, errPayloadDamaged), errors.Is(err, errPayloadMissing):
		return err.Error()
	case errors.Is(err, errStalled):
		return who + ": the transfer stopped moving"
	case errors.As(err, &dns):
		return fmt.Sprintf("%s: the name %s was not found by DNS", who, dns.Name)
	case errors.As(err, &authority):
		return fmt.Sprintf("%s: its certificate was signed by %q, which this machine does not trust; a firewall may be intercepting TLS",
			who, signer(authority.Cert))
	case errors.As(err, &hostname):
		return fmt.Sprintf("%s: its certificate is not for the name %s", who, hostname.Host)
	case errors.As(err, &invalid):
		return who + ": its certificate is not valid: " + invalid.Error()
	case errors.As(err, &record):
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
		return who + ": " + err.Error()
	}
}

func signer(cert *x509.Certificate) string {
	if cert == nil {
		return "an unknown authority"
	}
	return cert.Issuer.String()
}
