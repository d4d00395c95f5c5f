// Package issuertest is a backend that does nothing but enrol and renew rigs, over real TLS, for tests of the rig's
// side: it does what the contract in uploader/ticket says, and what a test makes it say instead. It is no backend to
// use: nothing is remembered, revoked or limited.
package issuertest

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/ticket"
)

// DefaultLife is that of the certificates.
const DefaultLife = 7 * 24 * time.Hour

// Server is the backend. Its fields are set before requests come, but for what its methods change.
type Server struct {
	// PKI signs the server's certificate and the rigs'.
	PKI *devpki.PKI
	// Invitations are the rigs by their codes, written in capitals without dashes.
	Invitations map[string]devpki.Rig
	// URL is where the server is.
	URL string

	server *httptest.Server
	signer tls.Certificate

	mu        sync.Mutex // guards what follows
	change    func(*x509.Certificate)
	overrides map[string]http.HandlerFunc
	spent     map[string]spent
	requests  map[string]int
}

// spent is what a code was used for: the same key gets the same answer again.
type spent struct {
	key    crypto.PublicKey
	answer ticket.Enrollment
}

// Start serves on loopback until Close. dir is for the authority.
func Start(dir string) (*Server, error) {
	pki, err := devpki.Create(dir, devpki.Options{})
	if err != nil {
		return nil, err
	}
	return StartWith(pki)
}

// StartWith is Start with an authority that is there.
func StartWith(pki *devpki.PKI) (*Server, error) {
	signer, err := tls.LoadX509KeyPair(pki.CA.Cert, pki.CA.Key)
	if err != nil {
		return nil, err
	}
	config, err := pki.ServerTLS()
	if err != nil {
		return nil, err
	}
	s := &Server{
		PKI: pki, Invitations: map[string]devpki.Rig{}, signer: signer,
		overrides: map[string]http.HandlerFunc{}, spent: map[string]spent{}, requests: map[string]int{},
	}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	config.ClientAuth = tls.VerifyClientCertIfGiven
	s.server.TLS = config
	s.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.server.StartTLS()
	s.URL = s.server.URL
	return s, nil
}

// Close ends all connections.
func (s *Server) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// Override has a path answered by h; nil ends that.
func (s *Server) Override(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overrides[path] = h
}

// Change alters what Enroll and Renew sign from now on; nil ends that.
func (s *Server) Change(change func(*x509.Certificate)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change = change
}

// Requests is how many there were for a path.
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.URL.Path]++
	override := s.overrides[r.URL.Path]
	s.mu.Unlock()
	if override != nil {
		override(w, r)
		return
	}
	switch r.URL.Path {
	case ticket.EnrollPath:
		s.Enroll(w, r)
	case ticket.RenewPath:
		s.Renew(w, r)
	case ticket.HeartbeatPath:
		if _, ok := caller(w, r); ok {
			_, _ = w.Write([]byte(`{"time":"` + time.Now().UTC().Format(time.RFC3339) + `"}`))
		}
	default:
		http.NotFound(w, r)
	}
}

// Enroll answers as the contract says.
func (s *Server) Enroll(w http.ResponseWriter, r *http.Request) {
	var request ticket.EnrollRequest
	public := readCSR(w, r, &request, func() string { return request.CSR })
	if public == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := strings.ReplaceAll(request.Code, "-", "")
	rig, known := s.Invitations[code]
	before, used := s.spent[code]
	switch {
	case !known:
		Refuse(w, http.StatusForbidden, "invitation_unknown", "there is no such invitation")
	case used && !before.key.(interface{ Equal(crypto.PublicKey) bool }).Equal(public):
		Refuse(w, http.StatusForbidden, "invitation_used", "the invitation was used already")
	case used:
		write(w, before.answer)
	default:
		answer := s.Issue(rig, public, s.change)
		s.spent[code] = spent{public, answer}
		write(w, answer)
	}
}

// Renew answers as the contract says.
func (s *Server) Renew(w http.ResponseWriter, r *http.Request) {
	name, ok := caller(w, r)
	if !ok {
		return
	}
	var request ticket.RenewRequest
	if public := readCSR(w, r, &request, func() string { return request.CSR }); public != nil {
		s.mu.Lock()
		change := s.change
		s.mu.Unlock()
		write(w, s.Issue(devpki.Rig{Store: name.Store, Rig: name.Rig}, public, change))
	}
}

// Issue signs a certificate, as change wants it; nil changes nothing.
func (s *Server) Issue(rig devpki.Rig, public crypto.PublicKey, change func(*x509.Certificate)) ticket.Enrollment {
	now := time.Now()
	name := ticket.Identity{TrustDomain: s.PKI.TrustDomain, Store: rig.Store, Rig: rig.Rig}
	template := &x509.Certificate{
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(DefaultLife), URIs: []*url.URL{name.URI()},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, s.signer.Leaf, public, s.signer.PrivateKey)
	if err != nil {
		panic(err) // a test's mistake; net/http ends the connection
	}
	return ticket.Enrollment{
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		Store:       rig.Store, Rig: rig.Rig, NotAfter: template.NotAfter.UTC().Truncate(time.Second),
	}
}

// Refuse answers with a problem document.
func Refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(ticket.Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail})
}

// caller is the rig that a verified certificate names.
func caller(w http.ResponseWriter, r *http.Request) (ticket.Identity, bool) {
	if len(r.TLS.VerifiedChains) == 0 {
		Refuse(w, http.StatusForbidden, "no_certificate", "a verified client certificate is needed")
		return ticket.Identity{}, false
	}
	name, err := ticket.ParseIdentity(r.TLS.VerifiedChains[0][0])
	if err != nil {
		Refuse(w, http.StatusForbidden, "identity", err.Error())
		return ticket.Identity{}, false
	}
	return name, true
}

// readCSR returns the public key of a request that its key has signed, or answers and returns nil.
func readCSR(w http.ResponseWriter, r *http.Request, into any, text func() string) crypto.PublicKey {
	if r.Method != http.MethodPost || json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*ticket.MaxCSRBytes)).Decode(into) != nil {
		Refuse(w, http.StatusBadRequest, "malformed", "the body is not the JSON that is expected")
		return nil
	}
	block, _ := pem.Decode([]byte(text()))
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(text()) > ticket.MaxCSRBytes {
		Refuse(w, http.StatusBadRequest, "csr", "there is no certificate request in PEM")
		return nil
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || csr.CheckSignature() != nil {
		Refuse(w, http.StatusBadRequest, "csr", "the certificate request cannot be read, or is not signed by its key")
		return nil
	}
	return csr.PublicKey
}

func write(w http.ResponseWriter, answer ticket.Enrollment) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
