package backend

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// serverPair is the listener's certificate and key in their files, read again when these change: a certificate that is
// renewed at night must not need a restart, or a whole fleet stops when the old one ends.
type serverPair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex // guards what follows
	loaded  *tls.Certificate
	changes [2]time.Time // of the files, when they were loaded
	quiet   rate.Sometimes
}

func loadServerPair(certFile, keyFile string, log *slog.Logger) (*serverPair, error) {
	p := &serverPair{certFile: certFile, keyFile: keyFile, log: log, quiet: rate.Sometimes{First: 1, Interval: time.Minute}}
	if err := p.refresh(); err != nil {
		return nil, fmt.Errorf("listen.certificate %s, listen.key %s: %w", certFile, keyFile, err)
	}
	return p, nil
}

// certificate is for tls.Config. A pair that cannot be read, as between the writing of one file and the other, leaves the
// one before in use.
func (p *serverPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		p.quiet.Do(func() {
			p.log.Warn("the listener's certificate cannot be read again; the one before stays in use",
				"certificate", p.certFile, "ends", p.loaded.Leaf.NotAfter, "error", err)
		})
	}
	return p.loaded, nil
}

// refresh loads the files if they have changed. The caller holds mu, or is alone.
func (p *serverPair) refresh() error {
	var changes [2]time.Time
	for i, file := range []string{p.certFile, p.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		changes[i] = info.ModTime()
	}
	if p.loaded != nil && changes == p.changes {
		return nil
	}
	loaded, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return err
	}
	if p.loaded != nil {
		p.log.Info("the listener's certificate was read again", "certificate", p.certFile, "ends", loaded.Leaf.NotAfter)
	}
	p.loaded, p.changes = &loaded, changes
	return nil
}
