//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"shelfagent/agent/capture"
)

// TestRootLeavesTheMarkerToTheAgent: the agent could not read a marker of root's.
func TestRootLeavesTheMarkerToTheAgent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: that what root adopts belongs to the agent. Run this as root.")
	}
	const nobody = 65534
	dir := t.TempDir()
	state, cameras, config := filepath.Join(dir, "state"), filepath.Join(dir, "cameras"), filepath.Join(dir, "config.toml")
	for _, folder := range []string{state, cameras} {
		if err := os.Mkdir(folder, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(state, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("state_dir = %q\n[capture]\ndir = %q\n[backend]\nurl = \"https://127.0.0.1:1\"\n"+
		"[upload]\nhosts = [\"127.0.0.1:1/frames\"]\n[development]\nallow_loopback = true\n", state, cameras)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("shelf-agent", "capture", "adopt", "--config", config).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, file := range []string{filepath.Join(state, "capture-seen"), filepath.Join(cameras, capture.MarkerName)} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, o := foreignOwner(info); o.uid != nobody || o.gid != nobody {
			t.Errorf("%s belongs to %d:%d", file, o.uid, o.gid)
		}
	}
}
