package capture

import "time"

// firstScanHold is how long a camera's files are kept back while its first scan goes on, so that the oldest goes
// first; a folder that takes longer to list starts with the oldest found by then.
const firstScanHold = time.Second

// camera is what is known of one camera and its files. All fields are guarded by the ledger's lock.
type camera struct {
	id      string
	entries map[string]*entry // by path; every known file
	ready   []*entry          // by age
	waiting int               // entries that are in ledger.later

	more    bool   // there are files that did not fit
	horizon *entry // the oldest of them; nothing younger may be handed out before the next scan
	scan    uint64 // counts scans; entries carry the last one that saw them
	scanned bool   // what is noticed from now on has arrived while running
	safe    *entry // while scanning: only files older than this are in order (nil: see hold)
	hold    time.Time

	folders []string // first-level folders, as on disk; "." for Dir itself
	present bool     // at the last scan
	total   int      // files waiting, those that did not fit included
	newest  time.Time
	arrived time.Time // when a new file was last noticed while running
	handed  uint64
	taken   uint64
	blind   string // why a folder could not be listed at the last scan
}

// get returns the camera, nil if there are too many already.
func (l *ledger) get(id string) *camera {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.cameras[id]
	if c == nil && len(l.cameras) < maxCameras {
		c = &camera{id: id, entries: map[string]*entry{}, scanned: l.started}
		l.cameras[id] = c
		l.turns = append(l.turns, c)
	}
	return c
}

// begin starts a scan of c, which the caller must end. Until then no younger file overtakes one not yet listed.
func (l *ledger) begin(c *camera, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.scan++
	c.total = 0
	if c.scan == 1 {
		c.hold = now.Add(firstScanHold)
	}
	c.safe = c.horizon
	c.more, c.horizon = false, nil
}

// end ends a scan. After one without an error, files that it did not see are forgotten.
func (l *ledger) end(c *camera, folders []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.hold, c.safe = time.Time{}, nil
	c.folders, c.present = folders, len(folders) > 0
	c.blind = ""
	if err != nil {
		c.blind = err.Error()
	} else {
		c.scanned = true
		for _, e := range c.entries {
			if e.scan != c.scan && e.place != isOut {
				l.forget(e)
			}
		}
	}
	l.wake()
}

// fits says whether e may be listed, given what is listed already.
func (c *camera) fits(e *entry, limit int) bool {
	if c.more && older(e, c.horizon) >= 0 {
		return false
	}
	if !c.full(limit) {
		return true
	}
	if len(c.ready) > 0 && older(e, c.ready[len(c.ready)-1]) < 0 {
		return true
	}
	c.unlisted(e)
	return false
}

// full counts files that wait for a time of their own apart, so that many of them do not keep out the others.
func (c *camera) full(limit int) bool {
	return len(c.entries)-c.waiting >= limit || len(c.entries) >= 2*limit
}

// unlisted takes note that e is left to a later scan.
func (c *camera) unlisted(e *entry) {
	c.more = true
	if c.horizon == nil || older(e, c.horizon) < 0 {
		c.horizon = &entry{path: e.path, info: e.info}
	}
}

// first returns the oldest file that may be handed out now, or else the earlier of again and when to ask anew.
func (c *camera) first(now, again time.Time) (*entry, time.Time) {
	if len(c.ready) == 0 {
		return nil, again
	}
	e := c.ready[0]
	if c.safe != nil && older(e, c.safe) >= 0 {
		return nil, again
	}
	if c.hold.After(now) {
		return nil, earlier(again, c.hold)
	}
	return e, again
}

// noticed takes note of a file that was not known. What lay there at the first scan did not arrive now, and what did
// not fit earlier is new only if it is younger than all.
func (c *camera) noticed(in info, now time.Time) {
	younger := in.mtime.After(c.newest)
	if c.scanned && (younger || c.safe == nil && !c.more) {
		c.arrived = now
	}
	if younger {
		c.newest = in.mtime
	}
}

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// absent takes note of cameras that have no folder any more; folders holds those that have.
func (l *ledger) absent(folders map[string][]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, c := range l.cameras {
		if _, ok := folders[id]; ok {
			continue
		}
		c.present, c.more, c.horizon, c.total, c.blind = false, false, nil, 0, ""
		c.scanned = true // what comes after this arrives while we watch
		for _, e := range c.entries {
			if e.place != isOut {
				l.forget(e)
			}
		}
	}
}

// scanned takes note that the whole folder has been scanned once: a camera that appears later is new.
func (l *ledger) scanned() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.started = true
}

// pause stops handing out, or resumes it.
func (l *ledger) pause(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused != on {
		l.paused = on
		l.wake()
	}
}
