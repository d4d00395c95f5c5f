package device

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// disk is what a folder holds: contents by name.
type disk map[string]string

func readDisk(t *testing.T, dir string) disk {
	t.Helper()
	d := disk{}
	for _, name := range names(t, dir) {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		d[name] = string(raw)
	}
	return d
}

// lay makes a home of a disk that a cut has left.
func (d disk) lay(t *testing.T) *Home {
	t.Helper()
	dir := t.TempDir()
	for name, content := range d {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return &Home{Certificate: filepath.Join(dir, "rig.pem"), Key: filepath.Join(dir, "rig-key.pem")}
}

// cuts watches a home while something is done there, and gives every disk that a power cut could leave after each step:
// with all that was done; without the names that have changed since the folder was last flushed; and, by the letter
// of POSIX, with the contents of files that were not flushed gone.
func cuts(t *testing.T, h *Home, do func() error) map[string]disk {
	t.Helper()
	dir := filepath.Dir(h.Certificate)
	flushed, dirty := readDisk(t, dir), map[string]bool{}
	states := map[string]disk{"0 before anything": flushed}
	n := 0
	h.after = func(step, file string) {
		n++
		now := readDisk(t, dir)
		switch step {
		case "write":
			dirty[file] = true
		case "sync":
			delete(dirty, file)
		case "rename":
			for name := range dirty { // it went by its temporary name
				if _, there := now[name]; !there {
					delete(dirty, name)
					dirty[file] = true
				}
			}
		case "sync folder":
			flushed = now
		}
		lost := disk{}
		for name, content := range now {
			if lost[name] = content; dirty[name] {
				lost[name] = ""
			}
		}
		for story, d := range map[string]disk{"all kept": now, "names lost": flushed, "contents lost": lost} {
			states[fmt.Sprintf("%d after %s %s, %s", n, step, file, story)] = d
		}
	}
	must(t, do())
	h.after = nil
	return states
}

// TestAPowerCutWhileEnrolling: whenever it comes, the rig has the old pair or the new one, and can be enrolled again.
func TestAPowerCutWhileEnrolling(t *testing.T) {
	for _, first := range []bool{true, false} {
		a, h := newAuthority(t), newHome(t)
		old := int64(0)
		if !first {
			old = enroll(t, h, a)
		}
		must(t, h.Prepare())
		latest := int64(0)
		states := cuts(t, h, func() error {
			key, err := h.PendingKey()
			must(t, err)
			issued := a.issue(key.Public())
			latest = issued.Leaf.SerialNumber.Int64()
			return h.Install(issued)
		})
		wantPair(t, h, latest)
		if len(states) < 30 {
			t.Fatalf("only %d states; does the home still tell its steps?", len(states))
		}
		seen := map[int64]int{}
		for story, d := range states {
			cut := d.lay(t)
			pair, err := cut.Pair()
			got := serial(pair)
			seen[got]++
			if got != old && got != latest || (err != nil) != (got == 0) {
				t.Errorf("%s: %d is in use (%v), want %d or %d", story, got, err, old, latest)
			}
			if _, err := cut.Settle(); err != nil {
				t.Errorf("%s: %v", story, err)
			}
			if pair, err := cut.load(cut.Certificate); got != 0 && serial(pair) != got {
				t.Errorf("%s: settled, %d is in place (%v), want %d", story, serial(pair), err, got)
			}
			if candidate, err := cut.Candidate(); candidate != nil && serial(candidate) != got {
				t.Errorf("%s: %d would be tried (%v)", story, serial(candidate), err)
			}
			wantPair(t, cut, enroll(t, cut, a))
		}
		if seen[old] == 0 || seen[latest] == 0 {
			t.Errorf("not both were seen: %v", seen)
		}
	}
}

// TestAPowerCutWhileRenewing: the old certificate is in use until the new one is, and both fit the key.
func TestAPowerCutWhileRenewing(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	old := enroll(t, h, a)
	latest := int64(0)
	states := cuts(t, h, func() error {
		latest = stage(t, h, a)
		return h.Promote()
	})
	if len(states) < 15 {
		t.Fatalf("only %d states; does the home still tell its steps?", len(states))
	}
	seen := map[int64]int{}
	for story, d := range states {
		cut := d.lay(t)
		pair, err := cut.Pair()
		got := serial(pair)
		seen[got]++
		if got != old && got != latest {
			t.Errorf("%s: %d is in use (%v), want %d or %d", story, got, err, old, latest)
		}
		must(t, cut.TryRenew())
		next := stage(t, cut, a)
		must(t, cut.Promote())
		wantPair(t, cut, next)
	}
	if seen[old] == 0 || seen[latest] == 0 {
		t.Errorf("not both were seen: %v", seen)
	}
}

// TestTheOrderOfAnInstall is what the tests above rest on: no name before its contents are flushed, no step before the
// folder is.
func TestTheOrderOfAnInstall(t *testing.T) {
	a, h := newAuthority(t), newHome(t)
	enroll(t, h, a)
	key, err := h.PendingKey()
	must(t, err)
	var steps []string
	h.after = func(step, file string) {
		if step == "rename" {
			step += " to " + file
		}
		steps = append(steps, step)
	}
	must(t, h.Install(a.issue(key.Public())))
	var want []string
	for _, file := range []string{"rig-key.pem.old", "rig.pem.old", "rig.pem.new"} {
		want = append(want, "write", "sync", "rename to "+file, "sync folder")
	}
	want = append(want, "rename to rig-key.pem", "sync folder", "rename to rig.pem", "sync folder")
	if !slices.Equal(steps, want) {
		t.Errorf("got  %q\nwant %q", steps, want)
	}
}
