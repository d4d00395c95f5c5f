package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

var rig = ticket.Identity{TrustDomain: "shelf.test", Store: "4711", Rig: "left"}

// ca is a certificate with its key.
type ca struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// makeCA makes a root, or an authority below one.
func makeCA(t *testing.T, parent *ca, change func(*x509.Certificate)) *ca {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "test"}, SerialNumber: big.NewInt(1),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if parent != nil {
		template.Subject.CommonName = "between"
	}
	if change != nil {
		change(template)
	}
	issuer := &ca{template, key}
	if parent != nil {
		issuer = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.cert, key.Public(), issuer.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &ca{cert, key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certPEM(certs ...*ca) (text []byte) {
	for _, c := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})...)
	}
	return text
}

func keyPEM(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestSignedBelowAnIntermediate(t *testing.T) {
	root := makeCA(t, nil, nil)
	between := makeCA(t, root, nil)
	a, err := New(certPEM(between, root), keyPEM(t, between.key), DefaultValid)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	chain, err := a.Sign(t.Context(), newKey(t).Public(), rig, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(chain) != 2 || !chain[1].Equal(between.cert) {
		t.Fatalf("%d certificates, want the leaf and what is below the root", len(chain))
	}
	leaf := chain[0]
	roots, middle := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root.cert)
	middle.AddCert(chain[1])
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if id, err := ticket.ParseIdentity(leaf); err != nil || id != rig {
		t.Errorf("%v, %v", id, err)
	}
	if bits := leaf.SerialNumber.BitLen(); bits > 128 || bits < 90 {
		t.Errorf("serial of %d bits", bits)
	}
	if got := leaf.NotAfter.Sub(now); got > DefaultValid || got < DefaultValid-2*time.Second {
		t.Errorf("good for %s", got)
	}
	if err := a.Check(roots, now); err != nil {
		t.Error(err)
	}
	other := x509.NewCertPool()
	other.AddCert(makeCA(t, nil, nil).cert)
	if a.Check(other, now) == nil {
		t.Error("roots of somebody else trust it")
	}
}

func TestNeverBeyondTheAuthority(t *testing.T) {
	root := makeCA(t, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(48 * time.Hour) })
	a, err := New(certPEM(root), keyPEM(t, root.key), DefaultValid)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := a.Sign(t.Context(), newKey(t).Public(), rig, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(chain) != 1 || !chain[0].NotAfter.Equal(root.cert.NotAfter) {
		t.Errorf("ends %s, the authority %s", chain[0].NotAfter, root.cert.NotAfter)
	}
	for _, when := range []time.Duration{-2 * time.Hour, 48*time.Hour - 59*time.Minute, 72 * time.Hour} {
		if _, err := a.Sign(t.Context(), newKey(t).Public(), rig, time.Now().Add(when)); !errors.Is(err, ErrEnded) {
			t.Errorf("after %s: %v, want ErrEnded", when, err)
		}
	}
	if _, err := a.Sign(t.Context(), newKey(t).Public(), ticket.Identity{TrustDomain: "shelf.test", Store: "Berlin", Rig: "r"}, time.Now()); !errors.Is(err, ticket.ErrIdentity) {
		t.Errorf("%v, want ErrIdentity", err)
	}
}

func TestAuthoritiesThatCannotStand(t *testing.T) {
	good := makeCA(t, nil, nil)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	leaf := makeCA(t, good, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature })
	for name, test := range map[string]struct {
		cert, key []byte
		valid     time.Duration
	}{
		"no certificate":            {nil, keyPEM(t, good.key), DefaultValid},
		"a leaf":                    {certPEM(leaf), keyPEM(t, leaf.key), DefaultValid},
		"the key of another":        {certPEM(good), keyPEM(t, newKey(t)), DefaultValid},
		"no key":                    {certPEM(good), certPEM(good), DefaultValid},
		"a short RSA key":           {certPEM(good), keyPEM(t, short), DefaultValid},
		"an encrypted key":          {certPEM(good), []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), DefaultValid},
		"a chain in the wrong turn": {certPEM(good, leaf), keyPEM(t, good.key), DefaultValid},
		"a key in the certificate":  {append(certPEM(good), keyPEM(t, good.key)...), keyPEM(t, good.key), DefaultValid},
		"a life of a minute":        {certPEM(good), keyPEM(t, good.key), time.Minute},
		"a life of a year":          {certPEM(good), keyPEM(t, good.key), 366 * 24 * time.Hour},
	} {
		if _, err := New(test.cert, test.key, test.valid); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: the error quotes what it read", name)
		}
	}
}

func TestKeyFileThatOthersCanRead(t *testing.T) {
	dir, root := t.TempDir(), makeCA(t, nil, nil)
	cert, key := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem")
	if err := os.WriteFile(cert, certPEM(root), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, keyPEM(t, root.key), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(cert, key, DefaultValid); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFile(cert, key, DefaultValid); err == nil || !strings.Contains(err.Error(), "chmod 600 "+key) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}
