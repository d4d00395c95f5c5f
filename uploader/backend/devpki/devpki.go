package devpki

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"shelfagent/uploader/backend/authority"
	"shelfagent/uploader/ticket"
)

// ErrExists says that a key is already there and Options.Overwrite is not set.
var ErrExists = errors.New("key exists already")

// Defaults of Options.
const (
	DefaultTrustDomain = "shelf.test"
	DefaultValid       = 90 * 24 * time.Hour
)

// DefaultHosts are the names of a server that is only reached from its own machine.
func DefaultHosts() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// Options say what Create makes.
type Options struct {
	// TrustDomain is the host part of the rigs' identities; empty means DefaultTrustDomain.
	TrustDomain string
	// Hosts are the server certificate's DNS names and IP addresses; empty means DefaultHosts.
	Hosts []string
	// Rigs get a client certificate each; more can be added later.
	Rigs []Rig
	// Valid is how long the certificates last from now; 0 means DefaultValid.
	Valid time.Duration
	// Overwrite lets Create replace keys that exist. Every certificate made before becomes worthless.
	Overwrite bool
}

// Rig names a rig by its ids, each [a-z0-9][a-z0-9._-]{0,62}.
type Rig struct{ Store, Rig string }

// Pair is where a certificate and its key lie.
type Pair struct{ Cert, Key string }

// PKI is a folder of certificates whose authority can sign more of them.
type PKI struct {
	// Dir is the folder.
	Dir string
	// TrustDomain is the host part of the rigs' identities.
	TrustDomain string
	// CA and Server are always there; rigs are found by RigFiles.
	CA, Server Pair

	authority *x509.Certificate
	key       crypto.Signer
	valid     time.Duration
}

// Create makes the folder, an authority, a server certificate and the rigs' certificates. It returns
// ErrExists when the folder already holds an authority and o.Overwrite is not set; use Open to add rigs.
func Create(dir string, o Options) (*PKI, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	p := newPKI(dir, o.TrustDomain, o.Valid)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, pair := range p.pairs(o.Rigs) {
		if err := mayWrite(pair, o.Overwrite); err != nil {
			return nil, err
		}
	}
	if err := p.makeAuthority(); err != nil {
		return nil, err
	}
	if err := p.makeServer(o.Hosts); err != nil {
		return nil, err
	}
	for _, rig := range o.Rigs {
		if _, err := p.AddRig(rig, true); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Open reads a folder that Create made, to add rigs or to use its certificates. Certificates that it adds
// last as long as the authority, at most.
func Open(dir string) (*PKI, error) {
	p := newPKI(dir, "", DefaultValid)
	var err error
	if p.authority, p.key, err = readPair(p.CA); err != nil {
		return nil, err
	}
	if len(p.authority.URIs) != 1 || !p.authority.IsCA {
		return nil, fmt.Errorf("%s: not an authority made by dev-pki", p.CA.Cert)
	}
	p.TrustDomain = p.authority.URIs[0].Host
	return p, nil
}

// Exists reports whether dir holds an authority's key.
func Exists(dir string) bool {
	_, err := os.Lstat(newPKI(dir, "", 0).CA.Key)
	return !errors.Is(err, fs.ErrNotExist)
}

// AddRig makes a rig's key and certificate. It returns ErrExists when there is such a file and overwrite is
// false.
func (p *PKI) AddRig(rig Rig, overwrite bool) (Pair, error) {
	id := p.identity(rig)
	if err := id.Validate(); err != nil {
		return Pair{}, err
	}
	pair := p.RigFiles(rig)
	if err := mayWrite(pair, overwrite); err != nil {
		return Pair{}, err
	}
	return pair, p.issue(pair, authority.RigTemplate(id))
}

// RigFiles is where the rig's certificate and key lie, or would lie.
func (p *PKI) RigFiles(rig Rig) Pair { return p.pair("rig-" + rig.Store + "-" + rig.Rig) }

func (p *PKI) identity(rig Rig) ticket.Identity {
	return ticket.Identity{TrustDomain: p.TrustDomain, Store: rig.Store, Rig: rig.Rig}
}

func (p *PKI) pair(name string) Pair {
	return Pair{Cert: filepath.Join(p.Dir, name+".pem"), Key: filepath.Join(p.Dir, name+"-key.pem")}
}

func (p *PKI) pairs(rigs []Rig) []Pair {
	pairs := []Pair{p.CA, p.Server}
	for _, rig := range rigs {
		pairs = append(pairs, p.RigFiles(rig))
	}
	return pairs
}

func newPKI(dir, trustDomain string, valid time.Duration) *PKI {
	p := &PKI{Dir: dir, TrustDomain: trustDomain, valid: valid}
	p.CA, p.Server = p.pair("ca"), p.pair("server")
	return p
}

func (o Options) withDefaults() Options {
	if o.TrustDomain == "" {
		o.TrustDomain = DefaultTrustDomain
	}
	if len(o.Hosts) == 0 {
		o.Hosts = DefaultHosts()
	}
	if o.Valid == 0 {
		o.Valid = DefaultValid
	}
	return o
}

func (o Options) validate() error {
	if o.Valid < 0 {
		return fmt.Errorf("validity %s is negative", o.Valid)
	}
	if !ticket.ValidTrustDomain(o.TrustDomain) {
		return fmt.Errorf("trust domain %q is not a host name in lower case", o.TrustDomain)
	}
	// Two rigs can share a file name, because ids may contain the dash that joins them.
	files := map[string]Rig{}
	for _, rig := range o.Rigs {
		id := ticket.Identity{TrustDomain: o.TrustDomain, Store: rig.Store, Rig: rig.Rig}
		if err := id.Validate(); err != nil {
			return err
		}
		name := rig.Store + "-" + rig.Rig
		if other, taken := files[name]; taken {
			return fmt.Errorf("rigs %s/%s and %s/%s would share the file rig-%s.pem: %w",
				other.Store, other.Rig, rig.Store, rig.Rig, name, ErrExists)
		}
		files[name] = rig
	}
	return nil
}

func mayWrite(pair Pair, overwrite bool) error {
	if overwrite {
		return nil
	}
	for _, path := range []string{pair.Key, pair.Cert} {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s: %w", path, ErrExists)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
