// Package patience asks disks that may never answer: a network mount whose server is gone makes every look at it wait, and
// nothing ends that wait but the end of this process. Whoever asks goes on without the answer.
//
// It is for commands that end soon: each look that hangs keeps a goroutine and a thread until then. What runs for months
// begins no look before the last one has ended, as agent/capture does.
package patience

import "context"

// Ask begins to ask, and returns what waits for the answer as long as ctx lasts. Without an answer there is silent.
func Ask[T any](ctx context.Context, silent T, ask func() T) (wait func() T) {
	done := make(chan T, 1)
	go func() { done <- ask() }()
	return func() T {
		select {
		case answer := <-done:
			return answer
		case <-ctx.Done():
		}
		select {
		case answer := <-done: // it was there in time, too
			return answer
		default:
			return silent
		}
	}
}
