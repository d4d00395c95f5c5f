package backend

import (
	"os"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/backend/devpki"
)

// TestServerCertificateIsReadAgain: what is renewed is shown at the next handshake, and what cannot be read changes nothing.
func TestServerCertificateIsReadAgain(t *testing.T) {
	before, after := newServerPKI(t), newServerPKI(t)
	log := &lines{}
	config, err := LoadServerTLS(before.Server.Cert, before.Server.Key, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		t.Helper()
		shown, err := config.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return shown.Leaf.SerialNumber.String()
	}
	replace := func(file string, text []byte, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	first := serial()
	replace(before.Server.Cert, mustRead(t, after.Server.Cert), 3*time.Hour)
	if serial() != first {
		t.Error("a certificate is shown without its key")
	}
	if !strings.Contains(log.String(), "the one before stays in use") {
		t.Errorf("the log says nothing: %s", log)
	}
	replace(before.Server.Key, mustRead(t, after.Server.Key), 2*time.Hour)
	second := serial()
	if second == first {
		t.Error("the old one is shown")
	}
	replace(before.Server.Cert, []byte("no PEM"), time.Hour)
	if err := os.Remove(before.Server.Key); err != nil {
		t.Fatal(err)
	}
	if serial() != second {
		t.Error("what cannot be read is shown")
	}
}

func newServerPKI(t *testing.T) *devpki.PKI {
	t.Helper()
	pki, err := devpki.Create(t.TempDir(), devpki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return pki
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
