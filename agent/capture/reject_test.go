package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var why = Rejection{Code: "corrupt", Sentence: "The picture is damaged.", Detail: "bad Huffman code"}

// Promise 2, on one file system and across two.
func TestReject(t *testing.T) {
	for name, dir := range map[string]string{"same file system": t.TempDir(), "other file system": otherFileSystem(t)} {
		t.Run(name, func(t *testing.T) {
			if dir == "" {
				t.Skip("SKIPPED: there is no second writable file system (/dev/shm) here")
			}
			r := open(t, func(o *Options) { o.Rejected = filepath.Join(dir, "made", "rejected") })
			path := r.write("Cam-1/sub/bad.jpg", []byte("not a picture"))
			at := time.Date(2026, 11, 22, 1, 18, 3, 500_000_000, time.UTC)
			must(t, os.Chtimes(path, at, at))
			must(t, r.step().next().Reject(why))
			equal(t, "source exists", exists(path), false)

			list, err := RejectedList(r.opts.Rejected)
			must(t, err)
			if len(list) != 1 {
				t.Fatalf("rejected: %+v", list)
			}
			got := list[0]
			sum := sha256.Sum256([]byte("not a picture"))
			equal(t, "why", got.Rejection, why)
			equal(t, "sha256", got.SHA256, hex.EncodeToString(sum[:]))
			equal(t, "size", got.Size, 13)
			equal(t, "source", got.Source, "Cam-1/sub/bad.jpg")
			equal(t, "camera", got.Camera, "cam-1")
			equal(t, "modified", got.Modified, at)
			kept := filepath.Join(r.opts.Rejected, got.Camera, got.File)
			fi, err := os.Stat(kept)
			must(t, err)
			equal(t, "time kept", fi.ModTime().UTC(), at)
			data, err := os.ReadFile(kept)
			must(t, err)
			equal(t, "content", string(data), "not a picture")
			names, err := os.ReadDir(filepath.Dir(kept))
			must(t, err)
			equal(t, "files", len(names), 2)
			r.step().none(20 * time.Millisecond)

			// And back, beside a new file of the same name.
			r.write("Cam-1/sub/bad.jpg")
			back, err := RejectedRetry(r.opts.Rejected, r.dir, got)
			must(t, err)
			data, err = os.ReadFile(back)
			must(t, err)
			equal(t, "content", string(data), "not a picture")
			fi, err = os.Stat(back)
			must(t, err)
			equal(t, "time kept", fi.ModTime().UTC(), at)
			f := r.step().next()
			equal(t, "path", f.Path, back)
			equal(t, "camera", f.Camera, "cam-1")
			list, err = RejectedList(r.opts.Rejected)
			must(t, err)
			equal(t, "rejected", len(list), 0)
		})
	}
}

// otherFileSystem returns a folder on another file system than the test's, "" if there is none.
func otherFileSystem(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "capture-test-")
	if err != nil {
		return ""
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	probe := filepath.Join(t.TempDir(), "probe")
	must(t, os.WriteFile(probe, nil, 0o644))
	if err := os.Rename(probe, filepath.Join(dir, "probe")); !crossDevice(err) {
		return ""
	}
	return dir
}

// If the rejected folder cannot be written, the file stays where it was, and the trouble is visible.
func TestRejectFails(t *testing.T) {
	base := t.TempDir()
	blocked := filepath.Join(base, "blocked")
	must(t, os.WriteFile(blocked, nil, 0o644))
	r := open(t, func(o *Options) { o.Rejected = filepath.Join(blocked, "rejected") })
	path := r.write("cam-1/bad.jpg")
	if err := r.step().next().Reject(why); err == nil {
		t.Fatal("no error")
	}
	equal(t, "source exists", exists(path), true)
	if r.camera("cam-1").Problem == "" {
		t.Error("the camera's state shows no problem")
	}
	r.none(50 * time.Millisecond) // not at once
	must(t, os.Remove(blocked))
	must(t, r.next().Reject(why))
	equal(t, "problem", r.camera("cam-1").Problem, "")
}

func TestRejectedInsideCapture(t *testing.T) {
	needUnix(t)
	r := open(t, func(o *Options) {
		must(t, os.Mkdir(o.Dir, 0o755))
		link := o.Dir + "-link"
		must(t, os.Symlink(o.Dir, link))
		o.Rejected = filepath.Join(o.Dir, "rejected")
		o.Dir = link
	}).run()
	r.write("cam-1/bad.jpg")
	must(t, r.next().Reject(why))
	r.step().none(100 * time.Millisecond)
	equal(t, "cameras", len(r.State().Cameras), 1)
}

