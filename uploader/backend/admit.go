package backend

import (
	"context"
	"errors"
	"net/http"
	"time"

	"shelfagent/uploader/backend/registry"
	"shelfagent/uploader/ticket"
)

// registryRetry is when to ask again after the registry could not be asked.
const registryRetry = 10 * time.Second

// admit says which rig sent the request, if it is still welcome: whoever proves who it is may have been revoked
// since its connection began. A registry that cannot be asked is a no for now, never a yes.
func (b *Backend) admit(r *http.Request) (caller, error) {
	id, err := b.identify(r)
	if err != nil || b.registry == nil {
		return id, err
	}
	err = b.registry.Admit(r.Context(), id.registered(), id.certificate(), b.now())
	switch {
	case err == nil:
		return id, nil
	case errors.Is(err, registry.ErrRevoked):
		return caller{}, revoked(err)
	default:
		return caller{}, noRegistry(err)
	}
}

func revoked(err error) *problem {
	return fail(http.StatusForbidden, CodeRevoked,
		"this rig, or its certificate, was revoked; a new invitation lets it in again").because(err)
}

func noRegistry(err error) *problem {
	return fail(http.StatusServiceUnavailable, CodeRegistry, "the backend cannot ask its registry now").
		after(registryRetry).because(err)
}

func (c caller) registered() registry.Rig { return registry.Rig{Store: c.Store, Rig: c.Rig} }

// certificate is zero for a caller that something else vouches for.
func (c caller) certificate() registry.Certificate {
	if c.leaf == nil {
		return registry.Certificate{}
	}
	return registry.Certificate{Serial: registry.Serial(c.leaf.SerialNumber), NotAfter: c.leaf.NotAfter.UTC()}
}

// charge charges what the request will get tickets for to the rig's day. Frames that the policy refuses cost
// nothing. When the day is used up the rig is told to come back tomorrow: a rig of ours does so within minutes, and
// keeps its frames until then. Frames that were charged today pass all the while.
func (b *Backend) charge(ctx context.Context, id caller, request ticket.Request) error {
	quota := registry.Quota{Frames: b.policy.DailyFrames, Bytes: b.policy.DailyBytes}
	if quota.Frames == 0 {
		return nil
	}
	var frames []registry.Frame
	for _, upload := range request.Uploads {
		if !isCanary(upload) && b.policy.refuse(id.Identity, upload) == nil {
			frames = append(frames, registry.Frame{Key: b.key.Key(id.Identity, upload), Bytes: upload.Bytes})
		}
	}
	if len(frames) == 0 {
		return nil
	}
	err := b.registry.Charge(ctx, id.registered(), frames, quota, b.now())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, registry.ErrQuota):
		tomorrow := b.now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		return fail(http.StatusTooManyRequests, CodeQuota, "the rig's quota for this day (UTC) is used up").
			after(tomorrow.Sub(b.now())).because(err)
	default:
		return noRegistry(err)
	}
}
