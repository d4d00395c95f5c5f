//go:build linux && (amd64 || arm64)

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// plain makes one call of each sort, says how it went, and goes on.
func plain(dir string) {
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	f, err := os.OpenFile(a, os.O_WRONLY|os.O_CREATE, 0o600)
	fmt.Println("create", err)
	if err != nil {
		return
	}
	_, err = f.WriteString("0123456789")
	fmt.Println("write", err)
	fmt.Println("sync", f.Sync())
	_ = f.Close()
	_ = os.WriteFile("/dev/null", nil, 0) // not below the folder
	fmt.Println("rename", os.Rename(a, b))
	Tell("lift")
	fmt.Println("truncate", os.Truncate(b, 5))
	fmt.Println("mkdir", os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	fmt.Println("remove", os.Remove(b))
}

func TestRigSeesEachCallOnce(t *testing.T) {
	r := life(t, "plain", t.TempDir(), Fault{})
	r.Trace = true
	o, err := r.Do(t.Context())
	if errors.Is(err, ErrUnsupported) {
		t.Skipf("NOT TESTED: %v", err)
	}
	must(t, err)
	want := []string{"#1 openat a", "#2 write a", "#3 fsync a", "#4 renameat b", "#5 truncate b", "#6 mkdirat sub", "#7 unlinkat b"}
	var got []string
	for _, c := range o.Calls {
		got = append(got, c.String())
	}
	if !slices.Equal(got, want) || o.Count != len(want) || o.Killed || o.Exit != 0 {
		t.Errorf("%q, %+v", got, o)
	}
}

func TestRigKills(t *testing.T) {
	for at, story := range []struct {
		before, after, torn string // the files and their contents, as found afterwards
	}{
		{"", "a=", "a="},
		{"a=", "a=0123456789", "a=01234"},
		{"a=0123456789", "a=0123456789", "-"},
		{"a=0123456789", "b=0123456789", "-"},
		{"b=0123456789", "b=01234", "-"},
		{"b=01234", "b=01234 sub", "-"},
		{"b=01234 sub", "sub", "-"},
	} {
		for action, want := range map[Action]string{KillBefore: story.before, KillAfter: story.after, KillTorn: story.torn} {
			if want == "-" || action == KillTorn && at != 1 {
				continue // cannot be done; the process goes on
			}
			dir := t.TempDir()
			o, err := life(t, "plain", dir, Fault{Do: action, At: at + 1}).Do(t.Context())
			if errors.Is(err, ErrUnsupported) {
				t.Skipf("NOT TESTED: %v", err)
			}
			must(t, err)
			if got := contents(t, dir); got != want || !o.Killed || o.Hit.N != at+1 || o.Exit != -1 {
				t.Errorf("%s %d: found %q, want %q; %+v", action, at+1, got, want, o)
			}
			if lines := strings.Count(o.Stdout, "\n"); lines != at {
				t.Errorf("%s %d: it said %q", action, at+1, o.Stdout)
			}
		}
	}
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var all []string
	for _, e := range entries {
		what := e.Name()
		if !e.IsDir() {
			text, err := os.ReadFile(filepath.Join(dir, what))
			must(t, err)
			what += "=" + string(text)
		}
		all = append(all, what)
	}
	return strings.Join(all, " ")
}

func TestRigFails(t *testing.T) {
	for _, story := range []struct {
		name   string
		fault  Fault
		failed []string
	}{
		{"once", Fault{Do: Fail, At: 2, Errno: syscall.EIO}, []string{"write"}},
		{"always, until it is lifted", Fault{Do: Fail, At: 2, Errno: syscall.EROFS, Always: true}, []string{"write", "sync", "rename"}},
		{"one kind", Fault{Do: Fail, At: 1, Errno: syscall.ENOSPC, Only: func(c Call) bool { return c.Kind == Sync }}, []string{"sync"}},
		{"behind the last", Fault{Do: Fail, At: 99, Errno: syscall.EIO}, nil},
	} {
		o, err := life(t, "plain", t.TempDir(), story.fault).Do(t.Context())
		if errors.Is(err, ErrUnsupported) {
			t.Skipf("NOT TESTED: %v", err)
		}
		must(t, err)
		var failed []string
		for line := range strings.Lines(o.Stdout) {
			what, how, _ := strings.Cut(strings.TrimSpace(line), " ")
			if how != "<nil>" && strings.Contains(how, story.fault.Errno.Error()) {
				failed = append(failed, what)
			}
		}
		if !slices.Equal(failed, story.failed) || o.Hits != len(story.failed) {
			t.Errorf("%s: failed %q, want %q; %+v", story.name, failed, story.failed, o)
		}
	}
}

// A process that does not end is ended, and says where it was.
func TestRigEndsWhatHangs(t *testing.T) {
	r := life(t, "stuck", t.TempDir(), Fault{})
	r.Limit = 100 * time.Millisecond
	o, err := r.Do(t.Context())
	if errors.Is(err, ErrUnsupported) {
		t.Skipf("NOT TESTED: %v", err)
	}
	must(t, err)
	if !o.Hung || !strings.Contains(o.Stderr, "faults.stuck") {
		t.Errorf("%+v", o)
	}
	if _, err := try(r); err == nil {
		t.Error("and nobody is told")
	}
}

func stuck(string) { time.Sleep(time.Hour) }

// A program that does not submit is an error of the rig, not a pass.
func TestRigWantsToBeCalled(t *testing.T) {
	if o, err := (Run{Dir: t.TempDir(), Argv: []string{"true"}}).Do(t.Context()); err == nil {
		t.Errorf("%+v", o)
	}
	if o, err := (Run{Dir: filepath.Join(t.TempDir(), "none"), Argv: []string{"true"}}).Do(t.Context()); err == nil {
		t.Errorf("%+v", o)
	}
}