func TestRejectedNames(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 18, 3, 7_000_000, time.FixedZone("", 3600))
	for name, want := range map[string]string{
		"a.jpg":                        "a.jpg",
		"a\nb\x1b[31m\xff.jpg":         "a_b_[31m_.jpg",
		`c:\"<x>|?*.jpg`:               "c____x____.jpg",
		strings.Repeat("é", 120):       strings.Repeat("é", 100),
		"x" + strings.Repeat("é", 100): strings.Repeat("é", 100),
	} {
		got := rejectedName(at, name)
		prefix, rest := got[:len(rejectedTime)+10], got[len(rejectedTime)+10:]
		equal(t, "name", rest, want)
		equal(t, "time", prefix[:len(rejectedTime)+1], "20261122T001803.007Z-")
	}
}

// Promise 8: bytes, age and number.
func TestPrune(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name     string
		maxBytes int64
		maxAge   time.Duration
		want     string
	}{
		{"all fits", 1 << 20, 365 * 24 * time.Hour, "[0 1 2 3 4]"},
		{"too old", 1 << 20, 2*24*time.Hour + time.Hour, "[0 1 2]"},
		{"too much", 3500, 365 * 24 * time.Hour, "[0 1 2]"},
		{"the newest alone is too much", 10, 365 * 24 * time.Hour, "[0]"},
		{"all are too old", 1 << 20, 1, "[]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for i := range 5 {
				camera := filepath.Join(dir, fmt.Sprintf("cam-%d", i%2))
				must(t, os.MkdirAll(camera, 0o755))
				at := now.Add(-time.Duration(i) * 24 * time.Hour).Add(-time.Minute)
				path := filepath.Join(camera, rejectedName(at, "a.jpg"))
				must(t, os.WriteFile(path, make([]byte, 990), 0o644))
				must(t, os.WriteFile(path+".json", fmt.Appendf(nil, `{"code":"%d"}`, i)[:], 0o644))
			}
			must(t, os.WriteFile(filepath.Join(dir, "cam-0", "README.json"), nil, 0o644)) // not ours
			s := &store{dir: dir, maxBytes: test.maxBytes, maxAge: test.maxAge, log: open(t).opts.Logger}
			s.prune(now)
			list, err := RejectedList(dir)
			must(t, err)
			got := []string{}
			for i := range list {
				got = append(got, list[len(list)-1-i].Code)
			}
			equal(t, "left", fmt.Sprint(got), test.want)
			equal(t, "not ours", exists(filepath.Join(dir, "cam-0", "README.json")), true)
			equal(t, "counted", s.files, len(list))
		})
	}
}

// What age must not end: pictures that are held back, and what bears a stamp of before the clock was set. Bounds may.
func TestPruneSpares(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	files := []struct {
		at   time.Time
		code string
	}{
		{time.Date(2024, 1, 1, 0, 0, 5, 0, time.UTC), "truncated"}, // no RTC
		{time.Date(2024, 1, 1, 0, 0, 6, 0, time.UTC), HeldBack},
		{now.Add(-100 * 24 * time.Hour), HeldBack},
		{now.Add(-99 * 24 * time.Hour), "corrupt"},
		{now.Add(-98 * 24 * time.Hour), "corrupt"},
		{now.Add(-time.Hour), "corrupt"},
	}
	for name, test := range map[string]struct {
		maxBytes int64
		left     int
		log      []string
	}{
		"by age": {1 << 20, 4, []string{"level=INFO", "files=2 too_old=2 beyond_bounds=0 oldest=2026-08-15"}},
		"bounds": {1500, 1, []string{"level=WARN", "files=5 too_old=2 beyond_bounds=3 oldest=2024-01-01"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.Mkdir(filepath.Join(dir, "cam-1"), 0o755))
			for _, file := range files {
				path := filepath.Join(dir, "cam-1", rejectedName(file.at, "a.jpg"))
				must(t, os.WriteFile(path, make([]byte, 990), 0o644))
				must(t, os.WriteFile(path+".json", fmt.Appendf(nil, `{"code":"%s"}`, file.code), 0o644))
			}
			var log bytes.Buffer
			s := &store{dir: dir, maxBytes: test.maxBytes, maxAge: 30 * 24 * time.Hour, log: slog.New(slog.NewTextHandler(&log, nil))}
			s.prune(now)
			s.prune(now) // nothing more to do, nothing more to say
			list, err := RejectedList(dir)
			must(t, err)
			equal(t, "left", len(list), test.left)
			equal(t, "lines", strings.Count(log.String(), "\n"), 1)
			for _, want := range test.log {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log does not say %s:\n%s", want, log.String())
				}
			}
		})
	}
}

