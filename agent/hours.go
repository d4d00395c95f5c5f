package agent

import "time"

// hourly is how many hours the page shows.
const hourly = 24

// hours counts a camera's frames by the hour in which they were captured. Each hour has one place, which it takes from the
// one a day before.
type hours struct {
	hour   [hourly]int64 // since 1970; which hour the count beside it is of
	frames [hourly]int64
}

// add counts a frame. What was captured more than a day ago, or is stamped by a clock that is ahead, is not counted.
func (h *hours) add(captured, now time.Time) {
	hour, present := hourOf(captured), hourOf(now)
	if hour > present || hour <= present-hourly {
		return
	}
	at := hour % hourly
	if h.hour[at] != hour {
		h.hour[at], h.frames[at] = hour, 0
	}
	h.frames[at]++
}

// last returns the counts of the last hours, the present one last.
func (h *hours) last(now time.Time) []int64 {
	counts := make([]int64, hourly)
	for i := range counts {
		hour := hourOf(now) - hourly + 1 + int64(i)
		if at := hour % hourly; h.hour[at] == hour {
			counts[i] = h.frames[at]
		}
	}
	return counts
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

// hourlyFrom is when the first of the last hours began.
func hourlyFrom(now time.Time) time.Time {
	return time.Unix((hourOf(now)-hourly+1)*3600, 0).UTC()
}
