package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"shelfagent/queue"
)

// Local is the desk of a queue that this process has open.
type Local struct {
	Queue *queue.Queue
	Who   string // the user that acts, as the system proves it; "": unproven
	Log   *slog.Logger
}

var _ Desk = Local{}

var prefixRule = regexp.MustCompile(fmt.Sprintf(`^[0-9a-fA-F]{%d,64}$`, MinRef))

// maxNamed is how many frames an AmbiguousError names.
const maxNamed = 5

// Stats returns the numbers as of now.
func (l Local) Stats(context.Context) (Stats, error) { return statsOf(l.Queue.Stats()), nil }

// List reads a page.
func (l Local) List(ctx context.Context, f queue.Filter, p queue.Page) ([]Frame, queue.Page, error) {
	items, next, err := l.Queue.Items(ctx, f, p)
	if err != nil {
		return nil, queue.Page{}, err
	}
	frames := make([]Frame, len(items))
	for i, it := range items {
		frames[i] = frameOf(it)
	}
	return frames, next, nil
}

// Show looks among items, then among receipts.
func (l Local) Show(ctx context.Context, ref string) (Frame, error) {
	present, left, err := l.find(ctx, ref)
	if err != nil {
		return Frame{}, err
	}
	return one(ref, append(present, left...))
}

// Find looks among items and among receipts.
func (l Local) Find(ctx context.Context, f queue.Filter, limit int) (Found, error) {
	present, left, more, err := l.both(ctx, f, limit)
	if err != nil {
		return Found{}, err
	}
	found := Found{Frames: append(append([]Frame{}, present...), left...), More: more}
	switch oldest, err := l.Queue.OldestReceipt(); {
	case err == nil:
		found.ReceiptsSince = oldest.DeliveredAt
	case !errors.Is(err, queue.ErrNotFound):
		return Found{}, err
	}
	return found, nil
}

// find returns the frames that a ref may mean, those that have left apart, each once.
func (l Local) find(ctx context.Context, ref string) (present, left []Frame, err error) {
	if strings.Contains(ref, "/") {
		return l.exact(queue.ID(ref))
	}
	if !prefixRule.MatchString(ref) {
		return nil, nil, fmt.Errorf("%w: %q is no frame: give its id, or the first digits of its SHA-256, at least %d",
			queue.ErrInvalid, ref, MinRef)
	}
	present, left, _, err = l.both(ctx, queue.Filter{SHA256: ref}, maxNamed)
	return present, left, err
}

// both returns items and receipts, each frame once.
func (l Local) both(ctx context.Context, f queue.Filter, limit int) (present, left []Frame, more bool, err error) {
	found, err := l.Queue.Find(ctx, f, limit)
	if err != nil {
		return nil, nil, false, err
	}
	seen := map[queue.ID]bool{}
	for _, it := range found.Items {
		seen[it.ID] = true
		present = append(present, frameOf(it))
	}
	for _, r := range found.Receipts {
		if !seen[r.ID] {
			seen[r.ID] = true
			left = append(left, frameOfReceipt(r))
		}
	}
	return present, left, found.More, nil
}

func (l Local) exact(id queue.ID) (present, left []Frame, err error) {
	it, err := l.Queue.Item(id)
	if err == nil {
		return []Frame{frameOf(it)}, nil, nil
	}
	if !errors.Is(err, queue.ErrNotFound) {
		return nil, nil, err
	}
	r, err := l.Queue.Receipt(id)
	if err == nil {
		return nil, []Frame{frameOfReceipt(r)}, nil
	}
	if errors.Is(err, queue.ErrNotFound) {
		return nil, nil, nil
	}
	return nil, nil, err
}

func one(ref string, frames []Frame) (Frame, error) {
	switch len(frames) {
	case 0:
		return Frame{}, fmt.Errorf("%w: %s", queue.ErrNotFound, ref)
	case 1:
		return frames[0], nil
	}
	e := &AmbiguousError{Ref: ref}
	for _, f := range frames[:min(len(frames), maxNamed)] {
		e.IDs = append(e.IDs, f.ID)
	}
	return Frame{}, e
}

// present is Show for one that something is to be done to.
func (l Local) present(ctx context.Context, ref string) (Frame, error) {
	present, left, err := l.find(ctx, ref)
	if err != nil {
		return Frame{}, err
	}
	if len(present) == 0 && len(left) == 1 {
		return left[0], goneError(left[0])
	}
	return one(ref, present)
}

func goneError(f Frame) error {
	return fmt.Errorf("%w: %s was %v at %s", ErrLeft, f.ID, f.State, f.LeftAt.Format(time.RFC3339))
}

// Payload opens the file.
func (l Local) Payload(_ context.Context, id queue.ID) (io.ReadCloser, error) {
	f, err := l.Queue.Payload(id)
	if err != nil {
		return nil, err // not f: a nil *os.File in an interface is no nil
	}
	return f, nil
}

// Retry lets one go.
func (l Local) Retry(ctx context.Context, ref, by string) (Frame, error) {
	f, err := l.present(ctx, ref)
	if err != nil {
		return Frame{}, err
	}
	if err := l.Queue.Retry(ctx, f.ID); err != nil {
		return Frame{}, err
	}
	l.Log.Info("frame is to be tried again: a person says so", "frame", f.ID, "was", f.State, "by", l.signed(by))
	return l.Show(ctx, string(f.ID))
}

// RetryPage lets many go.
func (l Local) RetryPage(ctx context.Context, f queue.Filter, p queue.Page, by string) (int, queue.Page, error) {
	ids, next, err := l.Queue.RetryPage(ctx, f, p)
	if len(ids) > 0 {
		l.Log.Info("frames are to be tried again: a person says so", "frames", len(ids), "first", ids[0],
			"last", ids[len(ids)-1], "was", f.State, "by", l.signed(by))
	}
	return len(ids), next, err
}

// Drop gives one up.
func (l Local) Drop(ctx context.Context, ref, by, reason string) (Frame, error) {
	f, err := l.present(ctx, ref)
	if err != nil {
		return Frame{}, err
	}
	if err := l.Queue.DropBy(ctx, f.ID, l.signed(by), reason); err != nil {
		return Frame{}, err
	}
	dropped, err := l.Show(ctx, string(f.ID))
	if err != nil {
		return Frame{}, err
	}
	if dropped.State != queue.Dropped { // it was delivered between the look and the deed
		return Frame{}, goneError(dropped)
	}
	l.Log.Warn("frame is dropped: a person says so", "frame", f.ID, "was", f.State, "by", dropped.By, "reason", dropped.Note)
	return dropped, nil
}

// Verify has the queue verify itself.
func (l Local) Verify(ctx context.Context, quick bool, found func(Finding) error) (Verified, error) {
	v, err := l.Queue.Verify(ctx, quick, func(f queue.Finding) error { return found(findingOf(f)) })
	return Verified(v), err
}

// signed is what log and receipt say of who acts: what is proven, and what the caller says beside it.
func (l Local) signed(by string) string {
	by = strings.TrimSpace(by)
	switch {
	case by == "" && l.Who == "":
		return "unknown"
	case l.Who == "":
		return by + " (unproven)"
	case by == "" || strings.HasPrefix(l.Who, by+" "):
		return l.Who
	}
	return by + ", as " + l.Who
}
