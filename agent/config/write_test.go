package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func content(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestWriteReplacesNothingOfSomebodys: a file that somebody has edited stays; the reference as it was shipped does not.
func TestWriteReplacesNothingOfSomebodys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "etc", "shelf-agent", "config.toml")
	if err := Write(file, []byte("one")); err != nil || content(t, file) != "one" {
		t.Fatal(err)
	}
	if err := Write(file, []byte("two")); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), file) || content(t, file) != "one" {
		t.Errorf("%v, %q", err, content(t, file))
	}
	if err := writeDurable(file, []byte("two"), os.Link); !errors.Is(err, ErrExists) || content(t, file) != "one" {
		t.Errorf("one that has come meanwhile: %v, %q", err, content(t, file))
	}
	if err := os.WriteFile(file, Reference, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, []byte("three")); err != nil || content(t, file) != "three" {
		t.Errorf("%v, %q", err, content(t, file))
	}
	if info, err := os.Stat(file); err != nil || os.PathSeparator == '/' && info.Mode() != 0o644 {
		t.Errorf("%v: the agent's user may not read it: %v", err, info.Mode())
	}
	wantFiles(t, filepath.Dir(file), "config.toml")
}

// TestMayWrite knows before anybody has answered a question, and leaves nothing behind.
func TestMayWrite(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"config.toml", "not/there/yet/config.toml"} {
		if err := MayWrite(filepath.Join(dir, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	wantFiles(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MayWrite(filepath.Join(dir, "file", "config.toml")); err == nil {
		t.Error("a file is no folder")
	}
}

func TestReplaceKeepsWhatWas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.toml")
	if old, err := Replace(file, []byte("one")); err != nil || old != "" {
		t.Errorf("%q, %v", old, err)
	}
	for _, next := range []string{"two", "three", "four"} {
		was := content(t, file)
		old, err := Replace(file, []byte(next))
		if err != nil || content(t, file) != next || content(t, old) != was {
			t.Errorf("%v: %q, and kept %q", err, content(t, file), content(t, old))
		}
	}
	wantFiles(t, filepath.Dir(file), "config.toml", "config.toml.old", "config.toml.old.2", "config.toml.old.3")
	if was := content(t, file+".old"); was != "one" {
		t.Errorf("the first, which somebody may have written by hand, is now %q", was)
	}
}

func TestReplaceStopsBeforeItLosesAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := Write(file, []byte("0")); err != nil {
		t.Fatal(err)
	}
	var err error
	for n := 1; err == nil && n < 2*mostKept; n++ {
		was := content(t, file)
		if _, err = Replace(file, fmt.Append(nil, n)); err != nil && (content(t, file) != was || !errors.Is(err, ErrExists)) {
			t.Errorf("%v: %q, was %q", err, content(t, file), was)
		}
	}
	if err == nil {
		t.Error("the folder grows for ever")
	}
}

// TestMasked: whose masks a file holds is known even where the file cannot be run.
func TestMasked(t *testing.T) {
	const mask = "[[camera.till.masks]]\nfor = \"16:9\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n"
	for _, tc := range []struct{ file, cameras string }{
		{string(Reference), ""},
		{minimal + "[camera.door]\nquality = 70\n" + mask + "[camera.aisle-1]\nmasks = [{ for = \"1:1\", polygon = [[0, 0], [1, 0], [1, 1]] }]\n", "aisle-1, till"},
		{mask + "[captur]\ndirr = 1\n", "till"},
	} {
		cameras, err := Masked([]byte(tc.file))
		if got := strings.Join(cameras, ", "); err != nil || got != tc.cameras {
			t.Errorf("%q, want %q, %v", got, tc.cameras, err)
		}
	}
	if _, err := Masked([]byte(mask + "[backend\n")); err == nil {
		t.Error("what cannot be read may hold masks")
	}
}

func wantFiles(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("in the folder: %q, want %q", names, want)
	}
}

// TestAnswers: they stand in the reference, and nothing else of it has changed.
func TestAnswers(t *testing.T) {
	if got := string(ReferenceAnswers().File()); got != string(Reference) {
		t.Errorf("with the reference's own answers it has changed:\n%s", got)
	}
	a := Answers{`C:\cameras "left"`, "https://t.example.com", []string{"a.example.com", "b.example.com"}, true}
	got := strings.Split(string(a.File()), "\n")
	want := strings.Split(string(Reference), "\n")
	var changed []string
	for i := range want {
		if got[i] != want[i] {
			changed = append(changed, got[i])
		}
	}
	if !slices.Equal(changed, []string{`dir = "C:\\cameras \"left\""`, `url = "https://t.example.com"`, `hosts = ["a.example.com", "b.example.com"]`, "private_only = true"}) {
		t.Errorf("changed: %q", changed)
	}
	a.CaptureDir = "/srv/cameras"
	if wrong := a.Wrong(); wrong != nil {
		t.Errorf("%v", wrong)
	}
	a.Backend, a.Hosts = "http://t", nil
	if wrong := a.Wrong(); len(wrong) != 2 || wrong[0].Key != "backend.url" || wrong[1].Key != "upload.hosts" {
		t.Errorf("%v", wrong)
	}
}
