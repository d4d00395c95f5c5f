package ticket

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

var issuedAt = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// office signs what it is told, good or bad.
type office struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	root *x509.Certificate
}

func newOffice(t *testing.T) *office {
	t.Helper()
	key := newKey(t)
	o := &office{t: t, key: key, root: &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}}
	return o
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign is PEM for the key, as change wants it.
func (o *office) sign(public crypto.PublicKey, change func(*x509.Certificate)) string {
	o.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: issuedAt.Add(-time.Hour), NotAfter: issuedAt.Add(7 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "shelf.example.com", Path: "/store/4711/rig/left"}},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, o.root, public, o.key)
	if err != nil {
		o.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func answerWith(certificate string) Enrollment {
	return Enrollment{Certificate: certificate, Store: "4711", Rig: "left", NotAfter: issuedAt.Add(7 * 24 * time.Hour)}
}

func wire(t *testing.T, e Enrollment) string {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestAnIssuedCertificateIsTaken(t *testing.T) {
	o, key := newOffice(t), newKey(t)
	leaf, root := o.sign(key.Public(), nil), o.sign(o.key.Public(), func(c *x509.Certificate) { c.IsCA, c.URIs = true, nil; c.BasicConstraintsValid = true })
	for story, certificate := range map[string]string{
		"alone": leaf, "with its chain": leaf + root, "with words around it": "issued for you\n" + leaf + "\n\n",
	} {
		issued, err := ReadEnrollment(strings.NewReader(wire(t, answerWith(certificate))), key.Public(), issuedAt)
		if err != nil {
			t.Errorf("%s: %v", story, err)
			continue
		}
		if issued.Name != (Identity{"shelf.example.com", "4711", "left"}) || !issued.Leaf.PublicKey.(*ecdsa.PublicKey).Equal(key.Public()) {
			t.Errorf("%s: %+v", story, issued.Name)
		}
		if want := strings.TrimSpace(strings.TrimPrefix(certificate, "issued for you\n")) + "\n"; string(issued.PEM) != want {
			t.Errorf("%s: more is kept than the certificates:\n%s", story, issued.PEM)
		}
	}
}

// TestAHostileAnswerIsRefused: each with words of its own, so that a technician can tell them apart.
func TestAHostileAnswerIsRefused(t *testing.T) {
	o, key := newOffice(t), newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := o.sign(key.Public(), nil)
	keyBlock := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	cert := func(change func(*x509.Certificate)) string { return wire(t, answerWith(o.sign(key.Public(), change))) }
	said := func(change func(*Enrollment)) string {
		e := answerWith(good)
		change(&e)
		return wire(t, e)
	}
	for _, tc := range []struct{ story, body, want string }{
		{"nothing", "", "it is not the expected JSON"},
		{"a login page", "<html><form>", "it is not the expected JSON"},
		{"an answer without an end", strings.Repeat(" ", maxEnrollmentBytes+1), "it is longer than"},
		{"an empty object", "{}", "there is no certificate in it"},
		{"a long certificate", said(func(e *Enrollment) { e.Certificate = strings.Repeat("-", MaxCertificateBytes+1) }), "the certificate is longer than"},
		{"no PEM", said(func(e *Enrollment) { e.Certificate = "MIIB" }), "the certificate is not PEM"},
		{"half of it", said(func(e *Enrollment) { e.Certificate = good[:len(good)/2] }), "the certificate is not PEM"},
		{"words behind it", said(func(e *Enrollment) { e.Certificate += "and more" }), "the certificate is not PEM"},
		{"PEM of nonsense", said(func(e *Enrollment) {
			e.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
		}), "the certificate cannot be read"},
		{"a key beside it", said(func(e *Enrollment) { e.Certificate += keyBlock }), `a PEM block of type "PRIVATE KEY"`},
		{"a chain without end", said(func(e *Enrollment) { e.Certificate = strings.Repeat(good, maxChain+1) }), "there are more than 8 certificates"},
		{"another's key", wire(t, answerWith(o.sign(newKey(t).Public(), nil))), "for another key"},
		{"another kind of key", wire(t, answerWith(o.sign(rsaKey.Public(), nil))), "for another key"},
		{"an authority", cert(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), "it belongs to a certificate authority"},
		{"no name", cert(func(c *x509.Certificate) { c.URIs = nil }), "it has 0 URI names"},
		{"two names", cert(func(c *x509.Certificate) { c.URIs = append(c.URIs, c.URIs[0]) }), "it has 2 URI names"},
		{"a name that is none of a rig", cert(func(c *x509.Certificate) { c.URIs[0].Path = "/store/4711" }), "is not spiffe://"},
		{"another store", cert(func(c *x509.Certificate) { c.URIs[0].Path = "/store/4712/rig/left" }), "for store 4712, rig left"},
		{"another rig", cert(func(c *x509.Certificate) { c.URIs[0].Path = "/store/4711/rig/right" }), "for store 4711, rig right"},
		{"an answer for nobody", said(func(e *Enrollment) { e.Store = "" }), `the answer for store ""`},
		{"a server's", cert(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), "not for the client's side"},
		{"for everything and nothing", cert(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), "not for the client's side"},
		{"another end", said(func(e *Enrollment) { e.NotAfter = e.NotAfter.Add(time.Hour) }), "the answer says 2026-11-29T13:00:00Z"},
		{"no end said", said(func(e *Enrollment) { e.NotAfter = time.Time{} }), "the answer says 0001-01-01"},
		{"it ends before it begins", cert(func(c *x509.Certificate) { c.NotBefore = c.NotAfter.Add(time.Second) }), "ends before it begins"},
	} {
		issued, err := ReadEnrollment(strings.NewReader(tc.body), key.Public(), issuedAt)
		if issued != nil || !errors.Is(err, ErrEnrollment) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.story, err, tc.want)
		}
	}
}

func TestACertificateThatIsNotValidByThisClock(t *testing.T) {
	o, key := newOffice(t), newKey(t)
	body := wire(t, answerWith(o.sign(key.Public(), nil)))
	for story, now := range map[string]time.Time{
		"a clock that was never set":  time.Unix(0, 0),
		"a day behind":                issuedAt.Add(-24 * time.Hour),
		"at the very end":             issuedAt.Add(7 * 24 * time.Hour),
		"in the next year":            issuedAt.AddDate(1, 0, 0),
		"a second before it is valid": issuedAt.Add(-time.Hour - time.Second),
	} {
		_, err := ReadEnrollment(strings.NewReader(body), key.Public(), now)
		var clock *ClockError
		if !errors.As(err, &clock) || !clock.Now.Equal(now) || errors.Is(err, ErrEnrollment) {
			t.Errorf("%s: %v", story, err)
			continue
		}
		if want := now.UTC().Format("2006-01-02 15:04"); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "2026-11-29 12:00") {
			t.Errorf("%s: %v does not say both", story, err)
		}
	}
	if _, err := ReadEnrollment(strings.NewReader(body), key.Public(), issuedAt.Add(7*24*time.Hour-time.Second)); err != nil {
		t.Errorf("in its last second: %v", err)
	}
}

func FuzzReadEnrollment(f *testing.F) {
	f.Add([]byte(`{"certificate":"","store":"4711","rig":"left"}`))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if issued, err := ReadEnrollment(bytes.NewReader(body), key.Public(), issuedAt); (issued == nil) == (err == nil) {
			t.Errorf("%v, %v", issued, err)
		}
	})
}
