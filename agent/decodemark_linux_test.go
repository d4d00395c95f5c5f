package agent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/frame"
	"shelfagent/queue"
)

// TestAPictureThatEndsTheAgentIsTriedThreeTimes: a process that may have no more memory dies of a large picture, three
// times. The next does not try again, keeps the file with its reason, and goes on; after a retry it is tried anew.
func TestAPictureThatEndsTheAgentIsTriedThreeTimes(t *testing.T) {
	if dir := os.Getenv("AGENT_TEST_DIE_IN"); dir != "" {
		dieOf(shop{t, dir})
		return
	}
	s := newShop(t)
	path := s.write("large.png", hugePNG(t))
	for try := range decodeTries {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		child.Env = append(os.Environ(), "AGENT_TEST_DIE_IN="+s.dir)
		out, err := child.CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || strings.Contains(string(out), "survived") || !exists(path) {
			t.Fatalf("try %d: the process was to die for want of memory: %v\n%s", try+1, err, out)
		}
	}
	in, q, next := s.intake(queue.Options{})
	in.step(t.Context(), next())
	kept, err := capture.RejectedList(s.path("rejected"))
	if err != nil || len(kept) != 1 || kept[0].Code != string(frame.CodePoison) || exists(path) || q.Stats().Pending() != 0 {
		t.Fatalf("rejected: %+v %v; in the queue: %d", kept, err, q.Stats().Pending())
	}
	if exists(s.path("decoding.json")) {
		t.Error("the mark is left")
	}
	if _, err := capture.RejectedRetry(s.path("rejected"), s.path("capture"), kept[0]); err != nil {
		t.Fatal(err)
	}
	in.step(t.Context(), next())
	if kept, err = capture.RejectedList(s.path("rejected")); err != nil || len(kept) != 1 || kept[0].Code != string(frame.CodeCorrupt) {
		t.Errorf("it was not tried anew: %+v %v", kept, err)
	}
}

// hugePNG claims 25 megapixels of colour, within what is allowed, and holds one: the memory is taken before that shows.
func hugePNG(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewNRGBA(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	raw := out.Bytes()
	header := raw[12:29] // "IHDR" and its 13 bytes
	binary.BigEndian.PutUint32(header[4:], 5000)
	binary.BigEndian.PutUint32(header[8:], 5000)
	binary.BigEndian.PutUint32(raw[29:], crc32.ChecksumIEEE(header))
	return raw
}

// dieOf takes a picture in, in a process that gets too little memory for its 100 MB of pixels, and enough to get that far.
func dieOf(s shop) {
	in, _, next := s.intake(queue.Options{})
	file := next()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		s.t.Fatal(err)
	}
	var pages uint64
	for _, c := range raw {
		if c < '0' || c > '9' {
			break
		}
		pages = 10*pages + uint64(c-'0')
	}
	now := pages*uint64(os.Getpagesize()) + 64<<20
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: now, Max: now}); err != nil {
		s.t.Fatal(err)
	}
	in.step(s.t.Context(), file)
	s.t.Log("survived")
}

// TestDecodeMark: who is suspected, and for how long.
func TestDecodeMark(t *testing.T) {
	path := newShop(t).path("decoding.json")
	open := func() *decodeMark { return openDecodeMark(path, slog.New(slog.DiscardHandler)) }
	a := &capture.File{Path: "/a.png", Size: 1, ModTime: time.Unix(1, 0)}
	rewritten := &capture.File{Path: "/a.png", Size: 1, ModTime: time.Unix(2, 0)}
	b := &capture.File{Path: "/b.png", Size: 1, ModTime: time.Unix(1, 0)}
	die := func(file *capture.File) {
		t.Helper()
		if err := open().begin(file); err != nil {
			t.Fatal(err)
		}
	}
	die(a)
	die(b)
	die(a)
	m := open()
	if err := errors.Join(m.begin(b), m.begin(rewritten)); err != nil { // neither is suspected enough
		t.Error(err)
	}
	m.end(b) // b was innocent
	die(a)
	if err := open().begin(rewritten); err != nil {
		t.Errorf("another picture of that name is blamed: %v", err)
	}
	open().end(rewritten)
	var rejection *frame.Rejection
	if err := open().begin(a); !errors.As(err, &rejection) || rejection.Code != frame.CodePoison || rejection.Code.Sentence() == "" {
		t.Errorf("after three deaths: %v", err)
	}
	if exists(path) {
		t.Error("the mark is left")
	}
	if err := os.WriteFile(path, []byte(`{"decoding":{"fi`), 0o600); err != nil {
		t.Fatal(err)
	}
	if m := open(); m.Decoding != nil || m.Suspects != nil {
		t.Errorf("read of a torn file: %+v", m.decodeState)
	}
	for i := range 2 * maxSuspects {
		die(&capture.File{Path: "/c.png", Size: int64(i)})
	}
	if m := open(); len(m.Suspects) != maxSuspects || m.Suspects[0].Size != maxSuspects {
		t.Errorf("%d are remembered, from %+v on", len(m.Suspects), m.Suspects[0])
	}
}
