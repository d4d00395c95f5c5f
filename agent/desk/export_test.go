package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shelfagent/queue"
)

// export runs one, and returns what was lost.
func exportTo(t *testing.T, d Desk, dir string, f queue.Filter) (done Exported, lost []queue.ID, err error) {
	t.Helper()
	done, err = Export(t.Context(), d, dir, f, func(f Frame, why error) error {
		if why == nil {
			t.Errorf("%s is lost, and nobody says why", f.ID)
		}
		lost = append(lost, f.ID)
		return nil
	})
	return done, lost, err
}

// wantStick holds a folder against the promises: what the manifest lists is there and right, what is there is listed,
// nothing is half.
func wantStick(t *testing.T, dir string) (listed []queue.ID) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, Manifest))
	must(t, err)
	for text := range strings.Lines(string(raw)) {
		var e Entry
		if err := json.Unmarshal([]byte(text), &e); err != nil || !strings.HasSuffix(text, "\n") {
			t.Fatalf("the manifest has a line %q: %v", text, err)
		}
		listed = append(listed, e.ID)
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(string(e.ID))))
		if err != nil || sha(content) != e.SHA256 || int64(len(content)) != e.Bytes || e.Camera == "" || e.CapturedAt.IsZero() {
			t.Errorf("%+v: %v", e, err)
		}
	}
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || entry.IsDir() || name == Manifest {
			return err
		}
		if !slices.Contains(listed, queue.ID(filepath.ToSlash(name))) {
			t.Errorf("%s is there and not listed", name)
		}
		return nil
	}))
	return listed
}

func TestExport(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *rig) Desk{
		"local":           func(_ *testing.T, r *rig) Desk { return Local{Queue: r.Queue, Log: r.logger()} },
		"over the socket": asAgent,
	} {
		t.Run(name, func(t *testing.T) {
			for story, tell := range map[string]func(*testing.T, *rig, Desk, string){
				"all there is": exportAllStory, "again": exportAgainStory, "after an interruption": exportInterruptedStory,
				"what is lost": exportLostStory, "what leaves": exportLeavesStory, "a filter": exportFilterStory,
				"a bad disk": exportUnfaithfulStory, "a hostile stick": exportHostileStory,
			} {
				t.Run(story, func(t *testing.T) {
					r := newRig(t)
					tell(t, r, open(t, r), filepath.Join(t.TempDir(), "stick"))
				})
			}
		})
	}
}

func exportAllStory(t *testing.T, r *rig, d Desk, dir string) {
	waiting, leased, deferred, parked, _ := r.settled()
	done, lost, err := exportTo(t, d, dir, queue.Filter{})
	if err != nil || len(lost) != 0 || done.Written != 4 || done.Kept != 0 {
		t.Errorf("%+v, %v, %v", done, lost, err)
	}
	if got := wantStick(t, dir); !slices.Equal(got, []queue.ID{parked, deferred, leased, waiting}) {
		t.Errorf("listed %q", got)
	}
	raw, _ := os.ReadFile(filepath.Join(dir, Manifest))
	if !bytes.Contains(raw, []byte(`"source":"three.jpg"`)) || !bytes.Contains(raw, []byte(`"width":"3840"`)) {
		t.Errorf("manifest:\n%s", raw)
	}
	if s := r.Stats(); s.Waiting+s.Leased+s.Deferred+s.Parked != 4 {
		t.Errorf("the queue did not keep what it had: %+v", s)
	}
}

func exportAgainStory(t *testing.T, r *rig, d Desk, dir string) {
	first, second := r.put("cam-2", 1, ""), r.put("cam-2", 2, "")
	if done, _, err := exportTo(t, d, dir, queue.Filter{}); err != nil || done.Written != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	must(t, r.Drop(t.Context(), second, "test")) // it stays on the stick
	r.put("cam-1", 3, "")
	name := filepath.Join(dir, filepath.FromSlash(string(first)))
	must(t, os.WriteFile(name, bytes.ToUpper(payloadOf("cam-2", 1)), 0o600)) // as long, and wrong
	if done, _, err := exportTo(t, d, dir, queue.Filter{}); err != nil || done.Written != 2 || done.Kept != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	tear(t, dir)
	if done, _, err := exportTo(t, d, dir, queue.Filter{}); err != nil || done.Written != 0 || done.Kept != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if got := wantStick(t, dir); len(got) != 3 {
		t.Errorf("listed %q", got)
	}
}

