package uploader

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/netip"
	"time"
)

// newClient makes an HTTP client that goes only where guard allows: no proxy from the environment, no
// redirect, HTTP/1.1 as S3 speaks it.
func newClient(guard Guard, config *tls.Config, conns int, note func(netip.Addr)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialWith(guard.dialer(note)),
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    30 * time.Second,
			ExpectContinueTimeout:  5 * time.Second, // then the body is sent unasked
			MaxConnsPerHost:        conns,
			MaxIdleConnsPerHost:    conns,
			IdleConnTimeout:        90 * time.Second,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
			// No ResponseHeaderTimeout: "request written" means that the kernel took it, not that it was sent.
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// tlsConfig is TLS 1.2 or, where the other side can, 1.3.
func tlsConfig(roots *x509.CertPool, identity *Identity) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if identity != nil {
		config.GetClientCertificate = identity.certificate
	}
	return config
}
