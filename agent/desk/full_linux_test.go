package desk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shelfagent/queue"
)

// TestExportToAFullStick exports to real, small file systems, one page larger each time, so that each write of the
// export is the one that finds no room: whatever is on the stick then is whole and listed, and a larger one is
// completed by the same export.
func TestExportToAFullStick(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: that a full stick has nothing half on it. Run this as root, it mounts a tmpfs.")
	}
	r := newRig(t)
	const frames = 12
	for n := range frames {
		payload := bytes.Repeat(fmt.Appendf(nil, "picture %04d;", n), 700)
		_, err := r.Put(t.Context(), queue.New{Camera: "cam-1", CapturedAt: day.Add(time.Duration(n) * time.Second), Ext: "jpg",
			SHA256: sha256.Sum256(payload), Payload: payload, Source: string(payload[:1500])})
		must(t, err)
	}
	d := Local{Queue: r.Queue, Log: r.logger()}
	page := os.Getpagesize()
	refused := 0
	for pages := 2; pages < 40; pages++ {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", pages*page)); err != nil {
			t.Skip("NOT TESTED: that a full stick has nothing half on it. No tmpfs can be mounted here: ", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		done, _, err := exportTo(t, d, dir, queue.Filter{})
		if !errors.Is(err, ErrNoRoom) {
			t.Fatalf("%d pages: %+v, %v", pages, done, err)
		}
		if listed := wantStick(t, dir); int64(len(listed)) != done.Written {
			t.Errorf("%d pages: %d listed, %+v", pages, len(listed), done)
		}
		refused++
		if pages%10 != 0 {
			continue
		}
		must(t, unix.Mount("", dir, "tmpfs", unix.MS_REMOUNT, "size=8m"))
		again, _, err := exportTo(t, d, dir, queue.Filter{})
		if err != nil || again.Kept != done.Written || again.Kept+again.Written != frames {
			t.Errorf("%d pages, then more: %+v after %+v, %v", pages, again, done, err)
		}
		if listed := wantStick(t, dir); len(listed) != frames {
			t.Errorf("%d listed", len(listed))
		}
	}
	if refused == 0 {
		t.Error("nothing was ever full")
	}
}
