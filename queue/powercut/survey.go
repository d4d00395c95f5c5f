//go:build linux

package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// cutter cuts the power at many positions of a record of the strict disk and has each state inspected.
type cutter struct {
	ops       []op
	promises  promises
	covering  covering // nil: the disk does what it is told
	from      int      // cuts before it are of no interest
	scratch   string   // a directory in memory
	inspector *inspector
}

// cutState is a state that has been written.
type cutState struct {
	dir     string
	cut     int
	keeping keeping
	err     error
}

// run looks at n states at random, in the order of the record, or until enough says so.
func (c *cutter) run(n int, random *rand.Rand, enough func(survey) bool) (survey, error) {
	cuts := make([]int, (n+len(strictPolicies)-1)/len(strictPolicies))
	for i := range cuts {
		cuts[i] = c.from + random.IntN(len(c.ops)+1-c.from)
	}
	slices.Sort(cuts)
	return c.runAt(cuts, random, enough)
}

// runAt looks at the states of every policy at these cuts.
func (c *cutter) runAt(cuts []int, random *rand.Rand, enough func(survey) bool) (s survey, err error) {
	states := make(chan cutState, 1)
	stop := make(chan struct{})
	go func() {
		defer close(states)
		c.write(cuts, random, states, stop)
	}()
	for st := range states {
		if err == nil && st.err == nil {
			faults := c.look(st, s.states%8 == 0)
			s.count(st.keeping.policy, fmt.Sprintf("cut at %d of %d, %v", st.cut, len(c.ops), st.keeping), faults)
		}
		if err == nil {
			err = st.err
		}
		if stop != nil && (err != nil || enough != nil && enough(s)) {
			close(stop)
			stop = nil
		}
	}
	return s, err
}

// write makes states while others are inspected.
func (c *cutter) write(cuts []int, random *rand.Rand, states chan<- cutState, stop <-chan struct{}) {
	r := newReplay(c.ops, c.covering)
	for i, cut := range cuts {
		r.advance(cut)
		for _, policy := range strictPolicies {
			st := cutState{dir: filepath.Join(c.scratch, fmt.Sprintf("%d-%s", i, policy)), cut: cut,
				keeping: newKeeping(policy, cut, strictSector, random)}
			if st.err = os.Mkdir(st.dir, 0o700); st.err == nil {
				st.err = writeState(st.dir, r.state(st.keeping))
			}
			select {
			case states <- st:
			case <-stop:
				_ = os.RemoveAll(st.dir) // scratch
				return
			}
		}
	}
}

func (c *cutter) look(st cutState, twice bool) []fault {
	r := c.inspector.inspect(question{Dir: filepath.Join(st.dir, queueDir), Put: c.promises.unfinished(st.cut), Twice: twice})
	_ = os.RemoveAll(st.dir) // scratch
	return c.promises.judge(st.cut, r)
}

// survey counts states and what was wrong with them.
type survey struct {
	states int
	policy map[string]int
	faulty map[string]int // states with a fault of a class
	losses int            // frames lost, in all states
	seen   []string       // the first faults of each class in words
}

const seenMost = 3

func (s *survey) count(policy, where string, faults []fault) {
	if s.policy == nil {
		s.policy, s.faulty = map[string]int{}, map[string]int{}
	}
	s.states++
	s.policy[policy]++
	classes := map[string]bool{}
	for _, f := range faults {
		if f.class == faultLost {
			s.losses++
		}
		if !classes[f.class] && s.faulty[f.class] < seenMost {
			s.seen = append(s.seen, where+": "+f.String())
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
	b.WriteString(")")
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
