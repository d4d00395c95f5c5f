package capture

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
)

func TestWaitingFilesAreThoseThatTheAgentWouldTake(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"loose.jpg", "Cam-1/a.jpg", "cam-1/2026/11/b.jpg", "cam-1/c.jpg.part", "Left Aisle/d.jpg", "Nobody's/e.jpg",
		".hidden/f.jpg", "cam-1/.g.jpg", "lost+found/h.jpg", "rejected/cam-1/i.jpg", "cam-1/thumbs.tmp/j.jpg",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("1234"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink("/etc/hostname", filepath.Join(dir, "cam-1", "link.jpg")); err != nil {
			t.Fatal(err)
		}
	}
	options := Options{Dir: dir, Rejected: filepath.Join(dir, "rejected"), Folders: map[string]string{"Left Aisle": "left-aisle"}}
	got := map[string]Waiting{}
	err := WaitingFiles(t.Context(), options, func(w Waiting) error {
		if w.Size != 4 || w.Modified.IsZero() {
			t.Errorf("%+v", w)
		}
		got[w.Path] = Waiting{Camera: w.Camera, Unready: w.Unready}
		return nil
	})
	want := map[string]Waiting{
		"loose.jpg": {Camera: "default"}, "Cam-1/a.jpg": {Camera: "cam-1"}, "cam-1/2026/11/b.jpg": {Camera: "cam-1"},
		"cam-1/c.jpg.part": {Camera: "cam-1", Unready: true}, "Left Aisle/d.jpg": {Camera: "left-aisle"}, "Nobody's/e.jpg": {},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %v\nwant %v", err, got, want)
	}

	enough := errors.New("enough")
	if err := WaitingFiles(t.Context(), options, func(Waiting) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("it goes on: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := WaitingFiles(ended, options, func(Waiting) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	options.Dir = filepath.Join(dir, "absent")
	if err := WaitingFiles(t.Context(), options, func(Waiting) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
