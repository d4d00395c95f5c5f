package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"shelfagent/uploader"
)

// Remedy is what most often helps against an error of the way to a host.
func Remedy(backend bool, address string, err error) string {
	key, ca := "upload.hosts", "upload.ca"
	if backend {
		key, ca = "backend.url", "backend.ca"
	}
	var (
		forbidden *uploader.AddressError
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &forbidden):
		return fmt.Sprintf("Check the name in %s, the DNS server of this machine, and the VPN; [network] in the configuration says which addresses are allowed.", key)
	case errors.As(err, &dns):
		return fmt.Sprintf("Check the name in %s, the network cable, and the DNS server of this machine%s.", key, dnsServer(dns))
	case errors.As(err, &authority):
		return fmt.Sprintf("Ask who runs the firewall to exempt %s from TLS interception. If the certificate is the right one, name its authority in %s.", address, ca)
	case errors.As(err, &hostname):
		return fmt.Sprintf("Check the name in %s; a firewall or a login page may be answering in its place.", key)
	case errors.As(err, &invalid):
		return "Check that this machine's clock is right. If it is, tell the cloud team."
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Sprintf("Check host and port in %s; a proxy or a login page may be answering in their place.", key)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("Check host and port in %s, and whether the firewall lets %s through.", key, address)
	default:
		return fmt.Sprintf("Open %s in the firewall, without TLS interception; check the router, the VPN and %s.", address, key)
	}
}

// dnsServer is the one that was asked, where that is known.
func dnsServer(err *net.DNSError) string {
	if err.Server == "" {
		return ""
	}
	return ", " + err.Server
}
