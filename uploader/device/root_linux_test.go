package device

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const nobody = 65534

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("this test needs root: only root may write for another user")
	}
	t.Skip("NOT TESTED: this test needs root, who alone may write for another user")
}

func TestRootWritesForTheAgentsUser(t *testing.T) {
	asRoot(t)
	a, h := newAuthority(t), newHome(t)
	h.Owner = &Owner{UID: nobody, GID: nobody}
	enroll(t, h, a)
	enroll(t, h, a)
	dir := filepath.Dir(h.Key)
	for _, file := range append(names(t, dir), ".", "..") {
		info, err := os.Stat(filepath.Join(dir, file))
		must(t, err)
		if s := info.Sys().(*syscall.Stat_t); s.Uid != nobody || s.Gid != nobody {
			t.Errorf("%s belongs to %d:%d", file, s.Uid, s.Gid)
		}
	}
	if len(names(t, dir)) != 4 {
		t.Errorf("%v", names(t, dir))
	}
}

// TestRootIsNotLedAstray: the agent's user owns the folder, and may have put links there before root comes.
func TestRootIsNotLedAstray(t *testing.T) {
	victim := t.TempDir()
	must(t, os.WriteFile(filepath.Join(victim, "passwd"), []byte("root"), 0o644))
	wantVictim := func() {
		t.Helper()
		raw, err := os.ReadFile(filepath.Join(victim, "passwd"))
		if got := names(t, victim); err != nil || string(raw) != "root" || len(got) != 1 {
			t.Errorf("root was led to %v: %q", got, raw)
		}
	}

	h := newHome(t)
	must(t, os.Mkdir(filepath.Dir(filepath.Dir(h.Key)), 0o700))
	must(t, os.Symlink(victim, filepath.Dir(h.Key)))
	if err := h.Prepare(); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("a folder that is a link: %v", err)
	}
	wantVictim()

	h = newHome(t)
	must(t, h.Prepare())
	for _, name := range []string{h.Key, h.Certificate, h.Key + ready, h.Key + aside, h.staged()} {
		must(t, os.Symlink(filepath.Join(victim, "passwd"), name))
	}
	if _, err := h.PendingKey(); err != nil {
		t.Errorf("a key that is a link: %v", err)
	}
	wantVictim()
	key, err := h.PendingKey()
	must(t, err)
	if err := h.Install(newAuthority(t).issue(key.Public())); err == nil {
		t.Error("a file of root's was set aside where the agent's user can read it")
	}
	wantVictim()
	if _, err := os.ReadFile(h.Certificate + aside); err == nil {
		t.Error("a file of root's was copied")
	}
}

func TestTwoProgramsTakeTurns(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	enroll(t, h, a)
	d, err := h.open(filepath.Dir(h.Certificate))
	must(t, err)
	defer d.close()
	unlock, err := d.lock()
	must(t, err)
	done := make(chan int64)
	go func() { done <- stage(t, h, a) }()
	select {
	case <-done:
		t.Error("it did not wait")
	case <-time.After(100 * time.Millisecond):
	}
	unlock()
	<-done
}
