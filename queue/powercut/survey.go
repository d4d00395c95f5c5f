//go:build linux && (amd64 || arm64)

package powercut

import (
	"fmt"
	"slices"
	"strings"
)

// survey counts states and what was wrong with them.
type survey struct {
	states int
	open   int // recent changes that were not synced, in all states
	policy map[string]int
	faulty map[string]int // states with a fault of a class
	losses int            // frames lost, in all states
	seen   []sighting     // the first faults of each class
}

const seenMost = 3

// sighting is a fault, and where it was seen.
type sighting struct {
	fault
	where string
	cut   int
}

func (s sighting) String() string { return s.where + ": " + s.fault.String() }

func (s *survey) count(st cutState, where string, faults []fault) {
	if s.policy == nil {
		s.policy, s.faulty = map[string]int{}, map[string]int{}
	}
	s.states++
	s.open += st.open
	s.policy[st.keeping.policy]++
	classes := map[string]bool{}
	for _, f := range faults {
		if f.class == faultLost {
			s.losses++
		}
		if !classes[f.class] && s.faulty[f.class] < seenMost {
			s.seen = append(s.seen, sighting{f, where, st.cut})
		}
		classes[f.class] = true
	}
	for c := range classes {
		s.faulty[c]++
	}
}

func (s *survey) add(other survey) {
	for _, policy := range other.policies() {
		if s.policy == nil {
			s.policy, s.faulty = map[string]int{}, map[string]int{}
		}
		s.policy[policy] += other.policy[policy]
	}
	for class, n := range other.faulty {
		s.faulty[class] += n
	}
	s.states += other.states
	s.losses += other.losses
	s.open += other.open
	s.seen = append(s.seen, other.seen[:min(len(other.seen), max(0, 20-len(s.seen)))]...)
}

func (s *survey) policies() (names []string) {
	for name := range s.policy {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String is one line: states by policy, states with faults by class, frames lost.
func (s *survey) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d states (", s.states)
	for i, name := range s.policies() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %d", name, s.policy[name])
	}
	fmt.Fprintf(&b, "; %d recent changes not synced on average)", s.open/max(s.states, 1))
	for _, class := range allFaults {
		if n := s.faulty[class]; n > 0 {
			fmt.Fprintf(&b, ", %s in %d", class, n)
		}
	}
	if s.losses > 0 {
		fmt.Fprintf(&b, ", %d losses of frames", s.losses)
	}
	return b.String()
}
