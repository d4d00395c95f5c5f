package main

import (
	"testing"
	"time"

	"shelfagent/agent/capture/deafmount"
	"shelfagent/agent/config"
)

// TestACheckDoesNotWaitForTheCaptureFolder: systemd's reload waits for the check.
func TestACheckDoesNotWaitForTheCaptureFolder(t *testing.T) {
	c := config.Default()
	c.Capture.Dir = t.TempDir()
	c.Camera = map[string]config.Camera{"till": {}}
	m := deafmount.Mount(t, t.TempDir(), c.Capture.Dir)
	if got := strangers(t.Context(), &c); len(got) != 1 {
		t.Errorf("while it answers: %q", got)
	}
	m.Deafen()
	answered := make(chan []string, 1)
	go func() { answered <- strangers(t.Context(), &c) }()
	select {
	case got := <-answered:
		if got != nil {
			t.Errorf("%q", got)
		}
	case <-time.After(5 * strangersPatience):
		t.Error("it waits")
	}
}
