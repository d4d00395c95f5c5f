package backend

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// Home is where a backend lives, which decides how it learns what certificate a caller holds: Standalone, ALB or
// Lambda. No home takes a word of another's: a request that carries a certificate in a way that is not this home's
// is refused, because whoever sent it either attacks or has configured something wrongly.
type Home interface {
	// name is what audit lines say.
	name() string
	// check says what the home lacks; an *OptionError.
	check() error
	// admit refuses requests that cannot have come by this home's way, whatever they ask for.
	admit(r *http.Request) error
	// leaf is the certificate that the caller has proven to hold, verified.
	leaf(r *http.Request, now time.Time) (*x509.Certificate, error)
	// remote is the caller's address, for the log only.
	remote(r *http.Request) string
}

// Standalone serves TLS itself, and believes the chain that crypto/tls has verified and nothing else.
type Standalone struct{}

func (Standalone) name() string                  { return "tls" }
func (Standalone) check() error                  { return nil }
func (Standalone) admit(r *http.Request) error   { return withoutProxyHeaders(r) }
func (Standalone) remote(r *http.Request) string { return r.RemoteAddr }

func (Standalone) leaf(r *http.Request, _ time.Time) (*x509.Certificate, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return nil, noCertificate()
	}
	return r.TLS.VerifiedChains[0][0], nil
}

func noCertificate() error {
	return fail(http.StatusForbidden, CodeNoCertificate, "a verified client certificate is needed")
}

// proxyHeaders begins the names of the headers in which an ALB speaks of client certificates.
const proxyHeaders = "X-Amzn-Mtls-"

func withoutProxyHeaders(r *http.Request) error {
	for name := range r.Header {
		if strings.HasPrefix(name, proxyHeaders) {
			return fail(http.StatusForbidden, CodeProxyHeader,
				"%.60s speaks of a client certificate, but this backend is not configured to be behind a load balancer", name)
		}
	}
	return nil
}

// LoadAuthority reads the PEM file of those who sign the rigs' certificates. An intermediate in it is trusted as
// the root is: behind a load balancer only the leaf arrives.
func LoadAuthority(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

// oneCertificate reads PEM that holds one certificate and nothing else.
func oneCertificate(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("it is not a certificate in PEM")
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("there is something behind the certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
