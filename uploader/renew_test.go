package uploader

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/issuertest"
	"shelfagent/uploader/ticket"
)

// renewer is one for the booth's rig whose certificate is due now.
func (b *booth) renewer(identity *Identity) *Renewer {
	return NewRenewer(RenewOptions{Issuer: b.issuer, Identity: identity})
}

func (b *booth) serial() string {
	b.t.Helper()
	pair, err := b.home.Pair()
	must(b.t, err)
	return pair.Leaf.SerialNumber.String()
}

func TestRenewal(t *testing.T) {
	b, identity := enrolled(t)
	first, key := b.serial(), identity.loaded.PrivateKey
	must(t, b.renewer(identity).step(t.Context()))
	if b.serial() == first {
		t.Error("the certificate is the old one")
	}
	if got := identity.Leaf().SerialNumber.String(); got != b.serial() {
		t.Error("the agent still uses the old one")
	}
	if !key.(*ecdsa.PrivateKey).Equal(identity.loaded.PrivateKey) {
		t.Error("the key has changed")
	}
	if n := b.server.Requests(ticket.HeartbeatPath); n != 1 {
		t.Errorf("it was tried %d times before it was used", n)
	}
	must(t, b.issuer.try(t.Context(), identity.loaded))
}

// TestHostileAnswersToARenewal: whatever comes, the old certificate stays in use, and the next renewal works.
func TestHostileAnswersToARenewal(t *testing.T) {
	for story := range openBooth(t).answers() {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			b, identity := enrolled(t)
			first, r := b.serial(), b.renewer(identity)
			tc := b.answers()[story]
			b.server.Override(ticket.RenewPath, tc.answer)
			if err := r.step(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if b.serial() != first || b.server.Requests(ticket.HeartbeatPath) != 0 {
				t.Error("something came of it")
			}
			b.server.Override(ticket.RenewPath, nil)
			if err := r.step(t.Context()); err != nil || b.serial() == first {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestARenewalMakesNoOtherRig(t *testing.T) {
	for _, path := range []string{"/store/4711/rig/right", "/store/4712/rig/left"} {
		b, identity := enrolled(t)
		first := b.serial()
		b.server.Override(ticket.RenewPath, func(w http.ResponseWriter, r *http.Request) {
			answer := b.server.Issue(testRig, readCSR(t, r).PublicKey, func(c *x509.Certificate) { c.URIs[0].Path = path })
			parts := strings.Split(path, "/")
			answer.Store, answer.Rig = parts[2], parts[4]
			_ = json.NewEncoder(w).Encode(answer)
		})
		if err := b.renewer(identity).step(t.Context()); !errors.Is(err, ticket.ErrEnrollment) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v", err)
		}
		if b.serial() != first {
			t.Error("it was taken")
		}
	}
}

// TestTheOldCertificateStaysUntilTheNewOneHasWorked tells a backend that refuses what it has issued from one that gives
// no answer.
func TestTheOldCertificateStaysUntilTheNewOneHasWorked(t *testing.T) {
	for _, tc := range []struct {
		story   string
		answer  http.HandlerFunc
		refused bool
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) { issuertest.Refuse(w, 403, "revoked", "") }, true},
		{"unknown to the backend", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, true},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, false},
		{"cut off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
		{"a login page", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) }, false},
	} {
		t.Run(tc.story, func(t *testing.T) {
			b, identity := enrolled(t)
			first, r := b.serial(), b.renewer(identity)
			b.server.Override(ticket.HeartbeatPath, tc.answer)
			err := r.step(t.Context())
			var refused *RefusedError
			if err == nil || errors.As(err, &refused) != tc.refused {
				t.Errorf("%v", err)
			}
			if b.serial() != first || identity.Leaf().SerialNumber.String() != first {
				t.Error("the new one is in use")
			}
			if candidate, err := b.home.Candidate(); err != nil || (candidate == nil) != tc.refused {
				t.Errorf("kept %v, %v", candidate != nil, err)
			}
			b.server.Override(ticket.HeartbeatPath, nil)
			// After a restart, too: what lies ready is tried, and not asked for again.
			identity, err = LoadIdentity(b.home.Certificate, b.home.Key)
			must(t, err)
			must(t, b.renewer(identity).step(t.Context()))
			if b.serial() == first {
				t.Error("not renewed afterwards")
			}
			want := 1
			if tc.refused {
				want = 2
			}
			if n := b.server.Requests(ticket.RenewPath); n != want {
				t.Errorf("asked for %d times, want %d", n, want)
			}
		})
	}
}

