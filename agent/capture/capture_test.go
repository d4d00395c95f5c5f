package capture

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// rig is a watcher on real folders, with short settle times.
type rig struct {
	t   *testing.T
	dir string
	*Watcher
}

var jpeg = []byte("\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x02pixels\xff\xd9")

// open makes a capture folder and opens it; change may alter the options.
func open(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	base := t.TempDir()
	r := &rig{t: t, dir: filepath.Join(base, "capture")}
	opts := Options{
		Dir:      r.dir,
		Rejected: filepath.Join(base, "rejected"),
		Seen:     filepath.Join(base, "state", "capture.json"),
		Rescan:   time.Hour, // what is found is found by an event, or by a scan that the test asks for
		Settle:   50 * time.Millisecond,
		GiveUp:   time.Minute,
		Logger:   slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&opts)
	}
	must(t, os.MkdirAll(opts.Dir, 0o755))
	r.dir = opts.Dir
	w, err := Open(opts)
	must(t, err)
	r.Watcher = w
	return r
}

// run starts Run and waits until events flow.
func (r *rig) run() *rig {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	r.until("the watch is live", func(s State) bool { return s.Watch.Reason == WatchLive })
	return r
}

func (r *rig) step() *rig {
	r.t.Helper()
	must(r.t, r.scan(r.t.Context()))
	return r
}

// next waits for a file, ten seconds at most.
func (r *rig) next() *File {
	r.t.Helper()
	return r.nextIn(10 * time.Second)
}

func (r *rig) nextIn(d time.Duration) *File {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	f, err := r.Next(ctx)
	if err != nil {
		r.t.Fatalf("Next: %v; state %+v", err, r.State())
	}
	return f
}

// none makes sure that nothing is handed out for a while.
func (r *rig) none(d time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	if f, err := r.Next(ctx); err == nil {
		r.t.Fatalf("Next returned %s; nothing was to be handed out", f.Path)
	} else if !errors.Is(err, context.DeadlineExceeded) {
		r.t.Fatal(err)
	}
}

// until waits for a state, ten seconds at most.
func (r *rig) until(what string, ok func(State) bool) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !ok(r.State()) {
		select {
		case <-tick.C:
		case <-late:
			r.t.Fatalf("never: %s; state %+v", what, r.State())
		}
	}
}

// write makes a whole file at rel, by default a tiny JPEG.
func (r *rig) write(rel string, data ...[]byte) string {
	r.t.Helper()
	path := filepath.Join(r.dir, rel)
	must(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
	if data == nil {
		data = [][]byte{jpeg}
	}
	must(r.t, os.WriteFile(path, bytes.Join(data, nil), 0o644))
	return path
}

// aged is write with a modification time so long ago.
func (r *rig) aged(rel string, ago time.Duration) {
	r.t.Helper()
	at := time.Now().Add(-ago)
	must(r.t, os.Chtimes(r.write(rel), at, at))
}

// read is File.Read without a limit that matters.
func (r *rig) read(f *File) []byte {
	r.t.Helper()
	data, err := f.Read(1 << 20)
	must(r.t, err)
	return data
}

func (r *rig) camera(id string) CameraState {
	for _, c := range r.State().Cameras {
		if c.Camera == id {
			return c
		}
	}
	return CameraState{}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func isErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
