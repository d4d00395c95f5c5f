package agent

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/frame"
	"shelfagent/agent/health"
	"shelfagent/agent/status"
	"shelfagent/queue"
	"shelfagent/uploader/backend/devpki"
)

// shop is the folders of a rig.
type shop struct {
	t   *testing.T
	dir string
}

func newShop(t *testing.T) shop {
	s := shop{t, t.TempDir()}
	if err := os.MkdirAll(s.path("capture", "cam-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s shop) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

func (s shop) write(name string, content []byte) string {
	s.t.Helper()
	path := s.path("capture", "cam-1", name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func picture(t *testing.T, width int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, width, 64)), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// intake opens the stages before the network, and gives the next file to the step.
func (s shop) intake(options queue.Options) (worker, *queue.Queue, func() *capture.File) {
	t := s.t
	t.Helper()
	options.Dir, options.Reserve = s.path("queue"), -1
	if options.MinFree == 0 {
		options.MinFree = 1
	}
	q, err := queue.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	w, err := capture.Open(capture.Options{Dir: s.path("capture"), Rejected: s.path("rejected"), Seen: s.path("seen")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	next := func() *capture.File {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		file, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("no file is offered: %v", err)
		}
		return file
	}
	rules := config.FrameRules{Location: time.UTC, Others: config.CameraRules{Options: frame.Options{MaxBytes: 1 << 20}}}
	log := slog.New(slog.DiscardHandler)
	in := newIntake(w, q, rules, openDecodeMark(s.path("decoding.json"), log), "test", log)
	return worker{in, func(time.Duration) {}}, q, next
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestP1_SourceGoesOnlyWhenTheFrameIsQueued(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	path := s.write("a.jpg", picture(t, 64))
	in.step(t.Context(), next())
	if exists(path) {
		t.Error("the source is still there")
	}
	stats := q.Stats()
	if stats.Waiting != 1 || len(stats.Cameras) != 1 || stats.Cameras[0].Camera != "cam-1" {
		t.Errorf("the queue: %+v", stats)
	}
	if got := in.now(); got.admitted["cam-1"] != 1 {
		t.Errorf("tally: %+v", got)
	}
}

func TestP1_SourceStaysWhenTheQueueIsFull(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{MaxBytes: 10})
	path := s.write("a.jpg", picture(t, 64))
	in.step(t.Context(), next())
	if !exists(path) || q.Stats().Pending() != 0 {
		t.Error("a frame that found no room was taken")
	}
	if got := in.now(); !strings.Contains(got.full.what, "full") || got.admitted["cam-1"] != 0 {
		t.Errorf("tally: %+v", got)
	}
}

// TestAFullQueueIsNotAskedAgainAndAgain: with a backlog in the capture folder, each file that is read and checked in vain
// is work for nothing.
func TestAFullQueueIsNotAskedAgainAndAgain(t *testing.T) {
	s := newShop(t)
	in, _, next := s.intake(queue.Options{MaxBytes: 10})
	s.write("a.jpg", picture(t, 64))
	in.step(t.Context(), next())
	in.mu.Lock()
	pause := time.Until(in.noRoom)
	in.mu.Unlock()
	if pause <= 0 || pause > fullPause {
		t.Fatalf("the next look is in %s", pause)
	}
	synctest.Test(t, func(t *testing.T) {
		alone := &intake{noRoom: time.Now().Add(fullPause)}
		began := time.Now()
		alone.awaitRoom(t.Context())
		if waited := time.Since(began); waited != fullPause {
			t.Errorf("waited %s", waited)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		alone.noRoom = time.Now().Add(fullPause)
		alone.awaitRoom(ctx) // returns at once, or the bubble would move its clock
		if time.Since(began) != fullPause {
			t.Error("a stop waits for the queue")
		}
	})
}

func TestP1_SourceStaysWhenTheQueueFails(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	path := s.write("a.jpg", picture(t, 64))
	file := next()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	in.step(t.Context(), file)
	if !exists(path) {
		t.Error("a frame that could not be stored was taken")
	}
	if got := in.now(); got.failing.what == "" {
		t.Errorf("nobody is told: %+v", got)
	}
}

func TestP3_SameFileTwiceIsOneItem(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	at := time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC)
	for range 2 { // as after a power cut between the commit and the removal
		path := s.write("a.jpg", picture(t, 64))
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		in.step(t.Context(), next())
	}
	if got := q.Stats(); got.Pending() != 1 {
		t.Errorf("the queue: %+v", got)
	}
	if got := in.now(); got.admitted["cam-1"] != 1 {
		t.Errorf("counted %d times", got.admitted["cam-1"])
	}
}

func TestRejectedFilesAreKeptWithTheirReason(t *testing.T) {
	for _, tc := range []struct {
		story   string
		content []byte
		code    frame.Code
	}{
		{"a picture cut short", picture(t, 64)[:300], frame.CodeTruncated},
		{"a login page", []byte("<html>please log in</html>"), frame.CodeUnknownFormat},
		{"a file beyond the limit", make([]byte, 2<<20), frame.CodeTooLarge},
	} {
		t.Run(tc.story, func(t *testing.T) {
			s := newShop(t)
			in, q, next := s.intake(queue.Options{})
			path := s.write("a.jpg", tc.content)
			in.step(t.Context(), next())
			if exists(path) || q.Stats().Pending() != 0 {
				t.Error("it is still there, or was queued")
			}
			kept, err := capture.RejectedList(s.path("rejected"))
			if err != nil || len(kept) != 1 || kept[0].Code != string(tc.code) || kept[0].Sentence == "" {
				t.Errorf("kept: %+v, %v; want %s", kept, err, tc.code)
			}
			if got := in.now(); got.rejected["cam-1"][string(tc.code)] != 1 {
				t.Errorf("tally: %+v", got)
			}
		})
	}
}

// configuration is one that works, for a rig whose backend does not answer.
func (s shop) configuration() *config.Config {
	t := s.t
	t.Helper()
	pki, err := devpki.Create(s.path("pki"), devpki.Options{Rigs: []devpki.Rig{{Store: "store-7", Rig: "rig-1"}}})
	if err != nil {
		t.Fatal(err)
	}
	identity := pki.RigFiles(devpki.Rig{Store: "store-7", Rig: "rig-1"})
	socketDir, err := os.MkdirTemp("", "agent-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(socketDir) })
	c, err := config.Parse("config.toml", fmt.Appendf(nil, `
state_dir = %q
[capture]
dir = %q
[queue]
min_free = "1 MiB"
[backend]
url = "https://127.0.0.1:1"
certificate = %q
key = %q
[upload]
hosts = ["127.0.0.1:1/frames"]
[status]
socket = %q
listen = "127.0.0.1:0"
[development]
allow_loopback = true
`, s.path("state"), s.path("capture"), identity.Cert, identity.Key, filepath.Join(socketDir, "s")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRunWithoutCloudQueuesSaysSoAndStops(t *testing.T) {
	s := newShop(t)
	c := s.configuration()
	a, err := Open(t.Context(), c, Options{Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	path := s.write("a.jpg", picture(t, 64))

	var last status.Snapshot
	deadline := time.After(20 * time.Second)
	for last.Queue.Waiting != 1 || last.Link.Up {
		select {
		case <-deadline:
			t.Fatalf("status: %+v", last)
		case <-time.After(20 * time.Millisecond):
			last, err = status.Ask(t.Context(), c.Status.Socket)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if last.Verdict != status.Down || last.Store != "store-7" || len(last.Conditions) != 1 || last.Conditions[0].Code != "link_down" {
		t.Errorf("status: %+v", last)
	}
	if !strings.Contains(last.Link.Reason, "connection refused") || exists(path) {
		t.Errorf("reason %q, source there: %v", last.Link.Reason, exists(path))
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("a clean stop ends with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Run does not return")
	}
	if _, err := status.Ask(t.Context(), c.Status.Socket); err == nil {
		t.Error("something still answers at the socket")
	}
	q, err := queue.Open(t.Context(), queue.Options{Dir: c.QueueDir(), MinFree: 1, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	if got := q.Stats(); got.Pending() != 1 || !got.Healed.Clean {
		t.Errorf("the queue after the stop: %+v", got)
	}
}

// TestTheAgentRunsWithoutItsPage: nobody's frames wait for a page.
func TestTheAgentRunsWithoutItsPage(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for story, listen := range map[string]string{"the port of the page is taken": taken.Addr().String(), "not this machine's address": "192.0.2.1:80"} {
		c := newShop(t).configuration()
		c.Status.Listen = listen
		a, err := Open(t.Context(), c, Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatalf("%s: %v", story, err)
		}
		var seen string
		for _, condition := range a.Snapshot().Conditions {
			if condition.Code == string(health.PageUnavailable) {
				seen = condition.Detail
			}
		}
		if !strings.Contains(seen, listen) || a.Page() != "" {
			t.Errorf("%s: %q, page %q", story, seen, a.Page())
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenSaysWhatIsMissingAndLeavesNothingOpen(t *testing.T) {
	for _, tc := range []struct {
		story string
		spoil func(shop, *config.Config)
		want  string
	}{
		{"no device certificate", func(_ shop, c *config.Config) { c.Backend.Certificate = "/nonexistent/rig.pem" }, "/nonexistent/rig.pem"},
		{"no capture folder", func(s shop, _ *config.Config) { _ = os.RemoveAll(s.path("capture")) }, "capture"},
		{"another agent holds the socket", func(s shop, c *config.Config) {
			l, err := net.Listen("unix", c.Status.Socket)
			if err != nil {
				s.t.Fatal(err)
			}
			s.t.Cleanup(func() { _ = l.Close() })
		}, "status.socket"},
		{"a CA file without certificates", func(s shop, c *config.Config) {
			c.Backend.CA = s.path("ca.pem")
			_ = os.WriteFile(c.Backend.CA, []byte("hello"), 0o600)
		}, "holds no PEM certificate"},
	} {
		t.Run(tc.story, func(t *testing.T) {
			s := newShop(t)
			c := s.configuration()
			tc.spoil(s, c)
			if _, err := Open(t.Context(), c, Options{Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q in it", err, tc.want)
			}
			q, err := queue.Open(t.Context(), queue.Options{Dir: c.QueueDir(), LockTimeout: time.Second, MinFree: 1, Reserve: -1})
			if err != nil {
				t.Fatalf("the queue was left open: %v", err)
			}
			_ = q.Close()
		})
	}
}

// TestTheEndDoesNotWaitForADiskThatHangs: a worker whose file never comes is left to itself.
func TestTheEndDoesNotWaitForADiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		a := &Agent{log: slog.New(slog.NewTextHandler(&said, nil))}
		var intake sync.WaitGroup
		hang, began := make(chan struct{}), time.Now()
		intake.Go(func() { <-hang })
		a.await(&intake)
		if took := time.Since(began); took != endPatience || !strings.Contains(said.String(), "does not end") {
			t.Errorf("it took %v, and the log has %q", took, said.String())
		}
		close(hang)
		intake.Wait()
	})
}
