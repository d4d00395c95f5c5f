package backend

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

// canary describes a body as `shelf-agent doctor` would.
func canary(body string) ticket.Upload {
	u := frame("canary", []byte(body))
	u.Camera, u.ContentType = ticket.CanaryCamera, ticket.CanaryType
	return u
}

// TestACanaryIsNoFrame: lists, sizes, rates and types are for frames, and its place is its own.
func TestACanaryIsNoFrame(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		o := testOptions()
		o.Policy = Policy{
			MaxBytes: 1, ContentTypes: []string{"image/jpeg"}, Cameras: map[string][]string{"4711": {"cam-3"}},
			FramesPerMinute: 1, CanariesPerHour: 100,
		}
		s := newSite(t, o)
		u := canary("more than a byte")
		for range ticket.MaxUploads + 1 { // more than a minute's frames
			got := s.ticketFor(t, u)
			if want := "canary/4711/left/2026-11-22/011803.123-" + u.SHA256 + ".png"; got.Key != want {
				t.Fatalf("key %q, want %q", got.Key, want)
			}
		}
		if got := s.ticketFor(t, frame("f", []byte("x"))).Key; !strings.HasPrefix(got, "raw/4711/") {
			t.Errorf("a frame's key is %q", got)
		}
	})
}

func TestCanariesAreFew(t *testing.T) {
	o := testOptions()
	o.Policy.CanariesPerHour = 2
	now := time.Now()
	o.Now = func() time.Time { return now }
	s := newSite(t, o)
	s.ticketFor(t, canary("1"))
	s.ticketFor(t, canary("2"))
	status, header, body := s.post(t, ticket.TicketsPath, requestBody(t, canary("3")))
	wantProblem(t, status, header, body, http.StatusTooManyRequests, CodeCanaries)
	if header.Get("Retry-After") != "1800" {
		t.Errorf("Retry-After %q, want half an hour", header.Get("Retry-After"))
	}
	s.ticketFor(t, frame("f", []byte("frames go on")))
}

func TestNoCanariesUnlessThePolicySaysSo(t *testing.T) {
	response := newSite(t, testOptions()).ask(t, canary("1"))
	if len(response.Tickets) != 0 || len(response.Refusals) != 1 || response.Refusals[0].Code != RefusedCanary {
		t.Errorf("%+v", response)
	}
}

func TestWhatNoCanaryIs(t *testing.T) {
	o := testOptions()
	o.Policy.CanariesPerHour = 100
	s := newSite(t, o)
	jpeg, large := canary("x"), canary("x")
	jpeg.ContentType, large.Bytes = "image/jpeg", ticket.MaxCanaryBytes+1
	other := canary("y")
	other.Camera = "_other"
	for story, uploads := range map[string][]ticket.Upload{
		"a JPEG": {jpeg}, "a large one": {large}, "beside a frame": {frame("f", []byte("x")), canary("x")}, "another name": {other},
	} {
		status, header, body := s.post(t, ticket.TicketsPath, requestBody(t, uploads...))
		t.Run(story, func(t *testing.T) { wantProblem(t, status, header, body, http.StatusBadRequest, CodeUpload) })
	}
}

func TestCanaryTemplate(t *testing.T) {
	for _, wrong := range []string{DefaultKeyTemplate, "canary/{store}/{rig}.png", "canary/{rig}/{sha256}", "canary/{store}/../{sha256}"} {
		o := testOptions()
		o.Tickets.CanaryTemplate = wrong
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), "tickets.canary_template: ") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
