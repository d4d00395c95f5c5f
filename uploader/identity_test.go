package uploader

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfagent/queue"
	"shelfagent/uploader/backend/devpki"
)

// deviceFiles are a rig's pair of files and the authority that signs them.
type deviceFiles struct {
	*Identity
	t   *testing.T
	pki *devpki.PKI
	devpki.Pair
}

func newDevice(t *testing.T) *deviceFiles {
	t.Helper()
	pki, err := devpki.Create(t.TempDir(), devpki.Options{Rigs: []devpki.Rig{testRig}})
	must(t, err)
	d := &deviceFiles{t: t, pki: pki, Pair: pki.RigFiles(testRig)}
	d.Identity, err = LoadIdentity(d.Cert, d.Key)
	must(t, err)
	return d
}

// serial is that of the certificate which the next handshake presents.
func (d *deviceFiles) serial() string {
	d.t.Helper()
	cert, err := d.certificate(nil)
	must(d.t, err)
	return cert.Leaf.SerialNumber.String()
}

// take writes another rig's pair over the device's.
func (d *deviceFiles) take(rig devpki.Rig) {
	d.t.Helper()
	other, err := d.pki.AddRig(rig, true)
	must(d.t, err)
	replace(d.t, other.Key, d.Key)
	replace(d.t, other.Cert, d.Cert)
}

func replace(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, raw, 0o600))
	touch(t, to)
}

// touch gives a file another time, whatever the file system's clock can tell apart.
func touch(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	must(t, os.Chtimes(name, time.Time{}, info.ModTime().Add(time.Second)))
}

func TestIdentityIsReadAgain(t *testing.T) {
	d := newDevice(t)
	if d.Name().Store != "4711" || d.Name().Rig != "left" {
		t.Fatalf("%+v", d.Name())
	}
	first := d.serial()
	if d.serial() != first || d.Problem() != nil {
		t.Fatalf("changes by itself: %v", d.Problem())
	}
	d.take(devpki.Rig{Store: "4711", Rig: "right"})
	if d.serial() == first || d.Problem() != nil || d.Name().Rig != "right" {
		t.Errorf("not renewed: %v", d.Problem())
	}
}

func TestBadPairKeepsTheOld(t *testing.T) {
	for story, spoil := range map[string]func(*deviceFiles){
		"half a certificate": func(d *deviceFiles) {
			raw, err := os.ReadFile(d.Cert)
			must(t, err)
			must(t, os.WriteFile(d.Cert, raw[:len(raw)/2], 0o600))
			touch(t, d.Cert)
		},
		"a new certificate with the old key": func(d *deviceFiles) {
			other, err := d.pki.AddRig(devpki.Rig{Store: "4711", Rig: "right"}, true)
			must(t, err)
			replace(t, other.Cert, d.Cert)
		},
		"no certificate":      func(d *deviceFiles) { must(t, os.Remove(d.Cert)) },
		"no key":              func(d *deviceFiles) { must(t, os.Remove(d.Key)) },
		"an empty key":        func(d *deviceFiles) { must(t, os.WriteFile(d.Key, nil, 0o600)); touch(t, d.Key) },
		"another store":       func(d *deviceFiles) { d.take(devpki.Rig{Store: "4712", Rig: "left"}) },
		"an authority":        func(d *deviceFiles) { replace(t, d.pki.CA.Key, d.Key); replace(t, d.pki.CA.Cert, d.Cert) },
		"a server, not a rig": func(d *deviceFiles) { replace(t, d.pki.Server.Key, d.Key); replace(t, d.pki.Server.Cert, d.Cert) },
	} {
		t.Run(story, func(t *testing.T) {
			d := newDevice(t)
			first := d.serial()
			spoil(d)
			if d.serial() != first {
				t.Error("the old certificate is not in use any more")
			}
			if d.Problem() == nil || d.Name().Store != "4711" || d.Expires().IsZero() {
				t.Errorf("problem %v, %+v", d.Problem(), d.Name())
			}
			d.take(devpki.Rig{Store: "4711", Rig: "left"})
			if d.serial() == first || d.Problem() != nil {
				t.Errorf("a good pair after it is not taken: %v", d.Problem())
			}
		})
	}
}

func TestKeyThatOthersCanRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits here")
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o620, 0o604} {
		d := newDevice(t)
		first := d.serial()
		must(t, os.Chmod(d.Key, mode))
		_, err := LoadIdentity(d.Cert, d.Key)
		if err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
		touch(t, d.Key)
		if d.serial() != first || d.Problem() == nil {
			t.Errorf("mode %o: taken while running", mode)
		}
	}
}

