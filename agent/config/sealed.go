package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"shelfagent/uploader/device"
)

// keyCredential is the name of the systemd credential that holds the device key.
const keyCredential = "shelf-agent.rig-key" //nolint:gosec // its name, not what is in it

// CredentialStores are the folders in which systemd looks for a sealed credential; see systemd.exec(5).
func CredentialStores() []string {
	return []string{"/etc/credstore.encrypted", "/run/credstore.encrypted", "/usr/lib/credstore.encrypted"}
}

// SealedError says that the device key is sealed to this machine: systemd shows it to the service alone, so that every
// other program that looks for the key looks in the wrong place.
type SealedError struct {
	File  string // that systemd unseals
	Maybe bool   // its folder is closed to this user, and there is no other key
}

func (e *SealedError) Error() string {
	if e.Maybe {
		return "the device key may be sealed in " + e.File + ", where this user may not look; only the service sees it then"
	}
	return "the device key is sealed in " + e.File + "; only the service sees it"
}

// Sealed is a *SealedError when the service's device key is one that this process is not shown.
func (c *Config) Sealed(stores []string) error {
	if c.Backend.Key != "" || c.shownKey() != "" {
		return nil
	}
	home := c.Home()
	for _, store := range stores {
		file := filepath.Join(store, keyCredential)
		_, err := os.Stat(file)
		switch {
		case err == nil:
			return &SealedError{File: file}
		case errors.Is(err, fs.ErrPermission) && exists(home.Certificate) && !exists(home.Key):
			return &SealedError{File: file, Maybe: true}
		}
	}
	return nil
}

// noKey says why there is no identity: a key that is not there may be sealed.
func (c *Config) noKey(err error, stores []string) error {
	var missing *device.MissingError
	if errors.As(err, &missing) && exists(c.Home().Certificate) {
		if sealed := c.Sealed(stores); sealed != nil {
			return sealed
		}
	}
	return err
}

// shownKey is the key that systemd shows this process as a credential, or "".
func (c *Config) shownKey() string {
	if file := filepath.Join(c.credentials, keyCredential); c.credentials != "" && exists(file) {
		return file
	}
	return ""
}
