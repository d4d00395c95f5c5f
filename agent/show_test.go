package agent

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/frame"
	"shelfagent/agent/status"
	"shelfagent/agent/trail"
	"shelfagent/queue"
)

// fetch is what a browser on the rig gets.
func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestP5_ThePageShowsWhatLeavesTheShop follows a frame and a broken file from a running agent's folder to its page.
func TestP5_ThePageShowsWhatLeavesTheShop(t *testing.T) {
	s := newShop(t)
	c := s.configuration()
	c.Camera = map[string]config.Camera{"cam-1": {Masks: []config.Mask{{For: "4:3", Polygon: [][]float64{{0, 0}, {1, 0}, {1, 0.5}, {0, 0.5}}}}}}
	a, err := Open(t.Context(), c, Options{Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() { stop(); <-ended }()
	s.write("good.jpg", noisy(t, 640, 480, 1, 100, 250))
	s.write("bad.jpg", []byte("<html>please log in</html>"))
	var snapshot status.Snapshot
	for deadline := time.After(20 * time.Second); len(snapshot.Recent) < 2; {
		select {
		case <-deadline:
			t.Fatalf("status: %+v", snapshot)
		case <-time.After(20 * time.Millisecond):
			if snapshot, err = status.Ask(t.Context(), c.Status.Socket); err != nil {
				t.Fatal(err)
			}
		}
	}

	states := map[string]trail.State{}
	for _, r := range snapshot.Recent {
		states[r.File] = r.State
	}
	if states["bad.jpg"] != trail.Rejected || states["good.jpg"] != trail.Waiting && states["good.jpg"] != trail.Leased && states["good.jpg"] != trail.Deferred {
		t.Errorf("recent: %+v", snapshot.Recent)
	}
	camera := snapshot.Cameras[0]
	if len(camera.Hourly) != 24 || sumOf(camera.Hourly) != 1 || camera.Picture.IsZero() || snapshot.HourlyFrom.IsZero() {
		t.Errorf("the camera: %+v, from %s", camera, snapshot.HourlyFrom)
	}

	code, body := fetch(t, a.Page())
	if code != 200 || !strings.Contains(body, `<img src="/picture/cam-1?at=`) {
		t.Errorf("%d\n%s", code, body)
	}
	code, picture := fetch(t, a.Page()+"picture/cam-1")
	img, err := jpeg.Decode(strings.NewReader(picture))
	if code != 200 || err != nil {
		t.Fatalf("%d, %v", code, err)
	}
	size := img.Bounds().Size()
	brightest := func(from, to int) (most uint32) {
		for y := from; y < to; y++ {
			for x := range size.X {
				grey, _, _, _ := img.At(x, y).RGBA()
				most = max(most, grey>>8)
			}
		}
		return most
	}
	if size.X != 80 || brightest(0, size.Y/2-1) > 40 || brightest(size.Y/2+1, size.Y) < 150 {
		t.Errorf("a picture of %v; above %d, below %d", size, brightest(0, size.Y/2-1), brightest(size.Y/2+1, size.Y))
	}

	code, body = fetch(t, a.Page()+"find?file=good.jpg")
	if code != 200 || !strings.Contains(body, "cam-1, good.jpg") || !strings.Contains(body, "safe in the queue") {
		t.Errorf("%d\n%s", code, body)
	}
	if code, body = fetch(t, a.Page()+"find?camera=cam-1&file=bad.jpg"); code != 200 || !strings.Contains(body, string(frame.CodeUnknownFormat)) {
		t.Errorf("%d\n%s", code, body)
	}
}

func sumOf(counts []int64) (sum int64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// TestOnANetworkThePageShowsNoPictures: whoever can reach it would see into the shop.
func TestOnANetworkThePageShowsNoPictures(t *testing.T) {
	for _, tc := range []struct {
		listen, pictures string
		shown            bool
	}{
		{"127.0.0.1:0", "loopback", true}, {"[::1]:0", "loopback", true}, {"127.0.0.1:0", "never", false},
		{"0.0.0.0:0", "loopback", false}, {"[::]:0", "loopback", false}, {"10.0.0.7:8470", "loopback", false},
		{"0.0.0.0:0", "always", true}, {"", "always", false}, {"", "loopback", false},
	} {
		c := newShop(t).configuration()
		c.Status.Listen, c.Status.Pictures = tc.listen, tc.pictures
		a, err := Open(t.Context(), c, Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		options := a.statusOptions(c, time.UTC, slog.New(slog.DiscardHandler))
		if (a.intake.pictures != nil) != tc.shown || (options.Thumbnail != nil) != tc.shown {
			t.Errorf("%q with %q: kept %v, shown %v", tc.listen, tc.pictures, a.intake.pictures != nil, options.Thumbnail != nil)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPicturesAreBounded(t *testing.T) {
	f, err := frame.New(noisy(t, 5120, 2880, 1, 50, 250), frame.Source{ModTime: time.Now()}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := newPictures()
	for i := range maxPictures + 10 {
		p.keep(fmt.Sprintf("cam-%d", i), f)
		p.keep("cam-0", f) // a camera that goes on is not forgotten
	}
	if len(p.cameras) != maxPictures || p.jpeg("cam-0") == nil || p.jpeg("cam-1") != nil || p.jpeg(fmt.Sprintf("cam-%d", maxPictures+9)) == nil {
		t.Errorf("%d cameras", len(p.cameras))
	}
	if size := p.cameras["cam-0"].small.Rect.Size(); size.X != pictureEdge || size.Y != 180 {
		t.Errorf("a picture of %v", size)
	}
	if raw := p.jpeg("cam-0"); len(raw) > 64<<10 || !bytes.Equal(raw, p.jpeg("cam-0")) || !p.taken("cam-0").Equal(f.CapturedAt) {
		t.Errorf("%d bytes, taken %s", len(raw), p.taken("cam-0"))
	}
	cmyk, err := os.ReadFile("../testdata/frames/video-cmyk.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if f, err = frame.New(cmyk, frame.Source{}, frame.Options{}); err != nil {
		t.Fatal(err)
	}
	p.keep("cmyk", f)
	var none *pictures
	none.keep("cam-1", f)
	if p.jpeg("cmyk") != nil || !none.taken("cam-1").IsZero() {
		t.Error("a picture out of nothing")
	}
}

func TestHoursAreThoseOfTheLastDay(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)
	var h hours
	for _, captured := range []time.Time{
		now, now.Add(29 * time.Minute), now.Add(-time.Hour), now.Add(-23 * time.Hour),
		now.Add(-24 * time.Hour), now.Add(time.Hour), now.Add(-9000 * time.Hour), {}, // not counted
	} {
		h.add(captured, now)
	}
	got := h.last(now)
	if got[23] != 2 || got[22] != 1 || got[0] != 1 || sumOf(got) != 4 {
		t.Errorf("%v", got)
	}
	if from := hourlyFrom(now); !from.Equal(time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)) {
		t.Errorf("from %s", from)
	}
	later := now.Add(23 * time.Hour)
	h.add(later, later)
	if got := h.last(later); got[0] != 2 || got[23] != 1 || sumOf(got) != 3 {
		t.Errorf("23 hours later: %v", got)
	}
	if got := h.last(now.Add(-48 * time.Hour)); sumOf(got) != 0 {
		t.Errorf("a clock that was set back: %v", got)
	}
}

// TestTheLastFramesSayWhatBecameOfThem: of the queue's own knowledge, after a restart as well.
func TestTheLastFramesSayWhatBecameOfThem(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	settle := func(name string, do func(queue.ID) error) {
		s.write(name, noisy(t, 64, 64, uint64(len(name)), 50, 250))
		in.step(t.Context(), next())
		items, err := q.Lease(t.Context(), 1)
		if err != nil || len(items) != 1 {
			t.Fatalf("leased %v, %v", items, err)
		}
		if err := do(items[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	settle("a.jpg", func(id queue.ID) error { return q.Ack(t.Context(), id, queue.Receipt{Proof: queue.ProofStored}) })
	settle("ab.jpg", func(id queue.ID) error { return q.Bury(t.Context(), id, "frame_refused", "the policy says no") })
	settle("abc.jpg", func(id queue.ID) error { return q.Drop(t.Context(), id, "shows a customer") })
	s.write("bad.jpg", []byte("<html>"))
	in.step(t.Context(), next())
	told := func(list []status.Recent) string {
		var lines []string
		for _, r := range list {
			lines = append(lines, fmt.Sprintf("%s %s %s", r.File, r.State, r.Why))
		}
		return strings.Join(lines, "\n")
	}
	want := "bad.jpg rejected " + frame.CodeUnknownFormat.Sentence() + "\nabc.jpg dropped shows a customer\nab.jpg parked the policy says no\na.jpg delivered "
	if got := told(in.recent.newest(q)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	receipts, err := q.Receipts(maxRecent)
	if err != nil {
		t.Fatal(err)
	}
	var anew recent
	anew.fill(receipts)
	if got := told(anew.newest(q)); got != "abc.jpg dropped shows a customer\na.jpg delivered " {
		t.Errorf("after a restart:\n%s", got)
	}
	for i := range 3 * maxRecent {
		anew.add(taken{file: fmt.Sprint(i)})
	}
	if got := anew.newest(q); len(got) != maxRecent || got[0].File != "59" || cap(anew.list) > 4*maxRecent {
		t.Errorf("%d remembered, newest %s", len(got), got[0].File)
	}
}
