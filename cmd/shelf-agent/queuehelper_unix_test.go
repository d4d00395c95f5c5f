//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shelfagent/queue"
)

// TestRootLeavesTheQueueToItsOwner: a file that root made in the queue would keep the agent out at its next start.
func TestRootLeavesTheQueueToItsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: that root opens the queue as its owner. Run this as root.")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "sq") // t.TempDir lies where only root goes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	folder := filepath.Join(dir, "state", "queue")
	ids, err := queueFrames(folder, []string{"cam-1=parked", "cam-1=waiting"})
	if err != nil {
		t.Fatal(err)
	}
	owned := func(check func(name string, info fs.FileInfo) error) error {
		return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			return check(name, info)
		})
	}
	if err := owned(func(name string, _ fs.FileInfo) error { return os.Lchown(name, nobody, nobody) }); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config.toml") // root's own, as on a rig
	text := fmt.Sprintf("state_dir = %q\n[capture]\ndir = %q\n[backend]\nurl = \"https://127.0.0.1:1\"\n[upload]\nhosts = [\"127.0.0.1:1/frames\"]\n"+
		"[status]\nsocket = %q\n[development]\nallow_loopback = true\n", filepath.Join(dir, "state"), filepath.Join(dir, "cameras"), filepath.Join(dir, "none.sock"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stick := t.TempDir() // where nobody but root goes
	command := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := exec.Command("shelf-agent", append([]string{"queue"}, append(args, "--config", config)...)...)
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Env = append(os.Environ(), "SUDO_USER=alice")
		if err := cmd.Run(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, out.String())
		}
		return out.String()
	}
	for _, args := range [][]string{
		{"list"}, {"stats"}, {"verify"}, {"retry", "--all"}, {"show", string(ids[0])}, {"export", stick},
	} {
		command(args...)
	}
	if said := command("drop", string(ids[0]), "--yes", "--reason", "test"); !strings.Contains(said, "alice, as root (uid 0)") {
		t.Errorf("who dropped it:\n%s", said)
	}
	if _, err := os.Stat(filepath.Join(stick, filepath.FromSlash(string(ids[1])))); err != nil {
		t.Error(err)
	}
	err = owned(func(name string, info fs.FileInfo) error {
		if foreign, o := foreignOwner(info); (!foreign || o.uid != nobody) && name != config {
			t.Errorf("%s belongs to user %d now", name, o.uid)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}

	// While another process has the queue open, nobody else has.
	q, err := queue.Open(t.Context(), queue.Options{Dir: folder, MinFree: 1, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	out, err := exec.Command("shelf-agent", "queue", "list", "--config", config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), fmt.Sprintf("held by process %d", os.Getpid())) || !strings.Contains(string(out), "try again") {
		t.Errorf("a locked queue: %v\n%s", err, out)
	}
}
