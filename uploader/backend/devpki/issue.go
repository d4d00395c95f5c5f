package devpki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/url"
	"time"
)

// skew lets a machine whose clock is behind use a certificate that was made just now.
const skew = time.Hour

// Issue signs a certificate with a new key and writes nothing. Tests use it for certificates that Create
// would not make: expired, with two names, of another trust domain. A zero NotBefore, NotAfter or KeyUsage
// gets the default. The result's Leaf is set.
func (p *PKI) Issue(template *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := p.sign(template, key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

func (p *PKI) sign(template *x509.Certificate, key crypto.PublicKey) ([]byte, error) {
	cert := *template
	if cert.NotBefore.IsZero() {
		cert.NotBefore = p.authority.NotBefore
	}
	if cert.NotAfter.IsZero() {
		cert.NotAfter = time.Now().Add(p.valid)
		if cert.NotAfter.After(p.authority.NotAfter) {
			cert.NotAfter = p.authority.NotAfter
		}
	}
	if cert.KeyUsage == 0 {
		cert.KeyUsage = x509.KeyUsageDigitalSignature
	}
	// x509 draws the serial number itself when there is none.
	return x509.CreateCertificate(rand.Reader, &cert, p.authority, key, p.key)
}

func (p *PKI) makeAuthority() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "shelf development authority"},
		URIs:                  []*url.URL{{Scheme: "spiffe", Host: p.TrustDomain}},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(p.valid),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if p.authority, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	p.key = key
	return writePair(p.CA, der, key)
}

func (p *PKI) makeServer(hosts []string) error {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return p.issue(p.Server, template)
}

func (p *PKI) issue(pair Pair, template *x509.Certificate) error {
	cert, err := p.Issue(template)
	if err != nil {
		return fmt.Errorf("%s: %w", pair.Cert, err)
	}
	return writePair(pair, cert.Certificate[0], cert.PrivateKey)
}
