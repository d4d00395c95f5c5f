package capture

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMarkerFirstStart(t *testing.T) {
	r := open(t)
	equal(t, "disk", r.State().Disk, DiskPresent)
	data, err := os.ReadFile(filepath.Join(r.dir, MarkerName))
	must(t, err)
	var m marker
	must(t, json.Unmarshal(data, &m))
	equal(t, "length of id", len(m.ID), 32)
	recorded, err := readSeen(r.opts.Seen)
	must(t, err)
	equal(t, "recorded", recorded, m.ID)

	again, err := Open(r.opts)
	must(t, err)
	equal(t, "disk at second start", again.State().Disk, DiskPresent)
}

// The stories of a capture disk.
func TestMarker(t *testing.T) {
	tests := []struct {
		name  string
		do    func(t *testing.T, r *rig)
		want  Disk
		takes bool // files are handed out
	}{
		{"the disk is not mounted", func(t *testing.T, r *rig) {
			must(t, os.RemoveAll(r.dir))
			must(t, os.Mkdir(r.dir, 0o755))
		}, DiskMarkerMissing, true},
		{"a disk of another rig", func(t *testing.T, r *rig) {
			must(t, os.WriteFile(filepath.Join(r.dir, MarkerName), []byte(`{"id":"other"}`), 0o644))
		}, DiskForeign, false},
		{"the record is lost", func(t *testing.T, r *rig) {
			must(t, os.Remove(r.opts.Seen))
		}, DiskPresent, true},
		{"the record is damaged", func(t *testing.T, r *rig) {
			must(t, os.WriteFile(r.opts.Seen, []byte("\x00\x00"), 0o644))
		}, DiskPresent, true},
		{"the marker is damaged", func(t *testing.T, r *rig) {
			must(t, os.WriteFile(filepath.Join(r.dir, MarkerName), nil, 0o644))
		}, DiskMarkerMissing, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := open(t)
			test.do(t, r)
			before, _ := os.ReadFile(filepath.Join(r.dir, MarkerName))
			w, err := Open(r.opts)
			must(t, err)
			r.Watcher = w
			equal(t, "disk at start", r.State().Disk, test.want)
			r.write("cam-1/a.jpg")
			r.step()
			equal(t, "disk after a scan", r.State().Disk, test.want)
			after, _ := os.ReadFile(filepath.Join(r.dir, MarkerName))
			equal(t, "marker", string(after), string(before))
			if test.takes {
				must(t, r.next().Remove())
			} else {
				r.none(20 * time.Millisecond)
			}
			adopted, err := Adopt(r.dir, r.opts.Seen)
			must(t, err)
			again, err := Adopt(r.dir, r.opts.Seen)
			must(t, err)
			equal(t, "adopted again", again, Adopted{ID: adopted.ID, Before: adopted.ID})
			r.write("cam-1/b.jpg")
			r.step()
			equal(t, "disk when adopted", r.State().Disk, DiskPresent)
			must(t, r.next().Remove())
		})
	}
}

func TestOpenErrors(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	must(t, os.WriteFile(file, nil, 0o644))
	tests := []struct {
		name, dir, problem, hint string
	}{
		{"missing", filepath.Join(base, "nowhere"), "does not exist", "mount its disk"},
		{"a file", file, "is not a folder", "capture.dir"},
		{"below a file", filepath.Join(file, "x"), "is not a folder", "capture.dir"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(Options{Dir: test.dir, Rejected: filepath.Join(base, "rejected")})
			setup, ok := errors.AsType[*SetupError](err)
			if !ok {
				t.Fatalf("%v is no SetupError", err)
			}
			equal(t, "problem", setup.Problem, test.problem)
			equal(t, "path", setup.Path, test.dir)
			if !strings.Contains(setup.Hint, test.hint) || !strings.Contains(err.Error(), test.dir) {
				t.Errorf("%v; hint: %s", err, setup.Hint)
			}
		})
	}
	for name, opts := range map[string]Options{
		"no Dir":          {Rejected: base},
		"no Rejected":     {Dir: base},
		"the same folder": {Dir: base, Rejected: base + "/."},
		"negative":        {Dir: base, Rejected: file, Settle: -1},
		"bad camera id":   {Dir: base, Rejected: file, Folders: map[string]string{"x": "No"}},
	} {
		if _, err := Open(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Where the disk was seen before, its folder may come later.
func TestOpenBeforeTheDiskIsThere(t *testing.T) {
	r := open(t)
	away := r.dir + "-away"
	must(t, os.Rename(r.dir, away))
	w, err := Open(r.opts)
	must(t, err)
	equal(t, "disk", w.State().Disk, DiskFolderMissing)
	if err := w.scan(t.Context()); err == nil {
		t.Error("a scan of nothing is no error")
	}
	must(t, os.Rename(away, r.dir))
	must(t, w.scan(t.Context()))
	equal(t, "disk", w.State().Disk, DiskPresent)
}
