package support

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestDisksAreWaitedForTogether: however many hang, the wait is one, and those that answer are heard.
func TestDisksAreWaitedForTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, hang := time.Now(), make(chan struct{})
		got := inTime(t.Context(), diskTimeout, []string{"hangs", "answers", "hangs", "is slow"}, noAnswer, func(what string) string {
			switch what {
			case "hangs":
				<-hang
			case "is slow":
				time.Sleep(diskTimeout - time.Second) // of the bubble's clock
			}
			return what
		})
		if want := []string{noAnswer, "answers", noAnswer, "is slow"}; !slices.Equal(got, want) || time.Since(began) != diskTimeout {
			t.Errorf("%q after %s", got, time.Since(began))
		}
		close(hang)
	})
}
