package capture

import (
	"context"
	"strings"
	"time"
)

// lookAt adds what is at rel now, if it is a file that belongs to a camera; an event, or the end of a hand-out, says
// that there may be something. A folder that has just appeared is listed at once.
func (w *Watcher) lookAt(rel string) {
	id := w.owner(rel)
	if id == "" {
		return
	}
	dir, name := split(rel)
	d, err := descend(w.opts.Dir, dir)
	if err != nil {
		return // a scan will say what is wrong
	}
	defer d.close()
	in, err := d.look(name)
	switch {
	case err != nil:
		w.ledger.gone(id, rel)
	case in.regular:
		if c := w.ledger.get(id); c != nil {
			w.ledger.add(c, rel, in, time.Now())
		}
	case in.folder && dir == "." && !ownFolder(name):
		w.lookBelow(CameraOf(name, w.opts.Folders), d, rel)
		w.kick() // State is to know the folder, too, camera or not
	case in.folder && dir != ".":
		w.lookBelow(id, d, rel)
	}
}

// lookBelow lists the folder at rel, whose parent is d.
func (w *Watcher) lookBelow(id string, d *folder, rel string) {
	depth := strings.Count(rel, "/") + 1
	if id == "" || depth > maxDepth {
		return
	}
	c := w.ledger.get(id)
	if c == nil {
		return
	}
	_, name := split(rel)
	sub, err := d.sub(name)
	if err != nil {
		return
	}
	defer sub.close()
	s := &scan{w: w, ctx: context.Background(), now: time.Now(), hint: true}
	s.walk(c, sub, rel, depth)
}

// owner returns the id of the camera that a file at rel belongs to, "" for none and for what is ignored.
func (w *Watcher) owner(rel string) string {
	for part := range strings.SplitSeq(rel, "/") {
		if ignored(part) {
			return ""
		}
	}
	if w.isRejected(rel) {
		return ""
	}
	first, _, deeper := strings.Cut(rel, "/")
	if !deeper {
		return DefaultCamera
	}
	return CameraOf(first, w.opts.Folders)
}
