package agent

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"shelfagent/agent/frame"
)

// view is what is remembered of a camera's last frames, to tell a fault of the camera from that of one picture. There
// is one for each camera that had a frame in the queue, less than 2 KiB; capture bounds their number.
type view struct {
	same    frame.Sameness
	streaks map[frame.Fault]*streak
	hours   hours
}

// streak is a camera's way into a fault, and out of it.
type streak struct {
	bad, good int // frames in a row; one of them is 0
	on        bool
	detail    string // of the last bad one
}

// sight is one frame as it is seen after those before it.
type sight struct {
	judgement frame.Judgement
	faults    []frame.Fault
	row       int // frames in a row that look the same, this one included
}

// look judges a frame. Only remember makes it one of the camera's: it may not get into the queue, and come again.
func (in *intake) look(camera string, f *frame.Frame) sight {
	rules := in.ruling().Of(camera)
	seen := sight{judgement: frame.Judge(f.Luma, rules.Options.Masks, rules.Thresholds)}
	in.mu.Lock()
	defer in.mu.Unlock()
	var same frame.Sameness
	if v := in.views[camera]; v != nil {
		same = v.same
	}
	same = same.Next(f)
	seen.row = same.Row()
	seen.faults = same.Faults(seen.judgement, rules.Thresholds)
	return seen
}

// remember counts a frame that is in the queue.
func (in *intake) remember(camera string, f *frame.Frame, seen sight) {
	after := max(in.ruling().Of(camera).After, 1)
	in.mu.Lock()
	defer in.mu.Unlock()
	v := in.views[camera]
	if v == nil {
		v = &view{streaks: map[frame.Fault]*streak{}}
		for _, fault := range frame.Faults() {
			v.streaks[fault] = &streak{}
		}
		in.views[camera] = v
	}
	same := v.same.Next(f)
	if same == v.same {
		return // it was queued before, and its file is found again
	}
	v.same = same
	v.hours.add(f.CapturedAt, time.Now())
	for fault, s := range v.streaks {
		s.count(slices.Contains(seen.faults, fault), after, seen.detail(fault))
	}
}

// count takes one more frame. A fault begins and ends after so many frames in a row.
func (s *streak) count(bad bool, after int, detail string) {
	if bad {
		s.bad, s.good, s.detail = s.bad+1, 0, detail
	} else {
		s.bad, s.good = 0, s.good+1
	}
	if s.bad >= after {
		s.on = true
	}
	if s.good >= after {
		s.on = false
	}
}

// detail is what a person reads beside the condition.
func (s sight) detail(fault frame.Fault) string {
	switch fault {
	case frame.Dark, frame.BlownOut:
		return fmt.Sprintf("mean brightness %d of 255", s.judgement.Brightness)
	case frame.Blurred:
		return fmt.Sprintf("sharpness %d", s.judgement.Sharpness)
	case frame.Frozen:
		return fmt.Sprintf("%d frames in a row look the same", s.row)
	default:
		return ""
	}
}

// faulty lists the cameras with each fault. The caller holds mu.
func (in *intake) faulty() map[frame.Fault]map[string]string {
	all := map[frame.Fault]map[string]string{}
	for camera, v := range in.views {
		for fault, s := range v.streaks {
			if !s.on {
				continue
			}
			if all[fault] == nil {
				all[fault] = map[string]string{}
			}
			all[fault][camera] = s.detail
		}
	}
	return all
}

// hourly is the last hours of each camera. The caller holds mu.
func (in *intake) hourly(now time.Time) map[string][]int64 {
	all := map[string][]int64{}
	for camera, v := range in.views {
		all[camera] = v.hours.last(now)
	}
	return all
}

// metadata is what travels with a frame. Values are short and printable; a key that has nothing to say is left out.
func metadata(f *frame.Frame, seen sight, version, clock string) map[string]string {
	all := map[string]string{
		"width": strconv.Itoa(f.Width), "height": strconv.Itoa(f.Height), "time_source": string(f.TimeSource),
		"agent_version": version, "clock": clock,
	}
	if f.Quality > 0 {
		all["quality"] = strconv.Itoa(f.Quality)
	}
	if len(f.Reworked) > 0 {
		all["processing"] = strings.Join(f.Reworked, ",")
	}
	if seen.judgement.Measured {
		all["brightness"] = strconv.Itoa(seen.judgement.Brightness)
		all["sharpness"] = strconv.Itoa(seen.judgement.Sharpness)
	}
	if len(seen.faults) > 0 {
		names := make([]string, len(seen.faults))
		for i, fault := range seen.faults {
			names[i] = string(fault)
		}
		all["judgement"] = strings.Join(names, ",")
	}
	return all
}
