package uploader

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"shelfagent/uploader/device"
	"shelfagent/uploader/ticket"
)

// Identity is the rig's device certificate and key, read from files and read again when they change, so that
// a renewal needs no restart.
type Identity struct {
	home device.Home

	mu      sync.Mutex
	loaded  *tls.Certificate
	parsed  ticket.Identity
	changes [3]time.Time // of the files, when they were loaded
	problem error        // why the pair on the disk is not the one in use; nil when it is
}

// LoadIdentity reads both files. It refuses a key that others on this machine can read.
func LoadIdentity(certFile, keyFile string) (*Identity, error) {
	i := &Identity{home: device.Home{Certificate: certFile, Key: keyFile}}
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
func (i *Identity) Expires() time.Time { return i.Leaf().NotAfter }

// soon is before the end of a long life; of a short one it is a part, so that a renewal, due at two thirds, has time for
// more than one try before anybody is alarmed.
const (
	soon     = 48 * time.Hour
	soonPart = 0.15
)

// EndsSoon tells whether the certificate should have been renewed by now.
func (i *Identity) EndsSoon(now time.Time) bool {
	leaf := i.Leaf()
	return leaf.NotAfter.Sub(now) < min(soon, time.Duration(soonPart*float64(life(leaf))))
}

// Leaf is the certificate in use.
func (i *Identity) Leaf() *x509.Certificate {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.loaded.Leaf
}

// Reload looks at the files now, and not only at the next handshake.
func (i *Identity) Reload() error {
	_, _ = i.certificate(nil) // it has no error of its own
	return i.Problem()
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
	changes := i.home.Changes()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.loaded != nil && changes == i.changes {
		return nil
	}
	pair, err := i.home.Pair()
	if err != nil {
		return err
	}
	name, err := ticket.ParseIdentity(pair.Leaf)
	if err != nil {
		return fmt.Errorf("device certificate %s: %w", i.home.Certificate, err)
	}
	if i.loaded != nil && name.Store != i.parsed.Store {
		// What is queued was photographed in the old store; only a restart may decide that.
		return fmt.Errorf("device certificate %s is for store %s, this agent runs for %s", i.home.Certificate, name.Store, i.parsed.Store)
	}
	i.loaded, i.parsed, i.changes = pair, name, changes
	return nil
}
