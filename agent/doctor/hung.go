package doctor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"shelfagent/agent/patience"
	"shelfagent/uploader"
)

// diskStep is a step that asks a disk, begun.
func diskStep(ctx context.Context, name string, step func() Result) (wait func() Result) {
	began := time.Now()
	silent := fail(name, "the disk does not answer", "If the folder is on another machine, see whether that is there; then unmount it with umount -l, and mount it anew. "+
		"If it is a disk of this machine, see the system's log.")
	silent.Means = "Frames can be neither read nor written there."
	if deadline, ok := ctx.Deadline(); ok {
		silent.Seconds = deadline.Sub(began).Round(time.Millisecond).Seconds()
	}
	return patience.Ask(ctx, silent, func() Result { return step().since(began) })
}

// found is what the configuration and the files that it names say of the way.
type found struct {
	options uploader.Options
	err     error
}

// read begins to read those files.
func read(ctx context.Context, options func(*slog.Logger) (uploader.Options, error)) (wait func() found) {
	silent := found{err: errors.New("the disk of the certificates does not answer")}
	return patience.Ask(ctx, silent, func() found {
		o, err := options(nil)
		return found{o, err}
	})
}
