package backend

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"shelfagent/uploader/ticket"
)

// policy judges what an authenticated rig asks for. What it remembers is bounded by the certificates that
// were issued (one limiter a rig) and by MaxCameras (per rig).
type policy struct {
	Policy

	mu       sync.Mutex
	seen     map[ticket.Identity]map[string]bool // cameras; guarded by mu
	limiters map[ticket.Identity]*rate.Limiter   // guarded by mu
}

func newPolicy(p Policy) *policy {
	return &policy{
		Policy:   p,
		seen:     map[ticket.Identity]map[string]bool{},
		limiters: map[ticket.Identity]*rate.Limiter{},
	}
}

// refuse says why the frame gets no ticket; nil when it may have one.
func (p *policy) refuse(id ticket.Identity, u ticket.Upload) *ticket.Refusal {
	refusal := func(code, format string, args ...any) *ticket.Refusal {
		return &ticket.Refusal{Frame: u.Frame, Code: code, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case isCanary(u) && p.CanariesPerHour == 0:
		return refusal(RefusedCanary, "the backend takes no canaries")
	case isCanary(u):
		return nil
	}
	if u.Bytes > p.MaxBytes {
		return refusal(RefusedTooLarge, "the frame has %d bytes, the backend accepts %d", u.Bytes, p.MaxBytes)
	}
	if !slices.Contains(p.ContentTypes, u.ContentType) {
		return refusal(RefusedContentType, "the backend does not accept %s", u.ContentType)
	}
	if cameras, listed := p.Cameras[id.Store]; listed {
		if !slices.Contains(cameras, u.Camera) {
			return refusal(RefusedCamera, "the backend knows no camera %s in store %s", u.Camera, id.Store)
		}
		return nil
	}
	if !p.countCamera(id, u.Camera) {
		return refusal(RefusedTooManyCamera, "the rig %s/%s uses %d cameras already, the backend accepts no more", id.Store, id.Rig, p.MaxCameras)
	}
	return nil
}

// countCamera reports whether the rig may use the camera. What a rig uses up is its own: a stolen one must not shut out its
// neighbours.
func (p *policy) countCamera(id ticket.Identity, camera string) bool {
	if p.MaxCameras == 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	cameras := p.seen[id]
	if cameras == nil {
		cameras = map[string]bool{}
		p.seen[id] = cameras
	}
	if !cameras[camera] && len(cameras) >= p.MaxCameras {
		return false
	}
	cameras[camera] = true
	return true
}

// take books n frames for the rig, or says when to come back.
func (p *policy) take(id ticket.Identity, n int, now time.Time) error {
	if p.FramesPerMinute == 0 {
		return nil
	}
	p.mu.Lock()
	limiter := p.limiters[id]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(float64(p.FramesPerMinute)/60), max(p.FramesPerMinute, ticket.MaxUploads))
		p.limiters[id] = limiter
	}
	p.mu.Unlock()

	reservation := limiter.ReserveN(now, n)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now)
	return fail(http.StatusTooManyRequests, CodeRate, "more than %d frames a minute", p.FramesPerMinute).after(wait)
}
