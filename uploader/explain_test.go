package uploader

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestExplain(t *testing.T) {
	secret := "https://s3.test/raw/4711/x.jpg?X-Amz-Signature=5ec2e7"
	rows := []struct {
		story string
		seen  Seen
		want  string
	}{
		{"a status", Seen{Status: 500}, "S3 answered 500"},
		{"a status with a code", Seen{Status: 403, Code: "AccessDenied"}, "S3 answered 403 AccessDenied"},
		{"the backend's", Seen{Asked: true, Status: 403, Code: "identity"}, "the backend answered 403 identity"},
		{"a refusal", Seen{Asked: true, Status: 422, Code: "too_large", Message: "9 bytes are too many"},
			"the backend answered 422 too_large: 9 bytes are too many"},
		{"no proof", Seen{Status: 200}, "S3 answered 200 without the frame's SHA-256: not proven"},
		{"an unknown name", Seen{Err: &net.DNSError{Name: "s3.test", IsNotFound: true}}, "S3: the name s3.test was not found by DNS"},
		{"a name server that fails", Seen{Err: &net.DNSError{Name: "s3.test", IsTimeout: true}}, "S3: DNS gives no answer for the name s3.test"},
		{"an intercepting firewall", Seen{Err: x509.UnknownAuthorityError{Cert: &x509.Certificate{Issuer: pkix.Name{CommonName: "ACME Firewall"}}}},
			`S3: its certificate was signed by "CN=ACME Firewall", which this machine does not trust; a firewall may be intercepting TLS`},
		{"no certificate to name", Seen{Err: x509.UnknownAuthorityError{}},
			`S3: its certificate was signed by "an unknown authority", which this machine does not trust; a firewall may be intercepting TLS`},
		{"another name", Seen{Err: x509.HostnameError{Host: "s3.test", Certificate: &x509.Certificate{}}}, "S3: its certificate is not for the name s3.test"},
		{"an expired certificate", Seen{Err: x509.CertificateInvalidError{Reason: x509.Expired}},
			"S3: its certificate is not valid: x509: certificate has expired or is not yet valid: "},
		{"no TLS", Seen{Err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}}, "S3: the other side does not speak TLS"},
		{"our certificate is refused", Seen{Asked: true, Err: &net.OpError{Op: "remote error", Err: tls.AlertError(45)}},
			"the backend: it refused the certificate of this rig (tls: expired certificate)"},
		{"refused", Seen{Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, "S3: connection refused"},
		{"reset", Seen{Err: fmt.Errorf("write: %w", syscall.ECONNRESET)}, "S3: the connection was cut"},
		{"no route", Seen{Err: syscall.ENETUNREACH}, "S3: there is no route to it"},
		{"time", Seen{Asked: true, Err: errNoAnswer}, "the backend: no answer in time"},
		{"stall", Seen{Err: errStalled}, "S3: the transfer stopped moving"},
		{"wrong network", Seen{Err: fmt.Errorf("dial: %w", &AddressError{netip.MustParseAddr("8.8.8.8"), "it is outside"})},
			"S3: address 8.8.8.8 is not allowed: it is outside"},
		{"the disk", Seen{Err: fmt.Errorf("%w: %w", errPayloadUnreadable, syscall.EIO)}, "the disk does not give the payload: input/output error"},
		{"a server that echoes the request", Seen{Err: fmt.Errorf("malformed HTTP response %q", "PUT "+secret)}, "S3: malformed HTTP response"},
		{"a server that echoes it as a header", Seen{Err: errors.New("malformed MIME header: missing colon: " + secret)}, "S3: unreadable"},
		{"a server that echoes the query alone", Seen{Err: errors.New("malformed MIME header: x-amz-signature=5ec2e7")}, "S3: unreadable"},
	}
	for _, row := range rows {
		t.Run(row.story, func(t *testing.T) {
			got := Explain(row.seen)
			if got != row.want {
				t.Errorf("\n got %s\nwant %s", got, row.want)
			}
			if strings.Contains(got, "5ec2e7") || strings.Contains(got, "://") {
				t.Errorf("%q holds a secret", got)
			}
		})
	}
}

func TestWhyNotDropsTheURL(t *testing.T) {
	err := whyNot(t.Context(), &url.Error{Op: "Put", URL: "https://s3.test/?X-Amz-Signature=5ec2e7", Err: syscall.ECONNRESET})
	if !errors.Is(err, syscall.ECONNRESET) || strings.Contains(err.Error(), "s3.test") {
		t.Errorf("%v", err)
	}
}

func TestWord(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"SlowDown":              "SlowDown",
		"too_large":             "too_large",
		"Access Denied":         "unreadable",
		"a\nb":                  "unreadable",
		"\x1b[31mred":           "unreadable",
		"Größe":                 "unreadable",
		"https://evil":          "unreadable",
		"Signature=5ec2e7":      "unreadable",
		strings.Repeat("a", 61): "unreadable",
	} {
		if got := word(in); got != want {
			t.Errorf("word(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"the frame has 9 bytes":          "the frame has 9 bytes",
		"die Größe":                      "die Größe",
		"a\r\nlevel=ERROR \x1b[31mfaked": "a  level=ERROR  [31mfaked",
		"see https://evil.test":          "unreadable",
		"X-AMZ-Signature is 5ec2e7":      "unreadable",
		strings.Repeat("ä", 150):         strings.Repeat("ä", 100) + "…",
	} {
		if got := sentence(in); got != want {
			t.Errorf("sentence(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"7.5":                           0,
		"soon":                          0,
		"99999999999999999999":          (1<<31 - 1) * time.Second,
		"Sun, 22 Nov 2026 01:18:13 GMT": 10 * time.Second,
		"Sun, 22 Nov 2026 01:17:13 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After %q: %v, want %v", value, got, want)
		}
	}
}