func TestLoadIdentityRefuses(t *testing.T) {
	d := newDevice(t)
	nowhere := filepath.Join(t.TempDir(), "nothing.pem")
	for story, pair := range map[string]devpki.Pair{
		"no certificate":  {Cert: nowhere, Key: d.Key},
		"no key":          {Cert: d.Cert, Key: nowhere},
		"another's key":   {Cert: d.Cert, Key: d.pki.Server.Key},
		"no rig's name":   d.pki.Server,
		"files exchanged": {Cert: d.Key, Key: d.Key},
	} {
		if _, err := LoadIdentity(pair.Cert, pair.Key); err == nil {
			t.Errorf("%s: was taken", story)
		} else if strings.Contains(err.Error(), keyLine(d.Key)) {
			t.Errorf("%s: the error holds the key", story)
		}
	}
}

// TestRenewalWhileConnected: the backend refuses the old certificate on a connection that stays open. The next try
// must present the new one, or the rig stays outside for ever.
func TestRenewalWhileConnected(t *testing.T) {
	s := openShop(t, nil)
	s.put(1, 1000)
	s.once()
	var old string
	s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
		serial := r.TLS.PeerCertificates[0].SerialNumber.String()
		if old == "" {
			old = serial
		}
		if serial == old {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.backend.behind.ServeHTTP(w, r)
	})
	item := s.put(2, 1000)
	s.once()
	s.wantOutage(CauseBackendDenied)
	_, err := s.pki.AddRig(testRig, true)
	must(t, err)
	touch(t, s.files().Cert)
	must(t, s.queue.Retry(t.Context(), item.ID))
	s.probeNow()
	s.once()
	s.wantOutage("")
	s.wantDelivered(item, queue.ProofStored)
}

// TestCertificateIsRefusedByTLS: the backend's listener says no before any status can.
func TestCertificateIsRefusedByTLS(t *testing.T) {
	for story, change := range map[string]func(*shop) *Identity{
		"of another authority": func(s *shop) *Identity {
			pki, err := devpki.Create(s.t.TempDir(), devpki.Options{Rigs: []devpki.Rig{testRig}})
			must(s.t, err)
			pair := pki.RigFiles(testRig)
			identity, err := LoadIdentity(pair.Cert, pair.Key)
			must(s.t, err)
			return identity
		},
		"expired": func(s *shop) *Identity {
			identity := s.options.Identity
			cert, err := s.pki.Issue(&x509.Certificate{
				URIs: identity.loaded.Leaf.URIs, NotAfter: time.Now().Add(-time.Minute), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			})
			must(s.t, err)
			return &Identity{
				home: identity.home, changes: identity.changes,
				parsed: identity.parsed, loaded: &tls.Certificate{Certificate: cert.Certificate, PrivateKey: cert.PrivateKey, Leaf: cert.Leaf},
			}
		},
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, func(s *shop) { s.options.Identity = change(s) })
			item := s.put(1, 1000)
			s.once()
			s.wantItem(item.ID, queue.Deferred, 0, "")
			s.wantOutage(CauseBackendDenied)
			if got := s.Status().Outage.Reason; !strings.HasPrefix(got, "the backend: it refused the certificate of this rig (tls: ") {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestDoors: a check along the real path names what it met.
func TestDoors(t *testing.T) {
	s := openShop(t, nil)
	doors := Doors(s.options)
	if len(doors) != 2 || !doors[0].Backend || doors[1].Backend {
		t.Fatalf("%+v", doors)
	}
	for _, door := range doors {
		addrs, err := door.Resolve(t.Context())
		must(t, err)
		conn, at, err := door.Connect(t.Context())
		must(t, err)
		defer conn.Close()
		met, err := door.Shake(t.Context(), conn)
		must(t, err)
		if len(addrs) != 1 || at != addrs[0] || !Private(at) || met.Version != "TLS 1.3" ||
			!strings.Contains(met.Signer, "CN=shelf development authority") || time.Until(met.Ends) < time.Hour {
			t.Errorf("%s: %v, %v, %+v", door.Name, addrs, at, met)
		}
	}
	s.options.Guard, s.options.S3CAs = Guard{}, nil
	behind := Doors(s.options)[1]
	var forbidden *AddressError
	if addrs, err := behind.Resolve(t.Context()); len(addrs) != 1 || !errors.As(err, &forbidden) {
		t.Errorf("%v, %v", addrs, err)
	}
	if _, _, err := behind.Connect(t.Context()); !errors.As(err, &forbidden) {
		t.Errorf("a door behind the guard opened: %v", err)
	}
}
