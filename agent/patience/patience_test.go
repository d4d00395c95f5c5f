package patience

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestAllAreWaitedForTogether: however many hang, the wait is one, and those that answer are heard.
func TestAllAreWaitedForTogether(t *testing.T) {
	const most = 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), most)
		defer cancel()
		began, hang := time.Now(), make(chan struct{})
		var waits []func() string
		for _, what := range []string{"hangs", "answers", "hangs", "is slow"} {
			waits = append(waits, Ask(ctx, "silent", func() string {
				switch what {
				case "hangs":
					<-hang
				case "is slow":
					time.Sleep(most - time.Second) // of the bubble's clock
				}
				return what
			}))
		}
		var got []string
		for _, wait := range waits {
			got = append(got, wait())
		}
		if want := []string{"silent", "answers", "silent", "is slow"}; !slices.Equal(got, want) || time.Since(began) != most {
			t.Errorf("%q after %s", got, time.Since(began))
		}
		close(hang)
	})
}
