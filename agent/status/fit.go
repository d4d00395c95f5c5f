package status

import "slices"

// layout is what a terminal shows, from above.
type layout struct {
	head       []string
	conditions []condition // worst first
	facts      []string    // queue, link, disk, page
	cameras    []string    // an empty line, a heading, and one line each; or that there are none
}

// condition is one in two lengths.
type condition struct{ full, short []string }

// Lines of the cameras, with the empty line and the heading: a shop's eight are kept for as long as it goes, and some always.
const (
	eightCameras = 10
	leastCameras = 5
)

// fit makes lines of a layout, at most so many if that can be; 0 is any number. These go first, one after the other: what to
// do about lesser conditions, empty lines, the cameras beyond eight, the lesser conditions, more cameras. The worst condition
// keeps all of its words.
func fit(s layout, rows int) []string {
	full, shown, cameras, tight := len(s.conditions), len(s.conditions), len(s.cameras), false
	for {
		lines := s.lines(full, shown, cameras, tight)
		if rows <= 0 || len(lines) <= rows {
			return lines
		}
		switch {
		case full > 1:
			full--
		case !tight:
			tight = true
		case cameras > eightCameras:
			cameras--
		case shown > 1:
			shown--
		case cameras > leastCameras:
			cameras--
		default:
			return lines // it cannot be
		}
	}
}

// lines puts a layout together: so many conditions, the first of them in full, and so many lines of cameras.
func (s layout) lines(full, shown, cameras int, tight bool) []string {
	lines := append([]string(nil), s.head...)
	for i, c := range s.conditions[:shown] {
		if i < full {
			lines = append(lines, c.full...)
		} else {
			lines = append(lines, c.short...)
		}
	}
	if more := len(s.conditions) - shown; more > 0 {
		lines = append(lines, "And "+count(int64(more), "other thing", "other things")+elsewhere)
	}
	lines = append(lines, s.facts...)
	if left := len(s.cameras) - cameras; left > 0 {
		lines = append(lines, s.cameras[:cameras-1]...)
		lines = append(lines, "And "+count(int64(left+1), "other camera", "other cameras")+elsewhere)
	} else {
		lines = append(lines, s.cameras...)
	}
	if tight {
		lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	}
	return lines
}

const elsewhere = ": see the page, or a taller terminal."
