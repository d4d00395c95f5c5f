package device

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Pair reads the key and the certificate that fits it: the one in its place or, where an enrolment was cut off
// between the two, the one that lies ready beside it. Nothing is written. Leaf is set in what it returns.
func (h *Home) Pair() (*tls.Certificate, error) {
	pair, err := h.load(h.Certificate)
	if err == nil {
		return pair, nil
	}
	if staged, stagedErr := h.load(h.staged()); stagedErr == nil {
		return staged, nil
	}
	return nil, err
}

// staged is where a certificate lies that is not in use yet.
func (h *Home) staged() string { return h.Certificate + ".new" }

func (h *Home) load(certificate string) (*tls.Certificate, error) {
	if _, err := os.Stat(certificate); err != nil {
		return nil, missing(fmt.Errorf("device certificate: %w", err))
	}
	if err := private(h.Key); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certificate, h.Key)
	if err != nil {
		return nil, fmt.Errorf("device certificate %s with key %s: %w", certificate, h.Key, err)
	}
	if pair.Leaf == nil { // GODEBUG=x509keypairleaf=0
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("device certificate %s: %w", certificate, err)
		}
	}
	return &pair, nil
}

// private refuses a key file that group or others can read. Windows has no such bits; its folders' access
// lists protect the key there.
func private(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return missing(fmt.Errorf("device key: %w", err))
	}
	others := os.FileMode(0o077)
	if isCredential(name) {
		others = 0o037
	}
	if permissionsAreReal && info.Mode().Perm()&others != 0 {
		return fmt.Errorf("device key %s can be read by others (mode %#o); run: chmod 600 %s", name, info.Mode().Perm(), name)
	}
	return nil
}

// isCredential tells a file in which systemd shows a service a credential: to no one else, and by an access list, which
// the bits of its group stand for.
func isCredential(name string) bool {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	return folder != "" && filepath.Dir(name) == filepath.Clean(folder)
}

// MissingError says that a file of the pair is not there: perhaps the rig was never enrolled.
type MissingError struct{ error }

func (e *MissingError) Unwrap() error { return e.error }

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &MissingError{err}
	}
	return err
}

// Changes says when the files were changed last: another value means that Pair may have another answer.
func (h *Home) Changes() [3]time.Time {
	var at [3]time.Time
	for i, file := range []string{h.Certificate, h.staged(), h.Key} {
		if info, err := os.Stat(file); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}

// Candidate is a renewed certificate that waits to be tried, with the key; nil when there is none. One that does not
// fit the key is none: it is left of an enrolment that was cut off before it had changed anything.
func (h *Home) Candidate() (*tls.Certificate, error) {
	if _, err := os.Stat(h.staged()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if _, err := h.load(h.Certificate); err != nil {
		return nil, err // what lies ready is in use already, or nothing is
	}
	candidate, err := h.load(h.staged())
	if err != nil {
		return nil, nil //nolint:nilerr // as said above
	}
	return candidate, nil
}
