package devpki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
)

// Pool holds the authority alone.
func (p *PKI) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.authority)
	return pool
}

// ServerTLS serves with the server certificate and wants a client certificate of this authority.
func (p *PKI) ServerTLS() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(p.Server.Cert, p.Server.Key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Server.Cert, err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    p.Pool(),
	}, nil
}

// ClientTLS trusts this authority and presents the rig's certificate, which AddRig or Create made.
func (p *PKI) ClientTLS(rig Rig) (*tls.Config, error) {
	files := p.RigFiles(rig)
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", files.Cert, err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{cert},
		RootCAs:      p.Pool(),
	}, nil
}
