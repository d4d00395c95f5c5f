package uploader

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"shelfagent/uploader/backend"
	"shelfagent/uploader/backend/authority"
	"shelfagent/uploader/backend/devpki"
	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/device"
	"shelfagent/uploader/ticket"
)

// office is a backend that enrols and renews: the reference backend, or the one that the tests of this package play with.
type office struct {
	issuer Issuer
	code   string // an invitation of testRig
}

// TestIssuerContract: what the rig's side relies on holds for the reference backend as it does for issuertest.
func TestIssuerContract(t *testing.T) {
	offices := map[string]func(*testing.T) office{
		"issuertest": func(t *testing.T) office { return office{openBooth(t).issuer, testCode} },
		"backend":    openBackend,
	}
	stories := map[string]func(*testing.T, office){
		"a code gets a certificate that works":         certificateWorks,
		"the same code and key get an answer again":    answerAgain,
		"a code is good for one key":                   oneKey,
		"an unknown code gets nothing":                 unknownCode,
		"the old certificate gets a new one":           renewedByOld,
		"nobody renews without a certificate":          nobodyRenews,
		"the certificate of a stranger renews nothing": strangerRenews,
	}
	for name, open := range offices {
		for story, tell := range stories {
			t.Run(name+"/"+story, func(t *testing.T) {
				t.Parallel()
				tell(t, open(t))
			})
		}
	}
}

// openBackend is the reference backend as shelf-backend serves it, with its registry in a file.
func openBackend(t *testing.T) office {
	dir := t.TempDir()
	pki, err := devpki.Create(filepath.Join(dir, "pki"), devpki.Options{})
	must(t, err)
	signer, err := authority.OpenFile(pki.CA.Cert, pki.CA.Key, authority.DefaultValid)
	must(t, err)
	path := filepath.Join(dir, "registry.db")
	_, err = registry.MakeFile(path)
	must(t, err)
	file, err := registry.OpenFile(path)
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	rigs := registry.New(file, log)
	invitation, err := rigs.Invite(t.Context(), registry.Rig(testRig), registry.DefaultValid, time.Now())
	must(t, err)
	b, err := backend.New(t.Context(), backend.Options{
		TrustDomain: devpki.DefaultTrustDomain, Registry: rigs, Signer: signer, Log: log,
		S3: backend.S3{
			Bucket: testBucket, Region: "us-east-1", KMSKeyARN: testKeyARN,
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		},
	})
	must(t, err)
	config, err := pki.ServerTLS()
	must(t, err)
	config.ClientAuth = tls.VerifyClientCertIfGiven
	l := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- backend.Serve(ctx, l, config, b, log) }()
	t.Cleanup(func() {
		stop()
		must(t, errors.Join(<-ended, rigs.Close()))
	})
	base := &url.URL{Scheme: "https", Host: l.Addr().String()}
	code, err := ReadCode(invitation.Code)
	must(t, err)
	return office{Issuer{Backend: base, CAs: pki.Pool(), Development: true}, code}
}

// emptyHome is a rig that has nothing yet.
func emptyHome(t *testing.T) *device.Home {
	dir := filepath.Join(t.TempDir(), "identity")
	return &device.Home{Certificate: filepath.Join(dir, "rig.pem"), Key: filepath.Join(dir, "rig-key.pem")}
}

// take enrols home and returns its identity.
func (o office) take(t *testing.T, home *device.Home) *Identity {
	t.Helper()
	_, err := Enroll(t.Context(), o.issuer, home, o.code)
	must(t, err)
	identity, err := LoadIdentity(home.Certificate, home.Key)
	must(t, err)
	return identity
}

func certificateWorks(t *testing.T, o office) {
	identity := o.take(t, emptyHome(t))
	want := ticket.Identity{TrustDomain: devpki.DefaultTrustDomain, Store: testRig.Store, Rig: testRig.Rig}
	if identity.Name() != want {
		t.Errorf("%+v, want %+v", identity.Name(), want)
	}
	if left := time.Until(identity.Expires()); left < 6*24*time.Hour || left > 7*24*time.Hour {
		t.Errorf("it is good for %s", left)
	}
	must(t, o.issuer.try(t.Context(), identity.loaded))
}

func answerAgain(t *testing.T, o office) {
	home := emptyHome(t)
	must(t, home.Prepare())
	key, err := home.PendingKey()
	must(t, err)
	csr, err := device.Request(key)
	must(t, err)
	client := o.issuer.client(nil)
	t.Cleanup(client.CloseIdleConnections)
	for range 2 {
		_, err := o.issuer.ask(t.Context(), client, ticket.EnrollPath, ticket.EnrollRequest{Code: o.code, CSR: csr}, key.Public(), time.Now)
		must(t, err)
	}
}

func oneKey(t *testing.T, o office) {
	o.take(t, emptyHome(t))
	o.wantRefused(t, o.code, "invitation_used")
}

func unknownCode(t *testing.T, o office) { o.wantRefused(t, "ABCDEFGHJKMNPQRS", "invitation_unknown") }

func (o office) wantRefused(t *testing.T, code, want string) {
	t.Helper()
	home := emptyHome(t)
	_, err := Enroll(t.Context(), o.issuer, home, code)
	var issue *IssueError
	if !errors.As(err, &issue) || !issue.Denied() || issue.Seen.Code != want {
		t.Errorf("%+v, want a refusal %s", err, want)
	}
	if _, err := home.Pair(); err == nil {
		t.Error("a pair came of it")
	}
}

func renewedByOld(t *testing.T, o office) {
	identity := o.take(t, emptyHome(t))
	first, key := identity.Leaf(), identity.loaded
	must(t, NewRenewer(RenewOptions{Issuer: o.issuer, Identity: identity}).step(t.Context()))
	if identity.Leaf().SerialNumber.Cmp(first.SerialNumber) == 0 {
		t.Error("it is the old one")
	}
	must(t, o.issuer.try(t.Context(), identity.loaded))
	must(t, o.issuer.try(t.Context(), key)) // the old one is good until it ends
}

func nobodyRenews(t *testing.T, o office) {
	identity := o.take(t, emptyHome(t))
	nobody := &tls.Certificate{PrivateKey: identity.loaded.PrivateKey, Leaf: identity.Leaf()}
	o.wantNoRenewal(t, nobody)
}

func strangerRenews(t *testing.T, o office) {
	pki, err := devpki.Create(t.TempDir(), devpki.Options{Rigs: []devpki.Rig{testRig}})
	must(t, err)
	files := pki.RigFiles(testRig)
	stranger, err := LoadIdentity(files.Cert, files.Key)
	must(t, err)
	o.wantNoRenewal(t, stranger.loaded)
}

func (o office) wantNoRenewal(t *testing.T, present *tls.Certificate) {
	t.Helper()
	if issued, err := o.issuer.renew(t.Context(), present, time.Now); err == nil {
		t.Errorf("it is renewed: %+v", issued.Name)
	}
}
