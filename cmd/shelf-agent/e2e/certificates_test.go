package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/s3test"
)

// impostor stands before a server. While it has a certificate it answers in the server's place, as a firewall does that
// looks into TLS; otherwise everything goes through.
type impostor struct {
	net.Listener
	to string

	mu    sync.Mutex
	cert  *tls.Certificate      // guarded by mu
	open  map[net.Conn]struct{} // guarded by mu
	heard int                   // bytes of requests; guarded by mu
}

func newImpostor(t *testing.T, to string) *impostor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := &impostor{Listener: l, to: to, open: map[net.Conn]struct{}{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { i.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		i.become(nil)
		serving.Wait()
	})
	return i
}

// become gives it a certificate, or takes it away, and ends the connections that exist.
func (i *impostor) become(cert *tls.Certificate) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cert = cert
	for conn := range i.open {
		_ = conn.Close()
	}
}

func (i *impostor) serve(conn net.Conn) {
	i.mu.Lock()
	cert := i.cert
	i.open[conn] = struct{}{}
	i.mu.Unlock()
	defer func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.open, conn)
		_ = conn.Close()
	}()
	if cert == nil {
		i.pass(conn)
		return
	}
	server := tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cert}})
	request := make([]byte, 1024)
	n, _ := server.Read(request)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.heard += n
}

func (i *impostor) hears() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.heard
}

func (i *impostor) pass(conn net.Conn) {
	server, err := net.Dial("tcp", i.to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	})
	_, _ = io.Copy(conn, server)
	_ = conn.Close()
	up.Wait()
}

// badCertificate is what a server, or something in its place, shows; says is what status makes of it.
type badCertificate struct {
	name string
	make func(*testing.T, *devpki.PKI) tls.Certificate
	says string
	// stranger: it is somebody else's, not theirs out of order.
	stranger bool
}

var here = []net.IP{net.IPv4(127, 0, 0, 1)}

