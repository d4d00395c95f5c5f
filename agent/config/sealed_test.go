package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shelfagent/uploader"
)

// TestASealedKeyIsNotAMissingOne: who is not the service does not see the key, and must not take it for lost.
func TestASealedKeyIsNotAMissingOne(t *testing.T) {
	dir := t.TempDir()
	store, closed, shown := filepath.Join(dir, "store"), filepath.Join(dir, "closed"), filepath.Join(dir, "shown")
	c := Default()
	c.StateDir = filepath.Join(dir, "state")
	home := c.Home()
	touch := func(file string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	noKey := func(stores ...string) string {
		t.Helper()
		_, err := uploader.LoadIdentity(home.Certificate, home.Key)
		return c.noKey(err, stores).Error()
	}
	touch(filepath.Join(store, keyCredential))
	if said := noKey(store); !strings.HasPrefix(said, "device certificate: ") {
		t.Errorf("without a certificate the rig was not enrolled: %s", said)
	}
	touch(home.Certificate)
	if said := noKey(closed); !strings.HasPrefix(said, "device key: ") || c.Sealed([]string{closed}) != nil {
		t.Errorf("nothing is sealed: %s", said)
	}
	file := filepath.Join(store, keyCredential)
	if said := noKey(closed, store); said != "the device key is sealed in "+file+"; only the service sees it" {
		t.Errorf("%s", said)
	}
	touch(home.Key)
	if err := c.Sealed([]string{store}); err == nil {
		t.Error("the sealed key goes before one that was left in the state folder")
	}
	touch(filepath.Join(shown, keyCredential))
	c.credentials = shown
	if err := c.Sealed([]string{store}); err != nil {
		t.Errorf("the service itself: %v", err)
	}
	c.credentials, c.Backend.Key = "", home.Key
	if err := c.Sealed([]string{store}); err != nil {
		t.Errorf("another key is named: %v", err)
	}
}

// TestAClosedStoreMayHoldTheKey: systemd keeps its stores for root, and doctor is run as the agent's user.
func TestAClosedStoreMayHoldTheKey(t *testing.T) {
	c := Default()
	c.StateDir = t.TempDir()
	home := c.Home()
	store := filepath.Join(c.StateDir, "store")
	if err := errors.Join(os.Mkdir(store, 0o700), os.Mkdir(filepath.Dir(home.Certificate), 0o700), os.WriteFile(home.Certificate, nil, 0o600), os.Chmod(store, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(store, "x")); !errors.Is(err, os.ErrPermission) {
		t.Skip("NOT TESTED: root, and Windows, look into every folder")
	}
	var sealed *SealedError
	if err := c.Sealed([]string{store}); !errors.As(err, &sealed) || !sealed.Maybe {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(home.Key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Sealed([]string{store}); err != nil {
		t.Errorf("with a key in its place there is nothing to guess: %v", err)
	}
}
