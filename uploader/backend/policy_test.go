package backend

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

func TestPolicyRefusesSingleFrames(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		o := testOptions()
		o.Policy = Policy{
			MaxBytes:     10,
			ContentTypes: []string{"image/jpeg"},
			Cameras:      map[string][]string{"4711": {"cam-3", "cam-4"}},
		}
		large := frame("large", []byte("more than ten bytes"))
		png := frame("png", []byte("b"))
		png.ContentType = "image/png"
		script := frame("script", []byte("c"))
		script.ContentType = "text/html"
		stranger := frame("stranger", []byte("d"))
		stranger.Camera = "cam-5"

		response := newSite(t, o).ask(t, large, png, frame("good", []byte("e")), script, stranger)

		if len(response.Tickets) != 1 || response.Tickets[0].Frame != "good" {
			t.Errorf("tickets for %v, want the good frame alone", response.Tickets)
		}
		var got []string
		for _, refusal := range response.Refusals {
			if refusal.Message == "" {
				t.Errorf("%s is refused without words", refusal.Frame)
			}
			got = append(got, refusal.Frame+" "+refusal.Code)
		}
		want := []string{"large too_large", "png content_type", "script content_type", "stranger camera_unknown"}
		if !slices.Equal(got, want) {
			t.Errorf("refusals %q, want %q", got, want)
		}
	})
}

// TestRigUsesOnlySoManyCameras, and takes none from its neighbour in the same store.
func TestRigUsesOnlySoManyCameras(t *testing.T) {
	p := newPolicy(Policy{MaxBytes: 10, ContentTypes: []string{"image/jpeg"}, MaxCameras: 2})
	judge := func(rig, camera string) string {
		u := frame("f", []byte("x"))
		u.Camera = camera
		if refusal := p.refuse(ticket.Identity{Store: "s", Rig: rig}, u); refusal != nil {
			return refusal.Code
		}
		return "ok"
	}
	steps := []struct{ rig, camera, want string }{
		{"a", "1", "ok"}, {"a", "2", "ok"}, {"a", "3", RefusedTooManyCamera},
		{"a", "1", "ok"}, {"b", "3", "ok"}, {"a", "3", RefusedTooManyCamera},
	}
	for i, step := range steps {
		if got := judge(step.rig, step.camera); got != step.want {
			t.Errorf("step %d, %s/%s: %s, want %s", i, step.rig, step.camera, got, step.want)
		}
	}
}

func TestRate(t *testing.T) {
	p := newPolicy(Policy{FramesPerMinute: 120})
	a, b := ticket.Identity{Store: "s", Rig: "a"}, ticket.Identity{Store: "s", Rig: "b"}
	now := time.Date(2026, 11, 22, 1, 18, 0, 0, time.UTC)
	for range 2 {
		if err := p.take(a, 60, now); err != nil {
			t.Fatal(err)
		}
	}
	err := p.take(a, 60, now)
	if problem := asProblem(err); problem.status != 429 || problem.code != CodeRate || problem.retryAfter != 30*time.Second {
		t.Errorf("error %v after %s, want 429 after 30s", err, problem.retryAfter)
	}
	if err := p.take(b, 60, now); err != nil {
		t.Errorf("one rig pays for another: %v", err)
	}
	// What was refused is not booked: the promised wait is enough.
	if err := p.take(a, 60, now.Add(30*time.Second)); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestFullRequestPassesASmallRate(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		o := testOptions()
		o.Policy.FramesPerMinute = 1
		now := time.Now()
		o.Now = func() time.Time { return now } // a busy machine's seconds would be taken off the wait
		s := newSite(t, o)
		s.ask(t, frames(ticket.MaxUploads)...)
		status, header, body := s.post(t, ticket.TicketsPath, requestBody(t, frame("f", []byte("x"))))
		wantProblem(t, status, header, body, http.StatusTooManyRequests, CodeRate)
		if header.Get("Retry-After") != "60" {
			t.Errorf("Retry-After %q, want 60", header.Get("Retry-After"))
		}
	})
}

// The object's metadata is the backend's word for whose it is; a rig cannot say otherwise.
func TestMetadata(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		o := testOptions()
		o.Tickets.Metadata = []string{"width", "time_source"}
		u := frame("f", []byte("x"))
		u.Metadata = map[string]string{"width": "3840", "time_source": "", "store": "0815", "captured-at": "never", "height": "1"}
		got := newSite(t, o).ticketFor(t, u).Headers
		want := map[string]string{
			"x-amz-meta-store": "4711", "x-amz-meta-rig": "left", "x-amz-meta-camera": "cam-3",
			"x-amz-meta-captured-at": "2026-11-22T01:18:03.123Z", "x-amz-meta-width": "3840",
		}
		for name, value := range got {
			if strings.HasPrefix(name, "x-amz-meta-") && want[name] != value {
				t.Errorf("%s: %q, want %q", name, value, want[name])
			}
			delete(want, name)
		}
		if len(want) != 0 {
			t.Errorf("missing: %v", want)
		}
	})
}

// All names and values at their longest must still fit S3's 2 KB.
func TestLongestMetadataFits(t *testing.T) {
	var keys []string
	metadata := map[string]string{}
	for i := range maxMetadataKeys {
		key := strings.Repeat("k", 31) + fmt.Sprint(i)
		keys = append(keys, key)
		metadata[key] = strings.Repeat("v", maxMetadataValue)
	}
	filter, err := newMetadataFilter(keys)
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("x", 63)
	u := ticket.Upload{Camera: longest, CapturedAt: time.Now(), Metadata: metadata}
	size := 0
	for name, value := range filter.object(ticket.Identity{Store: longest, Rig: longest}, u) {
		size += len(name) + len(value)
	}
	if size > 2<<10 {
		t.Errorf("%d bytes of metadata", size)
	}
}

func TestAudit(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		var log lines
		o := testOptions()
		o.Log = log.logger()
		o.Policy.MaxBytes = 10
		s := newSite(t, o)
		issued := s.ask(t, frame("good", []byte("x")), frame("large", []byte("more than ten bytes"))).Tickets[0]
		s.post(t, ticket.TicketsPath, []byte(`{`))
		s.post(t, ticket.HeartbeatPath, []byte(`{}`))

		text := log.String()
		for _, secret := range []string{"X-Amz-", "https://", "Signature", issued.URL} {
			if strings.Contains(text, secret) {
				t.Errorf("the log contains %q", secret)
			}
		}
		if n := bytes.Count([]byte(text), []byte("\n")); n != 4 {
			t.Errorf("%d lines, want one for each decision:\n%s", n, text)
		}
		wantRecord(t, log.audit(t, "ticket issued"), map[string]any{
			"store": "4711", "rig": "left", "camera": "cam-3", "frame": "good", "key": issued.Key, "bytes": 1.0})
		wantRecord(t, log.audit(t, "ticket refused"), map[string]any{
			"store": "4711", "rig": "left", "camera": "cam-3", "frame": "large", "code": RefusedTooLarge})
		wantRecord(t, log.audit(t, "request refused"), map[string]any{
			"store": "4711", "rig": "left", "status": 400.0, "code": CodeMalformed, "path": ticket.TicketsPath})
	})
}

func wantRecord(t *testing.T, records []map[string]any, want map[string]any) {
	t.Helper()
	if len(records) != 1 {
		t.Fatalf("%d records, want 1: %v", len(records), records)
	}
	for name, value := range want {
		if records[0][name] != value {
			t.Errorf("%s: %v, want %v", name, records[0][name], value)
		}
	}
}