// What a crash between reason and file leaves is not listed, and goes after a day.
func TestOrphanedReason(t *testing.T) {
	r := open(t)
	r.write("cam-1/bad.jpg")
	must(t, r.step().next().Reject(why))
	list, err := RejectedList(r.opts.Rejected)
	must(t, err)
	file := filepath.Join(r.opts.Rejected, "cam-1", list[0].File)
	must(t, os.Remove(file))
	list, err = RejectedList(r.opts.Rejected)
	must(t, err)
	equal(t, "listed", len(list), 0)
	r.rejected.prune(time.Now())
	equal(t, "kept for now", exists(file+".json"), true)
	r.rejected.prune(time.Now().Add(25 * time.Hour))
	equal(t, "kept", exists(file+".json"), false)
}

func TestRejectBounds(t *testing.T) {
	r := open(t, func(o *Options) { o.RejectedMaxBytes = 20_000 })
	for i := range 30 {
		r.write(fmt.Sprintf("cam-1/%d.jpg", i), bytes.Repeat([]byte("x"), 2000))
	}
	r.step()
	for range 30 {
		must(t, r.next().Reject(why))
	}
	list, err := RejectedList(r.opts.Rejected)
	must(t, err)
	if len(list) < 5 || len(list) > 10 {
		t.Errorf("%d files of 2,000 bytes are left of 20,000 bytes", len(list))
	}
}

func TestRetryRefusesStrangePaths(t *testing.T) {
	r := open(t)
	for _, bad := range []Rejected{
		{Camera: "cam-1", File: "a", Source: "../../etc/x"},
		{Camera: "..", File: "a", Source: "x"},
		{Camera: "cam-1", File: "../a", Source: "x"},
		{Camera: "cam-1", File: "a", Source: "/etc/x"},
	} {
		if _, err := RejectedRetry(r.opts.Rejected, r.dir, bad); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// What a camera calls x.json is a file like others: it is not taken for a reason, and its time is not that of one.
func TestRejectedJSON(t *testing.T) {
	r := open(t)
	r.write("cam-1/status.json", []byte(`{"error":"no lens"}`))
	must(t, r.step().next().Reject(why))
	r.rejected.prune(time.Now().Add(48 * time.Hour))
	list, err := RejectedList(r.opts.Rejected)
	must(t, err)
	if len(list) != 1 || list[0].Source != "cam-1/status.json" || list[0].Rejection != why {
		t.Fatalf("rejected: %+v", list)
	}
	back, err := RejectedRetry(r.opts.Rejected, r.dir, list[0])
	must(t, err)
	data, err := os.ReadFile(back)
	must(t, err)
	equal(t, "content", string(data), `{"error":"no lens"}`)
}

// A file whose reason is lost is still there for people, and for the bounds.
func TestReasonLost(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"gone": os.Remove,
		"torn": func(path string) error { return os.Truncate(path, 9) },
	} {
		for _, source := range []string{"cam-1/a.jpg", "b.jpg"} {
			t.Run(name+" "+source, func(t *testing.T) {
				r := open(t)
				r.write(source, []byte("not a picture"))
				f := r.step().next()
				must(t, f.Reject(why))
				list, err := RejectedList(r.opts.Rejected)
				must(t, err)
				must(t, lose(filepath.Join(r.opts.Rejected, f.Camera, list[0].File+".json")))
				list, err = RejectedList(r.opts.Rejected)
				must(t, err)
				if len(list) != 1 || list[0].Code != ReasonLost || list[0].Sentence == "" || list[0].At.IsZero() || list[0].Camera != f.Camera {
					t.Fatalf("rejected: %+v", list)
				}
				back, err := RejectedRetry(r.opts.Rejected, r.dir, list[0])
				must(t, err)
				equal(t, "back at", back, filepath.Join(r.dir, source))
				must(t, r.step().next().Reject(why))
				list, err = RejectedList(r.opts.Rejected)
				must(t, err)
				must(t, os.Remove(filepath.Join(r.opts.Rejected, f.Camera, list[0].File+".json")))
				r.rejected.maxAge = time.Hour
				r.rejected.prune(time.Now().Add(30 * 24 * time.Hour))
				list, err = RejectedList(r.opts.Rejected)
				must(t, err)
				equal(t, "left, since its age is certain and its reason is not", len(list), 1)
				r.rejected.maxBytes = 1
				r.write("cam-2/c.jpg")
				must(t, r.step().next().Reject(why))
				list, err = RejectedList(r.opts.Rejected)
				must(t, err)
				equal(t, "left within the bounds", len(list), 1)
			})
		}
	}
}
