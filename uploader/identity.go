package uploader

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"shelfagent/uploader/ticket"
)

// Identity is the rig's device certificate and key, read from files and read again when they change, so that
// a renewal needs no restart.
type Identity struct {
	certFile, keyFile string

	mu      sync.Mutex
	loaded  *tls.Certificate
	parsed  ticket.Identity
	certMod time.Time
	keyMod  time.Time
	problem error // why the pair on the disk is not the one in use; nil when it is
}

// LoadIdentity reads both files. It refuses a key that others on this machine can read.
func LoadIdentity(certFile, keyFile string) (*Identity, error) {
	i := &Identity{certFile: certFile, keyFile: keyFile}
	if err := i.refresh(); err != nil {
		return nil, err
	}
	return i, nil
}

// Name is who this rig is: its store and its own name.
func (i *Identity) Name() ticket.Identity {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.parsed
}

// Expires is the end of the certificate's life.
func (i *Identity) Expires() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.loaded.Leaf.NotAfter
}

// certificate serves tls.Config. A new pair that cannot be used leaves the old one in place: it may be
// half written.
func (i *Identity) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	err := i.refresh()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.problem = err
	return i.loaded, nil
}

// Problem says why a pair that lies ready is not in use, as of the last handshake; nil when there is none.
func (i *Identity) Problem() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.problem
}

func (i *Identity) refresh() error {
	certInfo, err := os.Stat(i.certFile)
	if err != nil {
		return fmt.Errorf("device certificate: %w", err)
	}
	keyInfo, err := os.Stat(i.keyFile)
	if err != nil {
		return fmt.Errorf("device key: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.loaded != nil && certInfo.ModTime().Equal(i.certMod) && keyInfo.ModTime().Equal(i.keyMod) {
		return nil
	}
	if err := private(i.keyFile, keyInfo); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(i.certFile, i.keyFile)
	if err != nil {
		return fmt.Errorf("device certificate %s with key %s: %w", i.certFile, i.keyFile, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return fmt.Errorf("device certificate %s: %w", i.certFile, err)
		}
	}
	name, err := ticket.ParseIdentity(pair.Leaf)
	if err != nil {
		return fmt.Errorf("device certificate %s: %w", i.certFile, err)
	}
	if i.loaded != nil && name.Store != i.parsed.Store {
		// What is queued was photographed in the old store; only a restart may decide that.
		return fmt.Errorf("device certificate %s is for store %s, this agent runs for %s", i.certFile, name.Store, i.parsed.Store)
	}
	i.loaded, i.parsed, i.certMod, i.keyMod = &pair, name, certInfo.ModTime(), keyInfo.ModTime()
	return nil
}

// private refuses a key file that group or others can read. Windows has no such bits; its folders' access
// lists protect the key there.
func private(name string, info fs.FileInfo) error {
	if permissionsAreReal && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("device key %s can be read by others (mode %#o); run: chmod 600 %s", name, info.Mode().Perm(), name)
	}
	return nil
}
