package support

import (
	"context"
	"time"

	"shelfagent/agent/patience"
)

// diskTimeout ends the wait for disks. Healthy ones answer in milliseconds.
const diskTimeout = 10 * time.Second

// noAnswer is said of a disk that does not.
const noAnswer = "the disk does not answer"

// inTime asks about all at once, and waits so long for all together. Of what does not answer in time there is silent.
func inTime[T any](ctx context.Context, most time.Duration, of []string, silent T, ask func(string) T) []T {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	waits := make([]func() T, len(of))
	for i, what := range of {
		waits[i] = patience.Ask(ctx, silent, func() T { return ask(what) })
	}
	answers := make([]T, len(of))
	for i, wait := range waits {
		answers[i] = wait()
	}
	return answers
}
