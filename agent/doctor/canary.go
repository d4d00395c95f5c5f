package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"image"
	"image/png"
	"math"
	"net/http"
	"time"

	"shelfagent/agent/diagnosis"
	"shelfagent/uploader"
)

// Time limits of the last steps.
const (
	ticketTimeout = 15 * time.Second
	putTimeout    = 20 * time.Second
)

// picture is a small grey one that there never was before.
func picture() []byte {
	grey := image.NewGray(image.Rect(0, 0, 8, 8))
	_, _ = rand.Read(grey.Pix) // never fails
	var out bytes.Buffer
	_ = png.Encode(&out, grey) // a buffer takes all
	return out.Bytes()
}

// upload takes a canary the way of a frame, twice: the second time it must be refused. While S3 cannot be reached there
// is a ticket at most.
func upload(ctx context.Context, options uploader.Options, s3 bool, tell func(Result)) {
	began := time.Now()
	options.Stall = putTimeout / 2
	canary, err := uploader.NewCanary(options, picture(), time.Now())
	if err != nil {
		r := fail("ticket", err.Error(), "Correct [backend] and [upload] in the configuration.")
		r.Means = "The agent does not start with it."
		tell(r)
		return
	}
	defer canary.Close()
	granted, key := askTicket(ctx, canary)
	offset := clockOffset(canary.Clock())
	if granted.Outcome == Fail && offset.Outcome == Fail {
		granted.Do = offset.Do // it is the cause, or comes first
	}
	tell(granted.since(began))
	tell(offset)
	if granted.Outcome != OK || !s3 {
		why := "there is no ticket"
		if granted.Outcome == OK {
			why = "the way to S3 is closed"
		}
		for _, step := range []string{"canary", "proof", "no overwriting"} {
			tell(skipped(step, why))
		}
		return
	}
	began = time.Now()
	stored, proven := put(ctx, canary, key)
	tell(stored.since(began))
	tell(proven)
	if proven.Outcome != OK {
		tell(skipped("no overwriting", "it needs a canary that is proven to be there"))
		return
	}
	began = time.Now()
	tell(putAgain(ctx, canary).since(began))
}

// askTicket also returns the canary's key.
func askTicket(ctx context.Context, canary *uploader.Canary) (Result, string) {
	const step = "ticket"
	ctx, cancel := context.WithTimeout(ctx, ticketTimeout)
	defer cancel()
	seen := canary.Ask(ctx)
	if seen == nil {
		r := ok(step, "the backend knows this rig, and gave a ticket that passes its rules")
		r.Key = canary.Key()
		return r, r.Key
	}
	switch verdict := uploader.Judge(*seen); {
	case verdict.Cause == uploader.CauseFrameRefused:
		return skipped(step, "the backend knows this rig, but takes no canary of it: "+uploader.Explain(*seen)), ""
	case seen.Status == http.StatusBadRequest:
		return skipped(step, "the backend knows this rig, but no canaries, as older ones do: "+uploader.Explain(*seen)), ""
	case seen.Status == http.StatusTooManyRequests:
		r := warn(step, uploader.Explain(*seen), waitText(seen.RetryAfter)).is(diagnosis.OfSeen(*seen))
		r.Means = "The backend knows this rig, but lets it try only so often. Frames are counted apart."
		return r, ""
	default:
		return fault(step, *seen, ""), ""
	}
}

// fault is an answer that ends the way. Of a server that has a fault of its own the agent knows only that it has to try
// again; a person wants to know that it is somebody else's to mend.
func fault(step string, seen uploader.Seen, do string) Result {
	r := fail(step, uploader.Explain(seen), do)
	if seen.Status >= http.StatusInternalServerError {
		r.Means, r.Do = "It is there, but cannot do its work now. Frames wait in the queue.", "Tell the cloud team what it answered. From here there is nothing to mend."
		r.Condition = diagnosis.OfSeen(seen)
		return r
	}
	return r.is(diagnosis.OfSeen(seen))
}

func waitText(wait time.Duration) string {
	return fmt.Sprintf("Run it again in %d minutes.", int(math.Ceil(max(wait, time.Minute).Minutes())))
}

// put tells what S3 made of the canary, and whether it proved that.
func put(ctx context.Context, canary *uploader.Canary, key string) (stored, proven Result) {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	seen := canary.Put(ctx)
	verdict := uploader.Judge(seen)
	proven = skipped("proof", "S3 did not take the canary")
	switch verdict.Cause {
	case uploader.CauseDelivered:
		stored = ok("canary", "S3 took it, at "+key)
		proven = ok("proof", "S3 answered the SHA-256 of what was sent: it holds exactly that")
	case uploader.CauseUnproven:
		stored = ok("canary", "S3 answered 200")
		proven = fail("proof", uploader.Explain(seen), "Tell the cloud team. A proxy or a login page may be answering in the place of S3.").is(diagnosis.OfSeen(seen))
		proven.Means = "What answers there does not say that it holds the bytes. Frames stay in the queue."
	default:
		stored = fault("canary", seen, putRemedy(seen))
	}
	stored.Key = key
	return stored, proven
}

// putRemedy is "" where the condition's own words will do.
func putRemedy(seen uploader.Seen) string {
	switch {
	case seen.Code == "NoSuchBucket":
		return "Tell the cloud team: the bucket that the backend names (s3.bucket) does not exist at this endpoint."
	case seen.Status == http.StatusForbidden:
		return "Ask the cloud team to check the bucket policy, the KMS key policy and the backend's role. If frames are delivered nevertheless " +
			"(shelf-agent status), it is the canary alone that is denied: the role needs s3:PutObject on canary/* as on raw/*."
	default:
		return ""
	}
}

// putAgain wants to be refused: what S3 holds is never written over.
func putAgain(ctx context.Context, canary *uploader.Canary) Result {
	const step = "no overwriting"
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	if seen := canary.Ask(ctx); seen != nil {
		return skipped(step, "there was no second ticket: "+uploader.Explain(*seen))
	}
	seen := canary.Put(ctx)
	switch uploader.Judge(seen).Cause {
	case uploader.CauseHeld:
		return ok(step, "S3 refused to write over it (412), as it must")
	case uploader.CauseDelivered, uploader.CauseUnproven:
		r := fail(step, "S3 took the same key a second time", "Tell the cloud team: this S3 server ignores if-none-match.")
		r.Means = "Frames could be written over."
		return r
	default:
		return warn(step, "whether S3 refuses cannot be said: "+uploader.Explain(seen), "Run it again.")
	}
}