// TestARigThatWasOffForTooLong says what is the matter, and waits for a person with another code.
func TestARigThatWasOffForTooLong(t *testing.T) {
	b := openBooth(t)
	must(t, b.home.Prepare())
	key, err := b.home.PendingKey()
	must(t, err)
	answer := b.server.Issue(testRig, key.Public(), func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Second) })
	block, _ := pem.Decode([]byte(answer.Certificate))
	leaf, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	must(t, b.home.Install(&ticket.Issued{PEM: []byte(answer.Certificate), Leaf: leaf}))
	identity, err := LoadIdentity(b.home.Certificate, b.home.Key)
	must(t, err)
	err = b.renewer(identity).step(t.Context())
	var issue *IssueError
	if !errors.As(err, &issue) || !issue.Denied() || !lasting(err) || !strings.Contains(err.Error(), "it refused the certificate of this rig") {
		t.Errorf("%v", err)
	}
	if n := b.server.Requests(ticket.RenewPath); n != 0 {
		t.Errorf("%d requests", n)
	}
	_, err = b.enroll()
	must(t, err)
	must(t, identity.Reload())
	must(t, b.issuer.try(t.Context(), identity.loaded))
}

// TestACertificateThatCannotBeKeptIsNotAskedFor: a read-only folder would cost the backend one at each try.
func TestACertificateThatCannotBeKeptIsNotAskedFor(t *testing.T) {
	b, identity := enrolled(t)
	dir := filepath.Dir(b.home.Certificate)
	must(t, os.Rename(dir, dir+"-gone"))
	for range 3 {
		_, err := b.renewer(identity).ask(t.Context(), identity.loaded)
		var home *HomeError
		if !errors.As(err, &home) || !lasting(err) {
			t.Errorf("%v", err)
		}
	}
	if n := b.server.Requests(ticket.RenewPath); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// TestAnEnrolmentThatWasCutOffIsSettled by the agent, which must not take the certificate for one to be tried.
func TestAnEnrolmentThatWasCutOffIsSettled(t *testing.T) {
	b, _ := enrolled(t)
	must(t, os.Rename(b.home.Certificate, b.home.Certificate+".new"))
	identity, err := LoadIdentity(b.home.Certificate, b.home.Key)
	must(t, err)
	r := b.renewer(identity)
	if !r.unfinished() {
		t.Error("nothing to do, it says")
	}
	must(t, r.step(t.Context()))
	if _, err := os.Stat(b.home.Certificate); err != nil || r.unfinished() {
		t.Errorf("not settled: %v", err)
	}
}

// TestTheUploaderTakesARenewedCertificate: no restart, and no frame waits for it.
func TestTheUploaderTakesARenewedCertificate(t *testing.T) {
	s := openShop(t, nil)
	s.put(1, 1000)
	s.once()
	server, err := issuertest.StartWith(s.pki)
	must(t, err)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	must(t, err)
	identity := s.options.Identity
	first := identity.Leaf().SerialNumber.String()
	must(t, NewRenewer(RenewOptions{Issuer: Issuer{Backend: base, CAs: s.pki.Pool(), Development: true}, Identity: identity}).step(t.Context()))
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
	shown := ""
	s.backend.answer(func(w http.ResponseWriter, r *http.Request) {
		shown = r.TLS.PeerCertificates[0].SerialNumber.String()
		s.backend.behind.ServeHTTP(w, r)
	})
	s.put(2, 1000)
	s.once()
	s.wantOutage("")
	if shown == first || shown != identity.Leaf().SerialNumber.String() {
		t.Errorf("the certificate shown is %s, the old one %s", shown, first)
	}
}

// TestARigRenewsByItself: nobody calls a step. Its certificate is due, and there is a backend.
func TestARigRenewsByItself(t *testing.T) {
	b := openBooth(t)
	b.server.Change(func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(patience/2)
	})
	_, err := b.enroll()
	must(t, err)
	b.server.Change(nil)
	identity, err := LoadIdentity(b.home.Certificate, b.home.Key)
	must(t, err)
	tried := make(chan struct{})
	b.server.Override(ticket.HeartbeatPath, func(http.ResponseWriter, *http.Request) { close(tried) })
	r := b.renewer(identity)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	select {
	case <-tried:
	case <-time.After(patience):
		t.Fatalf("no renewal: %+v", r.Status())
	}
	for identity.Expires().Before(time.Now().Add(time.Hour)) { // it is put in place after the answer
		must(t, identity.Reload())
	}
	stop()
	must(t, <-ended)
	if s := r.Status(); s != (RenewalStatus{}) {
		t.Errorf("%+v", s)
	}
}

func TestDueDependsOnTheCertificateAlone(t *testing.T) {
	b, identity := enrolled(t)
	leaf := identity.Leaf()
	at := due(leaf)
	if part := float64(at.Sub(leaf.NotBefore)) / float64(life(leaf)); part < renewAfter || part > renewAfter+renewSpread {
		t.Errorf("due after %.3f of its life", part)
	}
	again, err := LoadIdentity(b.home.Certificate, b.home.Key)
	must(t, err)
	if !due(again.Leaf()).Equal(at) {
		t.Error("a restart changes it")
	}
	if identity.EndsSoon(at) || !identity.EndsSoon(leaf.NotAfter) {
		t.Error("a renewal in its time alarms people, or an end does not")
	}
}