var badCertificates = []badCertificate{
	{"expired", func(t *testing.T, pki *devpki.PKI) tls.Certificate {
		return issue(t, pki, x509.Certificate{IPAddresses: here, NotAfter: time.Now().Add(-time.Minute), ExtKeyUsage: serverUsage})
	}, ": its certificate is not valid: x509: certificate has expired", false},
	{"for another name", func(t *testing.T, pki *devpki.PKI) tls.Certificate {
		return issue(t, pki, x509.Certificate{DNSNames: []string{"other.shop.test"}, ExtKeyUsage: serverUsage})
	}, ": its certificate is not for the name 127.0.0.1", true},
	{"of another authority", func(t *testing.T, _ *devpki.PKI) tls.Certificate {
		pki, err := devpki.Create(t.TempDir(), devpki.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return issue(t, pki, x509.Certificate{IPAddresses: here, ExtKeyUsage: serverUsage})
	}, `: its certificate was signed by "CN=shelf development authority", which this machine does not trust`, true},
	{"of a firewall", firewall, `: its certificate was signed by "CN=ACME Firewall,O=ACME", which this machine does not trust; a firewall may be intercepting TLS`, true},
	{"for clients only", func(t *testing.T, pki *devpki.PKI) tls.Certificate {
		return issue(t, pki, x509.Certificate{IPAddresses: here, ExtKeyUsage: clientUsage})
	}, ": its certificate is not valid: x509: certificate specifies an incompatible key usage", false},
}

var (
	serverUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	clientUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
)

func issue(t *testing.T, pki *devpki.PKI, template x509.Certificate) tls.Certificate {
	t.Helper()
	cert, err := pki.Issue(&template)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// firewall makes what it shows by itself.
func firewall(t *testing.T, _ *devpki.PKI) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ACME Firewall", Organization: []string{"ACME"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: here, ExtKeyUsage: serverUsage,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestP6P8_BadServerCertificates: what answers in place of the backend or of S3 gets no request, and status names it.
func TestP6P8_BadServerCertificates(t *testing.T) {
	server := s3test.Start(t)
	var rows sync.WaitGroup
	for _, bad := range badCertificates {
		for _, where := range []string{"s3", "backend"} {
			rows.Go(func() {
				t.Run(where+" "+bad.name, func(t *testing.T) { bad.isShown(t, server, where) })
			})
		}
	}
	rows.Wait()
}

func (bad badCertificate) isShown(t *testing.T, server *s3test.Server, where string) {
	doors := map[string]*impostor{}
	r := newRig(t, plan{s3: server, bucket: bucketFor(t), way: func(backend, s3 string) (string, string) {
		doors["backend"], doors["s3"] = newImpostor(t, backend), newImpostor(t, s3)
		return doors["backend"].Addr().String(), doors["s3"].Addr().String()
	}})
	r.startBackend()
	r.startAgent()
	frames := newShop(r.path("capture"))
	frames.shootSome(t, 1)
	r.await("the servers are themselves", recovery, allDelivered(1))

	cert := bad.make(t, server.PKI)
	doors[where].become(&cert)
	frames.shootSome(t, 1)
	code := map[string]string{"s3": "s3_unreachable", "backend": "backend_unreachable"}[where]
	if bad.stranger {
		code = "tls_intercepted"
	}
	r.await("the agent notices", recovery, reads(code, bad.says))
	who := map[string]string{"s3": "S3", "backend": "the backend"}[where]
	r.says(code, who+bad.says)

	doors[where].become(nil)
	r.await("everything is delivered", recovery, allDelivered(2))
	r.isWell()
	if n := doors[where].hears(); n != 0 {
		t.Errorf("the impostor heard %d bytes", n)
	}
	r.agent.stop()
	r.bucketHolds(frames)
	r.nothingIsLeft(2)
}

// badIdentity is what the rig shows; code and says are what status makes of it.
type badIdentity struct {
	name string
	make func(*testing.T, *devpki.PKI, *url.URL) tls.Certificate
	code string
	says string
}

var badIdentities = []badIdentity{
	{"expired", func(t *testing.T, pki *devpki.PKI, who *url.URL) tls.Certificate {
		return issue(t, pki, x509.Certificate{URIs: []*url.URL{who}, NotAfter: time.Now().Add(-time.Minute), ExtKeyUsage: clientUsage})
	}, "certificate_ended", "it ends on "},
	{"of another authority", func(t *testing.T, pki *devpki.PKI, who *url.URL) tls.Certificate {
		other, err := devpki.Create(t.TempDir(), devpki.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return issue(t, other, x509.Certificate{URIs: []*url.URL{who}, ExtKeyUsage: clientUsage})
	}, "backend_denied", "the backend: it refused the certificate of this rig (tls: "},
	{"of another trust domain", func(t *testing.T, pki *devpki.PKI, who *url.URL) tls.Certificate {
		return issue(t, pki, x509.Certificate{URIs: []*url.URL{{Scheme: "spiffe", Host: "other.test", Path: who.Path}}, ExtKeyUsage: clientUsage})
	}, "backend_denied", "the backend answered 403 "},
}

// TestP8_BadIdentity: a certificate that the backend does not take stops no camera, and status says what is wrong. With a
// good one in its place everything is delivered, without a restart.
func TestP8_BadIdentity(t *testing.T) {
	server := s3test.Start(t)
	var rows sync.WaitGroup
	for _, bad := range badIdentities {
		rows.Go(func() { t.Run(bad.name, func(t *testing.T) { bad.isShown(t, server) }) })
	}
	rows.Wait()
}

func (bad badIdentity) isShown(t *testing.T, server *s3test.Server) {
	r := newRig(t, plan{s3: server, bucket: bucketFor(t)})
	files := server.PKI.RigFiles(devpki.Rig{Store: store, Rig: "of-" + r.bucket})
	good := map[string][]byte{files.Cert: read(t, files.Cert), files.Key: read(t, files.Key)}
	who := &url.URL{Scheme: "spiffe", Host: server.PKI.TrustDomain, Path: "/store/" + store + "/rig/of-" + r.bucket}
	writePair(t, files, bad.make(t, server.PKI, who))
	r.startBackend()
	r.startAgent()
	frames := newShop(r.path("capture"))
	frames.shootSome(t, 2)
	r.await("the frames are safe, and the backend says no", recovery, func(s status.Snapshot) bool {
		return s.Queue.Waiting == 2 && reads(bad.code, bad.says)(s) && !s.Link.Up
	})
	r.says(bad.code, bad.says)

	for name, raw := range good {
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.await("everything is delivered", recovery, allDelivered(2))
	r.isWell()
	r.agent.stop()
	r.bucketHolds(frames)
	r.nothingIsLeft(2)
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func writePair(t *testing.T, files devpki.Pair, cert tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		files.Cert: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, files.Key: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
