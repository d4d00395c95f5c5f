package agent

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/frame"
	"shelfagent/agent/health"
	"shelfagent/queue"
)

// noisy is a JPEG with detail, another one for each seed.
func noisy(t *testing.T, width, height int, seed uint64, low, high int) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := 0; y < height; y += 16 {
		for x := 0; x < width; x += 16 {
			v := uint8(low + random.IntN(high-low))
			for i := range 256 {
				if u, w := x+i%16, y+i/16; u < width && w < height {
					img.Pix[w*img.Stride+u] = v
				}
			}
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func upperHalf() frame.Mask {
	return frame.Mask{Polygon: []frame.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 1, Y: 0.5}, {X: 0, Y: 0.5}}, Width: 4, Height: 3}
}

func rulesWith(change func(*config.CameraRules)) config.FrameRules {
	r := config.CameraRules{
		Options:    frame.Options{MaxBytes: 1 << 20},
		Thresholds: frame.Thresholds{Dark: 20, BlownOut: 235, Blurred: 20, Frozen: 4}, After: 2,
	}
	change(&r)
	return config.FrameRules{Location: time.UTC, Cameras: map[string]config.CameraRules{"cam-1": r}}
}

// leased is the only frame of a queue, with its bytes.
func leased(t *testing.T, q *queue.Queue) (queue.Item, []byte) {
	t.Helper()
	leases, err := q.Lease(t.Context(), 1)
	if err != nil || len(leases) != 1 {
		t.Fatalf("%d frames: %v", len(leases), err)
	}
	payload, err := q.Payload(leases[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = payload.Close() }()
	raw, err := io.ReadAll(payload)
	if err != nil {
		t.Fatal(err)
	}
	return leases[0], raw
}

func TestP5_MaskedBeforeTheQueue(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	in.rules = rulesWith(func(r *config.CameraRules) { r.Options.Masks = []frame.Mask{upperHalf()} })
	s.write("a.jpg", noisy(t, 320, 240, 1, 60, 250))
	in.step(t.Context(), next())
	item, raw := leased(t, q)
	img, err := jpeg.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for y := range 110 {
		for x := range 320 {
			if r, _, _, _ := img.At(x, y).RGBA(); r>>8 > 10 {
				t.Fatalf("pixel %d, %d in the queue is %d", x, y, r>>8)
			}
		}
	}
	if item.Metadata["processing"] != "masked,encoded" || item.Metadata["quality"] != "90" || item.Metadata["judgement"] != "" {
		t.Errorf("metadata %v", item.Metadata)
	}
	if b := item.Metadata["brightness"]; len(b) != 3 || b < "130" || b > "180" {
		t.Errorf("brightness %q counts what is masked", b)
	}
}

// TestP5_AMaskThatDoesNotFitHoldsBack: the frame is kept, with its reason, and a person hears of it.
func TestP5_AMaskThatDoesNotFitHoldsBack(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	in.rules = rulesWith(func(r *config.CameraRules) { r.Options.Masks = []frame.Mask{upperHalf()} })
	s.write("turned.jpg", noisy(t, 240, 320, 1, 60, 250))
	in.step(t.Context(), next())
	if q.Stats().Pending() != 0 {
		t.Fatal("a frame that is not masked is in the queue")
	}
	held, err := capture.RejectedList(s.path("rejected"))
	if err != nil || len(held) != 1 || held[0].Code != string(frame.CodeMaskMismatch) || held[0].Source != "cam-1/turned.jpg" {
		t.Fatalf("rejected: %+v %v", held, err)
	}
	if !exists(filepath.Join(s.path("rejected"), "cam-1", held[0].File)) {
		t.Error("the file is gone")
	}
	a := &Agent{health: health.NewSet(slog.New(slog.DiscardHandler)), silence: &silence{rules: config.SilenceRules{Location: time.UTC}}}
	conditions := func() string {
		a.observeIntake(facts{capture: in.watcher.State(), intake: in.now()}, time.Now())
		var list []string
		for _, c := range a.health.Active() {
			list = append(list, string(c.Code)+" "+c.Subject)
		}
		return strings.Join(list, ", ")
	}
	if got := conditions(); got != "masks_mismatch cam-1, frames_rejected " {
		t.Errorf("conditions: %s", got)
	}
	s.write("upright.jpg", noisy(t, 320, 240, 1, 60, 250))
	in.step(t.Context(), next())
	if got := conditions(); got != "frames_held cam-1, frames_rejected " {
		t.Errorf("after a frame that fits: %s", got)
	}
}

// TestHeldBackOutlivesARestart: what the folder holds is known although no file has come since.
func TestHeldBackOutlivesARestart(t *testing.T) {
	now := time.Now()
	old := []capture.HeldFrames{{Camera: "cam-1", Files: 2, Newest: now.Add(-time.Hour), Detail: "mask 1"}}
	for _, tt := range []struct {
		story          string
		held           []capture.HeldFrames
		good           map[string]time.Time
		mismatch, left string
	}{
		{"nothing is held back", nil, map[string]time.Time{"cam-1": now}, "map[]", "map[]"},
		{"just started", old, nil, "map[cam-1:mask 1; files held back: 2]", "map[]"},
		{"another camera is well", old, map[string]time.Time{"cam-2": now}, "map[cam-1:mask 1; files held back: 2]", "map[]"},
		{"it has been turned back", old, map[string]time.Time{"cam-1": now}, "map[]", "map[cam-1:files held back: 2]"},
		{"it has been turned since", old, map[string]time.Time{"cam-1": now.Add(-2 * time.Hour)},
			"map[cam-1:mask 1; files held back: 2]", "map[]"},
	} {
		mismatch, left := heldBack(tt.held, tt.good)
		if got := fmt.Sprint(mismatch); got != tt.mismatch || fmt.Sprint(left) != tt.left {
			t.Errorf("%s: %v, %v", tt.story, mismatch, left)
		}
	}
}

// TestFaultsOfACamera: a fault begins after several frames in a row, ends after as many, and each camera has its own.
func TestFaultsOfACamera(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	in.rules = rulesWith(func(*config.CameraRules) {})
	n := 0
	take := func(raw []byte) queue.Item {
		n++
		path := s.write(fmt.Sprintf("%d.jpg", n), raw)
		at := time.Date(2026, 11, 22, 1, n, 0, 0, time.UTC)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		in.step(t.Context(), next())
		item, _ := leased(t, q)
		if err := q.Ack(t.Context(), item.ID, queue.Receipt{Key: "k", Proof: queue.ProofStored}); err != nil {
			t.Fatal(err)
		}
		return item
	}
	seed := uint64(0)
	fresh := func(low, high int) []byte { seed++; return noisy(t, 320, 240, seed, low, high) }
	good := func() []byte { return fresh(60, 250) }
	dark := func() []byte { return fresh(0, 20) }
	still, night := noisy(t, 320, 240, 99, 60, 250), noisy(t, 320, 240, 99, 0, 20)
	for i, tt := range []struct {
		raw       []byte
		judgement string
		faults    string
	}{
		{good(), "", ""},
		{dark(), "dark", ""},
		{good(), "", ""},
		{dark(), "dark", ""},
		{night, "dark", "dark"},
		{night, "dark", "dark"}, // not frozen as well: in the dark all pictures are the same
		{good(), "", "dark"},
		{dark(), "dark", "dark"},
		{good(), "", "dark"},
		{still, "", ""},
		{still, "frozen", ""},
		{still, "frozen", "frozen"},
		{good(), "", "frozen"},
		{good(), "", ""},
	} {
		item := take(tt.raw)
		if got := item.Metadata["judgement"]; got != tt.judgement {
			t.Errorf("frame %d: judged %q, want %q", i, got, tt.judgement)
		}
		var faults []string
		for _, fault := range frame.Faults() {
			for camera, detail := range in.now().faults[fault] {
				if faults = append(faults, string(fault)); camera != "cam-1" || detail == "" {
					t.Errorf("frame %d: %s of %q: %q", i, fault, camera, detail)
				}
			}
		}
		if got := strings.Join(faults, ","); got != tt.faults {
			t.Errorf("frame %d: faults %q, want %q", i, got, tt.faults)
		}
	}
}

// A file that is found again, because it could not be removed or the queue was full, is no second frame.
func TestAFileThatIsFoundAgainIsNoSecondFrame(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	in.rules = rulesWith(func(*config.CameraRules) {})
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	for _, raw := range [][]byte{noisy(t, 320, 240, 1, 60, 250), noisy(t, 320, 240, 1, 0, 20)} {
		for _, name := range []string{"a.jpg", "a-again.jpg"} {
			if err := os.Chtimes(s.write(name, raw), at, at); err != nil {
				t.Fatal(err)
			}
			in.step(t.Context(), next())
		}
	}
	if got := in.now().faults; len(got) != 0 || q.Stats().Waiting != 2 {
		t.Errorf("%v, %d frames", got, q.Stats().Waiting)
	}
}

// Every fault has a condition, in the list that people read.
func TestP8_EveryFaultHasACondition(t *testing.T) {
	declared := map[health.Code]bool{}
	for _, c := range health.All() {
		declared[c.Code] = true
	}
	for _, fault := range frame.Faults() {
		if !declared[faultConditions[fault]] {
			t.Errorf("%s has none", fault)
		}
	}
}

// A file from before 1970 is a frame like any other.
func TestAFileWithoutATimeIsTaken(t *testing.T) {
	s := newShop(t)
	in, q, next := s.intake(queue.Options{})
	before := time.Unix(-1000, 0)
	if err := os.Chtimes(s.write("a.jpg", picture(t, 64)), before, before); err != nil {
		t.Fatal(err)
	}
	in.step(t.Context(), next())
	if item, _ := leased(t, q); !item.CapturedAt.Equal(time.Unix(0, 0)) {
		t.Errorf("captured at %v", item.CapturedAt)
	}
}
