package device

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// authority issues certificates for whatever key it is shown.
type authority struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	serial int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return &authority{t: t, key: key}
}

func (a *authority) issue(public crypto.PublicKey) *ticket.Issued {
	a.t.Helper()
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(7 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "shelf.test", Path: "/store/4711/rig/left"}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, a.key)
	must(a.t, err)
	leaf, err := x509.ParseCertificate(der)
	must(a.t, err)
	name, err := ticket.ParseIdentity(leaf)
	must(a.t, err)
	return &ticket.Issued{PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Leaf: leaf, Name: name}
}

// newHome is one that nothing is in.
func newHome(t *testing.T) *Home {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state", "identity")
	return &Home{Certificate: filepath.Join(dir, "rig.pem"), Key: filepath.Join(dir, "rig-key.pem")}
}

// enroll puts a pair there, and returns its serial number.
func enroll(t *testing.T, h *Home, a *authority) int64 {
	t.Helper()
	must(t, h.Prepare())
	key, err := h.PendingKey()
	must(t, err)
	issued := a.issue(key.Public())
	must(t, h.Install(issued))
	return issued.Leaf.SerialNumber.Int64()
}

// stage has a renewed certificate lie ready, and returns its serial number.
func stage(t *testing.T, h *Home, a *authority) int64 {
	t.Helper()
	key, err := h.Signer()
	must(t, err)
	issued := a.issue(key.Public())
	must(t, h.Stage(issued))
	return issued.Leaf.SerialNumber.Int64()
}

func serial(pair *tls.Certificate) int64 {
	if pair == nil {
		return 0
	}
	return pair.Leaf.SerialNumber.Int64()
}

// wantPair checks which certificate is in use.
func wantPair(t *testing.T, h *Home, want int64) {
	t.Helper()
	pair, err := h.Pair()
	if err != nil || serial(pair) != want {
		t.Errorf("in use is %d (%v), want %d", serial(pair), err, want)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
