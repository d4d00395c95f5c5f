package backend

import (
	"net/http"
	"time"

	"shelfagent/uploader/ticket"
)

// A canary is how a rig tries the whole way without a frame: it is a small picture of no camera, gets a ticket as frames
// do, and lies where nothing that reads frames looks. Lists of cameras and quotas know nothing of it; what keeps it rare
// is Policy.CanariesPerHour.

func isCanary(u ticket.Upload) bool { return u.Camera == ticket.CanaryCamera }

// malformedCanary tells what no correct rig sends.
func malformedCanary(u ticket.Upload) bool {
	return u.ContentType != ticket.CanaryType || u.Bytes > ticket.MaxCanaryBytes
}

// book counts a request against what its rig may ask for.
func (b *Backend) book(id ticket.Identity, request ticket.Request, now time.Time) error {
	if !isCanary(request.Uploads[0]) {
		return b.policy.take(id, len(request.Uploads), now)
	}
	if b.policy.CanariesPerHour == 0 {
		return nil // it is refused, and costs nothing
	}
	if wait := b.canaries.wait(id.String(), now); wait > 0 {
		return fail(http.StatusTooManyRequests, CodeCanaries, "more than %d canaries an hour", b.policy.CanariesPerHour).after(wait)
	}
	return nil
}

// keyOf is where an upload goes.
func (b *Backend) keyOf(id ticket.Identity, u ticket.Upload) string {
	if isCanary(u) {
		return b.canaryKey.Key(id, u)
	}
	return b.key.Key(id, u)
}
