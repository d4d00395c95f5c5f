package doctor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"shelfagent/uploader"
)

// patient begins to ask a disk, and returns what waits for the answer as long as ctx lasts: a network mount whose server is
// gone never answers, and nothing ends the wait for it but the end of this process. Without an answer there is silent.
func patient[T any](ctx context.Context, silent T, ask func() T) (wait func() T) {
	done := make(chan T, 1)
	go func() { done <- ask() }()
	return func() T {
		select {
		case answer := <-done:
			return answer
		case <-ctx.Done():
		}
		select {
		case answer := <-done: // it was waiting, too
			return answer
		default:
			return silent
		}
	}
}

// diskStep is a step that asks a disk, begun.
func diskStep(ctx context.Context, name string, step func() Result) (wait func() Result) {
	began := time.Now()
	silent := fail(name, "the disk does not answer", "If the folder is on another machine, see whether that is there; then unmount it with umount -l, and mount it anew. "+
		"If it is a disk of this machine, see the system's log.")
	silent.Means = "Frames can be neither read nor written there."
	if deadline, ok := ctx.Deadline(); ok {
		silent.Seconds = deadline.Sub(began).Round(time.Millisecond).Seconds()
	}
	return patient(ctx, silent, func() Result { return step().since(began) })
}

// found is what the configuration and the files that it names say of the way.
type found struct {
	options uploader.Options
	err     error
}

// read begins to read those files.
func read(ctx context.Context, options func(*slog.Logger) (uploader.Options, error)) (wait func() found) {
	silent := found{err: errors.New("the disk of the certificates does not answer")}
	return patient(ctx, silent, func() found {
		o, err := options(nil)
		return found{o, err}
	})
}