// tear leaves a line in the manifest as a power cut may.
func tear(t *testing.T, dir string) {
	t.Helper()
	manifest, err := os.OpenFile(filepath.Join(dir, Manifest), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = manifest.WriteString(`{"id":"cam-1/2026`)
	must(t, errors.Join(err, manifest.Close()))
}

func exportInterruptedStory(t *testing.T, r *rig, d Desk, dir string) {
	for n := range 3 {
		r.put("cam-1", n, "")
	}
	ctx, cancel := context.WithCancel(t.Context())
	x := &export{desk: d, flushed: func(string) { cancel() }} // ends within the first frame
	if err := x.run(ctx, dir, queue.Filter{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("%+v, %v", x.done, err)
	}
	must(t, os.WriteFile(filepath.Join(dir, partial+"1234"), []byte("half"), 0o600)) // as a power cut leaves it
	tear(t, dir)
	if done, _, err := exportTo(t, d, dir, queue.Filter{}); err != nil || done.Kept != 1 || done.Written != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if got := wantStick(t, dir); len(got) != 3 {
		t.Errorf("listed %q", got)
	}
}

func exportLostStory(t *testing.T, r *rig, d Desk, dir string) {
	missing, flipped, cut, good := r.put("cam-1", 1, ""), r.put("cam-1", 2, ""), r.put("cam-1", 3, ""), r.put("cam-1", 4, "")
	must(t, os.Remove(r.file(missing)))
	must(t, os.WriteFile(r.file(flipped), bytes.ToUpper(payloadOf("cam-1", 2)), 0o600))
	must(t, os.Truncate(r.file(cut), 3))
	done, lost, err := exportTo(t, d, dir, queue.Filter{})
	if err != nil || done.Lost != 3 || done.Written != 1 || !slices.Equal(lost, []queue.ID{missing, flipped, cut}) {
		t.Errorf("%+v, %q, %v", done, lost, err)
	}
	if got := wantStick(t, dir); !slices.Equal(got, []queue.ID{good}) {
		t.Errorf("listed %q", got)
	}
}

// leaving is a desk whose frames leave when their payload is asked for.
type leaving struct {
	Desk
	r *rig
}

func (l leaving) Payload(ctx context.Context, id queue.ID) (io.ReadCloser, error) {
	if err := l.r.Drop(ctx, id, "test"); err != nil {
		return nil, err
	}
	return l.Desk.Payload(ctx, id)
}

func exportLeavesStory(t *testing.T, r *rig, d Desk, dir string) {
	r.put("cam-1", 1, "")
	if done, lost, err := exportTo(t, leaving{d, r}, dir, queue.Filter{}); err != nil || done.Left != 1 || len(lost) != 0 {
		t.Errorf("%+v, %q, %v", done, lost, err)
	}
	if got := wantStick(t, dir); len(got) != 0 {
		t.Errorf("listed %q", got)
	}
}

func exportFilterStory(t *testing.T, r *rig, d Desk, dir string) {
	_, leased, deferred, _, _ := r.settled()
	if done, _, err := exportTo(t, d, dir, queue.Filter{Camera: "cam-2"}); err != nil || done.Written != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if got := wantStick(t, dir); !slices.Equal(got, []queue.ID{deferred, leased}) {
		t.Errorf("listed %q", got)
	}
}

// A stick that says "written" and keeps something else, as counterfeit ones do.
func exportUnfaithfulStory(t *testing.T, r *rig, d Desk, dir string) {
	r.put("cam-1", 1, "")
	x := &export{desk: d, flushed: func(part string) {
		must(t, os.WriteFile(filepath.Join(dir, part), bytes.ToUpper(payloadOf("cam-1", 1)), 0o600))
	}}
	if err := x.run(t.Context(), dir, queue.Filter{}); !errors.Is(err, ErrUnfaithful) || x.done.Written != 0 {
		t.Errorf("%+v, %v", x.done, err)
	}
	if got := wantStick(t, dir); len(got) != 0 {
		t.Errorf("listed %q", got)
	}
}

// Links on the stick lead nowhere: the export may run as root.
func exportHostileStory(t *testing.T, r *rig, d Desk, dir string) {
	r.put("cam-1", 1, "")
	outside := t.TempDir()
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.Symlink(outside, filepath.Join(dir, "cam-1")))
	if _, _, err := exportTo(t, d, dir, queue.Filter{}); err == nil {
		t.Error("written through a link")
	}
	must(t, os.Remove(filepath.Join(dir, Manifest)))
	must(t, os.Symlink(filepath.Join(outside, "passwd"), filepath.Join(dir, Manifest)))
	if _, _, err := exportTo(t, d, dir, queue.Filter{}); err == nil {
		t.Error("listed through a link")
	}
	must(t, os.Remove(filepath.Join(dir, Manifest)))
	must(t, os.Remove(filepath.Join(dir, "cam-1")))
	must(t, os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600))
	must(t, os.Symlink("precious", filepath.Join(dir, Manifest)))
	if _, _, err := exportTo(t, d, dir, queue.Filter{}); err == nil {
		t.Error("listed in another file")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
	must(t, os.Remove(filepath.Join(dir, Manifest)))
	must(t, os.WriteFile(filepath.Join(dir, Manifest), []byte("my own notes\n"), 0o600))
	if _, _, err := exportTo(t, d, dir, queue.Filter{}); err == nil || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("another's file: %v", err)
	}
}
