package device

import (
	"crypto/ecdsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestAFirstEnrolment(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	if _, err := h.Pair(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), h.Certificate) {
		t.Errorf("before it: %v", err)
	}
	want := enroll(t, h, a)
	wantPair(t, h, want)
	dir := filepath.Dir(h.Certificate)
	if got := names(t, dir); !slices.Equal(got, []string{"rig-key.pem", "rig.pem"}) {
		t.Errorf("it leaves %v", got)
	}
	for file, mode := range map[string]fs.FileMode{dir: 0o700, filepath.Dir(dir): 0o700, h.Key: 0o600, h.Certificate: 0o644} {
		info, err := os.Stat(file)
		must(t, err)
		if runtime.GOOS != "windows" && info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o, want %o", file, info.Mode().Perm(), mode)
		}
	}
	key, err := h.Signer()
	must(t, err)
	if ec, ok := key.(*ecdsa.PrivateKey); !ok || ec.Curve.Params().Name != "P-256" {
		t.Errorf("the key is a %T", key)
	}
}

func TestASecondEnrolmentLeavesTheOldPairAside(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	first := enroll(t, h, a)
	second := enroll(t, h, a)
	wantPair(t, h, second)
	old := &Home{Certificate: h.Certificate + aside, Key: h.Key + aside}
	wantPair(t, old, first)
	enroll(t, h, a)
	wantPair(t, old, second)
}

// TestALostAnswer: the next try has the same key, so that a backend can tell it from somebody else's.
func TestALostAnswer(t *testing.T) {
	h := newHome(t)
	must(t, h.Prepare())
	first, err := h.PendingKey()
	must(t, err)
	second, err := h.PendingKey()
	must(t, err)
	if !first.(*ecdsa.PrivateKey).Equal(second) {
		t.Error("the key of the first try is lost")
	}
	must(t, os.WriteFile(h.Key+ready, []byte("spoiled"), 0o600))
	third, err := h.PendingKey()
	must(t, err)
	if third.(*ecdsa.PrivateKey).Equal(first) {
		t.Error("where does it come from?")
	}
	wantPair(t, h, enroll(t, h, newAuthority(t)))
}

func TestARenewalIsTriedBeforeItIsUsed(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	old := enroll(t, h, a)
	if candidate, err := h.Candidate(); candidate != nil || err != nil {
		t.Errorf("a candidate from nowhere: %v", err)
	}
	latest := stage(t, h, a)
	wantPair(t, h, old)
	candidate, err := h.Candidate()
	if err != nil || serial(candidate) != latest {
		t.Errorf("the candidate is %d (%v), want %d", serial(candidate), err, latest)
	}
	must(t, h.Discard())
	wantPair(t, h, old)
	if candidate, _ := h.Candidate(); candidate != nil {
		t.Error("it was not discarded")
	}
	latest = stage(t, h, a)
	must(t, h.Promote())
	wantPair(t, h, latest)
}

// TestAnEnrolmentDuringARenewal: a certificate for the old key must not get beside the new one.
func TestAnEnrolmentDuringARenewal(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	enroll(t, h, a)
	key, err := h.Signer()
	must(t, err)
	late := a.issue(key.Public())
	stage(t, h, a)
	latest := enroll(t, h, a)
	if err := h.Stage(late); !errors.Is(err, ErrKeyChanged) {
		t.Errorf("staged: %v", err)
	}
	must(t, os.WriteFile(h.staged(), late.PEM, 0o600))
	if candidate, err := h.Candidate(); candidate != nil || err != nil {
		t.Errorf("it would be tried: %v", err)
	}
	if err := h.Promote(); !errors.Is(err, ErrKeyChanged) {
		t.Errorf("promoted: %v", err)
	}
	wantPair(t, h, latest)
}

func TestACertificateForAnotherKeyIsNotInstalled(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	old := enroll(t, h, a)
	_, err := h.PendingKey()
	must(t, err)
	other, err := newKey()
	must(t, err)
	if err := h.Install(a.issue(other.Public())); !errors.Is(err, ErrKeyChanged) {
		t.Errorf("%v", err)
	}
	wantPair(t, h, old)
}

// TestTheKeyMayBeElsewhere: in systemd's credentials, say, where it can only be read.
func TestTheKeyMayBeElsewhere(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	enroll(t, h, a)
	credentials := t.TempDir()
	must(t, os.Rename(h.Key, filepath.Join(credentials, "key")))
	must(t, os.Symlink("key", filepath.Join(credentials, "rig-key")))
	must(t, os.Chmod(credentials, 0o500))
	h.Key = filepath.Join(credentials, "rig-key")
	must(t, h.TryRenew())
	latest := stage(t, h, a)
	must(t, h.Promote())
	wantPair(t, h, latest)
}

func TestWhatAPowerCutLeftIsSwept(t *testing.T) {
	h := newHome(t)
	must(t, h.Prepare())
	left := filepath.Join(filepath.Dir(h.Key), temporaryPrefix+"x")
	must(t, os.WriteFile(left, []byte("half a key"), 0o600))
	must(t, h.TryRenew())
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Error("half a key is still there")
	}
}

func TestAFolderThatCannotBeChanged(t *testing.T) {
	h := newHome(t)
	must(t, os.Mkdir(filepath.Dir(filepath.Dir(h.Key)), 0o700))
	must(t, os.WriteFile(filepath.Dir(h.Key), nil, 0o600))
	if err := h.Prepare(); err == nil || !strings.Contains(err.Error(), "is no folder") {
		t.Errorf("%v", err)
	}
	h = newHome(t)
	if err := h.TryRenew(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestErrorsHoldNoKey(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	enroll(t, h, a)
	key, err := os.ReadFile(h.Key)
	must(t, err)
	secret := strings.Split(string(key), "\n")[1]
	must(t, os.WriteFile(h.Key, []byte(strings.Replace(string(key), secret, secret[1:], 1)), 0o600))
	for _, do := range []func() error{
		func() error { _, err := h.Pair(); return err }, func() error { _, err := h.Signer(); return err },
		func() error { return h.Stage(a.issue(a.key.Public())) }, h.Promote,
	} {
		if err := do(); err == nil || strings.Contains(err.Error(), secret[1:20]) {
			t.Errorf("%v", err)
		}
	}
}
