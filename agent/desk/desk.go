package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"shelfagent/queue"
)

// Errors that a caller decides on, beside the queue's ErrNotFound, ErrInvalid, ErrLeased and ErrClosed, and
// AmbiguousError.
var (
	ErrLeft = errors.New("it has left the queue already")
	ErrBusy = errors.New("another one is under way; try again when it has ended")
)

// Desk is a queue for people. A ref is an ID, or the first hex digits of a digest: at least MinRef. By is what the
// caller says of itself.
type Desk interface {
	Stats(ctx context.Context) (Stats, error)

	// List returns a page of frames in the order of IDs, and the next page, whose After is "" at the end.
	List(ctx context.Context, f queue.Filter, p queue.Page) ([]Frame, queue.Page, error)

	// Show returns a frame, or what is left of one that has gone.
	Show(ctx context.Context, ref string) (Frame, error)

	// Find returns the frames that a filter selects, in the queue or gone from it: at most limit of each, those that are
	// still there first. State is not looked at.
	Find(ctx context.Context, f queue.Filter, limit int) (Found, error)

	// Payload gives the bytes as they are on the disk; fs.ErrNotExist when they are not. The caller closes it. A
	// stream that breaks ends with an error, never with io.EOF.
	Payload(ctx context.Context, id queue.ID) (io.ReadCloser, error)

	// Retry lets a frame go again at once, with its attempts forgotten. One that is leased is left alone.
	Retry(ctx context.Context, ref, by string) (Frame, error)

	// RetryPage is Retry for a page of what a filter selects; its State is Parked or Deferred. It returns how many
	// it has let go.
	RetryPage(ctx context.Context, f queue.Filter, p queue.Page, by string) (int, queue.Page, error)

	// Drop gives a frame up for good, and returns what is left of it.
	Drop(ctx context.Context, ref, by, reason string) (Frame, error)

	// Verify holds the whole queue against itself and changes nothing; see queue.Verify.
	Verify(ctx context.Context, quick bool, found func(Finding) error) (Verified, error)
}

// MinRef is how many digits of a digest name a frame at least.
const MinRef = 4

// AmbiguousError says that a ref names more than one frame.
type AmbiguousError struct {
	Ref string
	IDs []queue.ID // some of them
}

func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		names[i] = "\n  " + string(id)
	}
	return fmt.Sprintf("%s is the beginning of more than one frame's digest; name one of:%s", e.Ref, strings.Join(names, ""))
}

// RetryAll retries everything that a filter selects and another try can help, page by page: what is parked, then what is
// deferred, or only what the filter's State says.
func RetryAll(ctx context.Context, d Desk, f queue.Filter, by string) (int, error) {
	states := []queue.State{queue.Parked, queue.Deferred}
	if f.State != 0 {
		states = []queue.State{f.State}
	}
	total := 0
	for _, f.State = range states {
		for page := (queue.Page{Limit: pageSize}); ; {
			n, next, err := d.RetryPage(ctx, f, page, by)
			total += n
			if err != nil {
				return total, err
			}
			if next.After == "" {
				break
			}
			page = next
		}
	}
	return total, nil
}

// pageSize is how many frames are asked for at once.
const pageSize = 500

// Each calls one for every frame that a filter selects, page by page. An error of one's ends it.
func Each(ctx context.Context, d Desk, f queue.Filter, one func(Frame) error) error {
	for page := (queue.Page{Limit: pageSize}); ; {
		frames, next, err := d.List(ctx, f, page)
		if err != nil {
			return err
		}
		for _, frame := range frames {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := one(frame); err != nil {
				return err
			}
		}
		if next.After == "" {
			return nil
		}
		page = next
	}
}
