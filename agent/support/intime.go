package support

import (
	"context"
	"time"
)

// diskTimeout ends the wait for disks. Healthy ones answer in milliseconds.
const diskTimeout = 10 * time.Second

// noAnswer is said of a disk that does not.
const noAnswer = "the disk does not answer"

// inTime asks about all at once, and waits so long for all together: a network mount whose server is gone never
// answers, and nothing ends the wait for it but the end of this process. Of what does not answer in time there is silent.
func inTime[T any](ctx context.Context, most time.Duration, of []string, silent T, ask func(string) T) []T {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	waits := make([]chan T, len(of))
	for i, what := range of {
		waits[i] = make(chan T, 1)
		go func() { waits[i] <- ask(what) }()
	}
	answers := make([]T, len(of))
	for i, wait := range waits {
		select {
		case answers[i] = <-wait:
		case <-ctx.Done():
			answers[i] = silent
			select {
			case answers[i] = <-wait: // it was waiting, too
			default:
			}
		}
	}
	return answers
}
