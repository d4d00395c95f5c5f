//go:build linux && (amd64 || arm64)

package powercut

import (
	"fmt"
	"slices"

	"shelfagent/queue"
)

// The classes of faults.
const (
	faultUnopened  = "unopened"  // the queue does not open by itself, or does not work
	faultLost      = "lost"      // a frame whose Put had returned is gone, or its bytes are
	faultResent    = "resent"    // a frame that had been delivered or dropped is back
	faultHollow    = "hollow"    // a record has no payload, or not its own; the source may still be there
	faultForgotten = "forgotten" // a frame is there, but in another state, with fewer attempts, without its record or its receipt
	faultTwice     = "twice"     // a frame is there twice, or is handed out twice
	faultDamaged   = "damaged"   // something was damaged, though nothing rots here
	faultStray     = "stray"     // a payload without an item, or an item of a frame that was never put
	faultUnput     = "unput"     // a frame whose Put had not returned cannot be put again
	faultFiles     = "files"     // the file system itself is beyond repair
)

var allFaults = []string{faultUnopened, faultLost, faultResent, faultHollow, faultForgotten, faultTwice, faultDamaged,
	faultStray, faultUnput, faultFiles}

// fault is a broken promise.
type fault struct {
	class string
	id    queue.ID // "": the queue itself
	text  string
}

func (f fault) String() string { return fmt.Sprintf("%s %s: %s", f.class, f.id, f.text) }

// judge compares what a queue holds after a cut with what was promised before it.
func (p promises) judge(cut int, r report) (faults []fault) {
	add := func(class string, id queue.ID, format string, args ...any) {
		faults = append(faults, fault{class, id, fmt.Sprintf(format, args...)})
	}
	if r.Died != "" || r.Err != "" {
		add(faultUnopened, "", "%s%s", r.Died, r.Err)
		return faults
	}
	items := map[queue.ID]found{}
	for _, it := range r.Items {
		if _, twice := items[it.ID]; twice {
			add(faultTwice, it.ID, "in two states")
		}
		items[it.ID] = it
		if p[it.ID] == nil {
			add(faultStray, it.ID, "was never put")
		}
	}
	for id, l := range p {
		it, there := items[id]
		if class, text := compare(l.at(cut), it, there, r.Left[id], l.recipe); class != "" {
			add(class, id, "%s", text)
		}
	}
	for _, id := range r.Strays {
		add(faultStray, queue.ID(id), "a payload that no item has")
	}
	h := r.Healed
	if h.Damage != "" || h.Missing+h.Damaged+h.Aside+h.Records+h.Recount > 0 || len(r.Damaged) > 0 {
		add(faultDamaged, "", "%+v, %q", h, r.Damaged)
	}
	faults = append(faults, judgeLeases(items, r.Leased)...)
	for id, state := range r.Put {
		if !r.PutWhole[id] && state != queue.Delivered.String() {
			add(faultUnput, id, "%s", state)
		}
	}
	if r.Again != "" {
		add(faultUnopened, "", "opened again: %s", r.Again)
	}
	return faults
}

// compare returns the class of what is wrong with a frame: "" is nothing.
func compare(wants []want, it found, there bool, left queue.State, made recipe) (class, text string) {
	may := func(f func(want) bool) bool { return slices.ContainsFunc(wants, f) }
	if may(func(w want) bool { return w.fits(it, there, left, made) }) {
		return "", ""
	}
	text = fmt.Sprintf("is %+v, receipt %v; wanted %v", it, left, wants)
	needed := !may(func(w want) bool { return !w.in })
	switch {
	case there && !may(func(w want) bool { return w.in }):
		return faultResent, text
	case there && !it.Whole && needed, !there && needed:
		return faultLost, text
	case there && !it.Whole:
		return faultHollow, text
	}
	return faultForgotten, text
}

// fits tells whether what is there of a frame is what is wanted.
func (w want) fits(it found, there bool, left queue.State, made recipe) bool {
	if !w.in {
		return !there && left == w.left
	}
	return there && it.Whole && it.Attempts >= w.attempts && (w.states == nil || slices.Contains(w.states, it.State)) &&
		(!w.recorded || !it.Rebuilt && it.Source == made.source())
}

func judgeLeases(items map[queue.ID]found, leased []queue.ID) (faults []fault) {
	seen := map[queue.ID]bool{}
	for _, id := range leased {
		switch it, there := items[id]; {
		case seen[id]:
			faults = append(faults, fault{faultTwice, id, "was handed out twice"})
		case !there || it.State == queue.Parked:
			faults = append(faults, fault{faultStray, id, fmt.Sprintf("was handed out, but is %+v", it)})
		}
		seen[id] = true
	}
	for id, it := range items {
		if it.State == queue.Waiting && !seen[id] {
			faults = append(faults, fault{faultForgotten, id, "is waiting, but was not handed out"})
		}
	}
	return faults
}
