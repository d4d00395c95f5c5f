package capture

import (
	"context"
	"testing"
	"time"
)

// TestAScanThatHangsBreaksItsWord: between two scans the loop may be silent for the pause, in one for the patience.
func TestAScanThatHangsBreaksItsWord(t *testing.T) {
	said := make(chan time.Duration, 999)
	r := open(t, func(o *Options) { o.Progress = func(within time.Duration) { said <- within } })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.scanLoop(ctx) }() // without events: only the test asks for scans
	for within := range said {               // until the first scan is over
		if within == time.Hour+patience {
			break
		}
	}
	r.scanning.Lock()
	r.kick()
	if got := <-said; got != patience {
		t.Errorf("before a scan: %v", got)
	}
	select {
	case got := <-said:
		t.Errorf("it hangs, and has said %v", got)
	default:
	}
	r.scanning.Unlock()
	for within := range said {
		if within == time.Hour+patience {
			break
		}
	}
	stop()
	must(t, <-ended)
}

// TestALongScanIsHeardFrom at each file.
func TestALongScanIsHeardFrom(t *testing.T) {
	heard := 0
	r := open(t, func(o *Options) { o.Progress = func(time.Duration) { heard++ } })
	for _, name := range []string{"a.jpg", "cam-1/a.jpg", "cam-1/b.jpg", "cam-1/below/c.jpg"} {
		r.write(name, jpeg)
	}
	r.step()
	if heard < 4 {
		t.Errorf("%d times for 4 files", heard)
	}
}
