//go:build unix

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"shelfagent/agent/config"
	"shelfagent/systemd"
	"shelfagent/uploader/device"
)

// TestKeysGoToTheAgentsUser: root enrols, and the agent has to read the key.
func TestKeysGoToTheAgentsUser(t *testing.T) {
	c := config.Default()
	c.StateDir = t.TempDir()
	home, err := agentHome(&c)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(c.StateDir, "identity", "rig-key.pem"); home.Key != want {
		t.Errorf("the key is at %s, want %s", home.Key, want)
	}
	if os.Geteuid() != 0 {
		if home.Owner != nil {
			t.Errorf("%+v", home.Owner)
		}
		t.Skip("NOT TESTED further: this test needs root, who alone may write for another user")
	}
	const nobody = 65534
	if err := os.Chown(c.StateDir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	home, err = agentHome(&c)
	if err != nil || home.Owner == nil || *home.Owner != (device.Owner{UID: nobody, GID: nobody}) {
		t.Errorf("%+v, %v", home.Owner, err)
	}
	c.StateDir = filepath.Join(c.StateDir, "not there yet")
	if _, err = agentHome(&c); err != nil {
		t.Error(err)
	}
}

// TestTheUnitsUserIsTheOneThatKeysAreGivenTo holds the two against each other.
func TestTheUnitsUserIsTheOneThatKeysAreGivenTo(t *testing.T) {
	if !regexp.MustCompile(`(?m)^User=` + serviceUser + `$`).Match(systemd.Unit) {
		t.Errorf("the unit does not run as %s", serviceUser)
	}
}
