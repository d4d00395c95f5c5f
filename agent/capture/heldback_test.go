package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Promise 9: what is held back is visible for as long as it lies there, and after a restart.
func TestHeldBackIsVisible(t *testing.T) {
	r := open(t)
	held := Rejection{Code: HeldBack, Sentence: "The picture has another shape.", Detail: "mask 1"}
	for i := range 3 {
		r.write(fmt.Sprintf("cam-1/%d.jpg", i))
	}
	r.write("cam-2/0.jpg")
	r.step()
	for range 4 {
		f, reason := r.next(), held
		if f.Camera == "cam-2" {
			reason = why
		}
		must(t, f.Reject(reason))
	}
	seen := func(r *rig) string {
		text := ""
		for _, h := range r.State().Held {
			text += fmt.Sprintf("%s %d %s;", h.Camera, h.Files, h.Detail)
			equal(t, "has a time", h.Newest.IsZero(), false)
		}
		return text
	}
	equal(t, "held", seen(r), "cam-1 3 mask 1;")

	again := open(t, func(o *Options) { o.Dir, o.Rejected = r.dir, r.opts.Rejected }).run()
	until := func(want string) {
		t.Helper()
		again.kick()
		again.until("held: "+want, func(State) bool { return seen(again) == want })
	}
	until("cam-1 3 mask 1;") // after a restart

	list, err := RejectedList(r.opts.Rejected)
	must(t, err)
	taken := 0
	for _, one := range list {
		if one.Code != HeldBack {
			continue
		}
		if taken++; taken == 1 { // somebody deletes one
			must(t, os.Remove(filepath.Join(r.opts.Rejected, one.Camera, one.File)))
			until("cam-1 2 mask 1;")
			continue
		}
		_, err := RejectedRetry(r.opts.Rejected, r.dir, one)
		must(t, err)
	}
	until("")
}
