package devpki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

func create(t *testing.T, o Options) *PKI {
	t.Helper()
	p, err := Create(filepath.Join(t.TempDir(), "pki"), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCreateWritesUsableFiles(t *testing.T) {
	rig := Rig{"4711", "left"}
	p := create(t, Options{TrustDomain: "shelf.example.com", Hosts: []string{"backend", "10.1.2.3"}, Rigs: []Rig{rig}})

	for _, pair := range []Pair{p.CA, p.Server, p.RigFiles(rig)} {
		info, err := os.Stat(pair.Key)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", pair.Key, info.Mode().Perm())
		}
	}
	server, _, err := readPair(p.Server)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"backend", "10.1.2.3"} {
		if err := server.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	leaf, _, err := readPair(p.RigFiles(rig))
	if err != nil {
		t.Fatal(err)
	}
	id, err := ticket.ParseIdentity(leaf)
	if want := (ticket.Identity{TrustDomain: "shelf.example.com", Store: "4711", Rig: "left"}); err != nil || id != want {
		t.Errorf("identity %v (%v), want %v", id, err, want)
	}
	if left, _ := filepath.Glob(filepath.Join(p.Dir, ".*")); len(left) != 0 {
		t.Errorf("temporary files left behind: %v", left)
	}
}

func TestHandshake(t *testing.T) {
	rig := Rig{"s", "r"}
	p := create(t, Options{Rigs: []Rig{rig}})
	server, err := p.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	client, err := p.ClientTLS(rig)
	if err != nil {
		t.Fatal(err)
	}
	client.ServerName = "localhost"
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(a, server).Handshake() }()
	if err := tls.Client(b, client).Handshake(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestKeysAreNotReplacedUnasked(t *testing.T) {
	p := create(t, Options{Rigs: []Rig{{"s", "r"}}})
	before, err := os.ReadFile(p.CA.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(p.Dir, Options{}); !errors.Is(err, ErrExists) {
		t.Errorf("error %v, want ErrExists", err)
	}
	if _, err := p.AddRig(Rig{"s", "r"}, false); !errors.Is(err, ErrExists) {
		t.Errorf("error %v, want ErrExists", err)
	}
	after, err := os.ReadFile(p.CA.Key)
	if err != nil || string(after) != string(before) {
		t.Errorf("the authority's key changed (%v)", err)
	}
	if _, err := Create(p.Dir, Options{Overwrite: true}); err != nil {
		t.Error(err)
	}
}

// A rig key alone, left by someone who deleted the authority, is still someone's key.
func TestNothingIsWrittenBesideAnOldRigKey(t *testing.T) {
	p := create(t, Options{Rigs: []Rig{{"s", "r"}}})
	for _, path := range []string{p.CA.Cert, p.CA.Key, p.Server.Cert, p.Server.Key} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Create(p.Dir, Options{Rigs: []Rig{{"s", "r"}}}); !errors.Is(err, ErrExists) {
		t.Errorf("error %v, want ErrExists", err)
	}
	if Exists(p.Dir) {
		t.Error("an authority was written before the refusal")
	}
}

func TestRigIsAddedToAnExistingFolder(t *testing.T) {
	p := create(t, Options{TrustDomain: "d"})
	reopened, err := Open(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	rig := Rig{"s", "second"}
	files, err := reopened.AddRig(rig, false)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _, err := readPair(files)
	if err != nil {
		t.Fatal(err)
	}
	usage := x509.VerifyOptions{Roots: p.Pool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := leaf.Verify(usage); err != nil {
		t.Error(err)
	}
	if id, err := ticket.ParseIdentity(leaf); err != nil || id.TrustDomain != "d" || id.Rig != "second" {
		t.Errorf("identity %v (%v)", id, err)
	}
}

func TestOptionsThatCannotStand(t *testing.T) {
	tests := []struct {
		name string
		o    Options
	}{
		{"store in upper case", Options{Rigs: []Rig{{"S", "r"}}}},
		{"rig that climbs out of the folder", Options{Rigs: []Rig{{"s", "../../r"}}}},
		{"two rigs in one file", Options{Rigs: []Rig{{"a-b", "c"}, {"a", "b-c"}}}},
		{"trust domain with a port", Options{TrustDomain: "d:443"}},
		{"already over", Options{Valid: -time.Hour}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "pki")
			if _, err := Create(dir, test.o); err == nil {
				t.Fatal("no error")
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the folder was made all the same")
			}
		})
	}
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
}

func TestIssueKeepsWhatItIsTold(t *testing.T) {
	p := create(t, Options{})
	end := time.Now().Add(-time.Minute)
	uris := []*url.URL{{Scheme: "spiffe", Host: "a"}, {Scheme: "spiffe", Host: "b"}}
	cert, err := p.Issue(&x509.Certificate{URIs: uris, NotAfter: end})
	if err != nil {
		t.Fatal(err)
	}
	if len(cert.Leaf.URIs) != 2 || !cert.Leaf.NotAfter.Equal(end.Truncate(time.Second)) {
		t.Errorf("got %v until %v", cert.Leaf.URIs, cert.Leaf.NotAfter)
	}
}
