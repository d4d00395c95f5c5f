package capture

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTheLongestWaitIsTheState, once it has lasted beyond the patience, and until it is answered.
func TestTheLongestWaitIsTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &Watcher{opts: Options{Dir: "/srv/cameras"}, ledger: newLedger(1, func() {}), rejected: &store{dir: "/srv/rejected"}}
		w.disk.Disk = DiskPresent
		scan := w.ask("the scan")
		time.Sleep(patience - time.Second) // the bubble's clock
		reader := w.ask("a reader")
		equal(t, "in time", w.State().Disk, DiskPresent)
		time.Sleep(time.Second)
		s := w.State()
		equal(t, "late", s.Disk, DiskSilent)
		if want := "the capture folder /srv/cameras does not answer: the scan has waited for it since 2000-01-01 00:00:00 UTC"; s.Detail != want {
			t.Errorf("%q, want %q", s.Detail, want)
		}
		scan.moved()
		equal(t, "the scan moves", w.State().Disk, DiskPresent)
		time.Sleep(patience - time.Second)
		if s := w.State(); s.Disk != DiskSilent || !strings.Contains(s.Detail, "a reader") {
			t.Errorf("a reader hangs beside a scan that moves: %+v", s)
		}
		reader.answered()
		equal(t, "answered", w.State().Disk, DiskPresent)
		scan.answered()
		time.Sleep(time.Hour)
		equal(t, "nobody waits", w.State().Disk, DiskPresent)
		defer w.rejected.ask().answered()
		time.Sleep(patience)
		if s := w.State(); s.Disk != DiskSilent || !strings.HasPrefix(s.Detail, "the rejected folder /srv/rejected does not answer") {
			t.Errorf("the rejected folder: %+v", s)
		}
	})
}

// TestALongScanIsNoHang: it moves at each file, on the first level and below.
func TestALongScanIsNoHang(t *testing.T) {
	r := open(t)
	r.write("a.jpg")
	r.write("cam-1/below/b.jpg")
	d, err := openFolder(r.dir)
	must(t, err)
	defer d.close()
	for what, look := range map[string]func(*scan){
		"the first level": func(s *scan) { must(t, s.top(d)) },
		"below":           func(s *scan) { s.camera(d, "cam-1", []string{"cam-1"}) },
	} {
		step := r.ask("the scan")
		step.since = time.Time{}
		look(&scan{w: r.Watcher, ctx: t.Context(), step: step, now: time.Now(), folders: map[string][]string{}})
		if step.since.IsZero() {
			t.Errorf("%s: the scan is not heard from", what)
		}
		step.answered()
	}
}
