package ticket

import "time"

// Paths of enrolment and renewal.
const (
	EnrollPath = "/v1/enroll"
	RenewPath  = "/v1/renew"
)

// Limits of enrolment, in bytes.
const (
	// MaxCSRBytes bounds the PEM of a certificate signing request.
	MaxCSRBytes = 8 << 10
	// MaxCertificateBytes bounds the PEM of a certificate with its chain.
	MaxCertificateBytes = 32 << 10
)

// EnrollRequest asks for the first device certificate. It is sent without a client certificate: the one-time
// code stands for the right to be one certain rig, and the backend takes store and rig from the code's
// invitation, never from the CSR.
type EnrollRequest struct {
	// Code is what `shelf-backend rig invite` printed.
	Code string `json:"code"`
	// CSR is a PKCS #10 request (RFC 2986), PEM, signed by the device key. Only its public key is used.
	CSR string `json:"csr"`
}

// RenewRequest asks for the next device certificate. It is sent over a connection that is authenticated by the
// present one, which says for whom.
type RenewRequest struct {
	CSR string `json:"csr"`
}

// Enrollment answers both requests.
type Enrollment struct {
	// Certificate is the device certificate and what it takes to verify it below the root, PEM, leaf first.
	Certificate string `json:"certificate"`
	// Store and Rig are whom the certificate names.
	Store string `json:"store"`
	Rig   string `json:"rig"`
	// NotAfter is the end of the certificate's life.
	NotAfter time.Time `json:"not_after"`
}
