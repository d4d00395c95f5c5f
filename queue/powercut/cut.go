//go:build linux && (amd64 || arm64)

package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// medium makes states of a disk real, so that a queue can be opened on them.
type medium interface {
	// begin returns the disk as it was when the record began.
	begin(ops []op, c covering) *replay
	// policies are what can be kept of what was not synced, and sector is what is written whole.
	policies() (names []string, sector int)
	// write makes a state at a path where nothing is.
	write(at string, r *replay, k keeping) error
	// open returns the queue's directory in a state. Its error is a fault of what was written. The caller calls
	// close when the queue is not in use any more, whatever the error; nothing is left then.
	open(at string) (dir string, close func() error, err error)
}

// cutter cuts the power at many positions of a record and has each state inspected.
type cutter struct {
	medium    medium
	ops       []op
	promises  promises
	covering  covering // nil: the disk does what it is told
	from, to  int      // cuts outside are of no interest; to 0: the end of the record
	scratch   string   // a directory in memory
	inspector *inspector
}

// cutState is a state that has been written.
type cutState struct {
	at      string
	cut     int
	keeping keeping
	open    int // recent changes that were not synced
	err     error
}

// run looks at about n states, of every policy at random cuts, in the order of the record, or until enough says so.
func (c *cutter) run(n int, random *rand.Rand, enough func(survey) bool) (s survey, err error) {
	cuts := c.cuts(n, random)
	states := make(chan cutState, 1)
	stop := make(chan struct{})
	go func() {
		defer close(states)
		c.write(cuts, random, states, stop)
	}()
	for st := range states {
		if err == nil {
			err = st.err
		}
		if err == nil {
			var faults []fault
			faults, err = c.look(st, s.states%8 == 0)
			s.count(st, fmt.Sprintf("cut at %d of %d, %v", st.cut, len(c.ops), st.keeping), faults)
		}
		if stop != nil && (err != nil || enough != nil && enough(s)) {
			close(stop)
			stop = nil
		}
	}
	return s, err
}

// cuts draws positions, half of them where the most is at stake among eight that end a sync.
func (c *cutter) cuts(states int, random *rand.Rand) []int {
	policies, _ := c.medium.policies()
	cuts := make([]int, (states+len(policies)-1)/len(policies))
	syncs, stake := c.stakes()
	for i := range cuts {
		cuts[i] = c.from + random.IntN(c.end()+1-c.from)
		if i%2 == 0 && len(syncs) > 8 { // fewer: flushes are kept from the disk
			cuts[i] = syncs[random.IntN(len(syncs))]
			for range 7 {
				if at := syncs[random.IntN(len(syncs))]; stake[at] > stake[cuts[i]] {
					cuts[i] = at
				}
			}
		}
	}
	slices.Sort(cuts)
	return cuts
}

func (c *cutter) end() int {
	if c.to == 0 {
		return len(c.ops)
	}
	return c.to
}

// recent is how old a change may be, in operations, to be at stake; names in tmp/ are never synced, and nobody cares.
const recent = 300

// stakes finds the ends of syncs, and counts what is not durable just before each.
func (c *cutter) stakes() (syncs []int, stake map[int]int) {
	stake = map[int]int{}
	r := c.medium.begin(c.ops, c.covering)
	for at := c.from; at < c.end(); at++ {
		if c.ops[at].kind == opSync {
			r.advance(at)
			syncs = append(syncs, at)
			stake[at] = r.open(at - recent)
		}
	}
	return syncs, stake
}

// write makes states while others are inspected.
func (c *cutter) write(cuts []int, random *rand.Rand, states chan<- cutState, stop <-chan struct{}) {
	r := c.medium.begin(c.ops, c.covering)
	policies, sector := c.medium.policies()
	for i, cut := range cuts {
		r.advance(cut)
		for _, policy := range policies {
			st := cutState{at: filepath.Join(c.scratch, fmt.Sprintf("%d-%s", i, policy)), cut: cut,
				open:    r.open(cut - recent),
				keeping: newKeeping(policy, cut, sector, random)}
			st.err = c.medium.write(st.at, r, st.keeping)
			select {
			case states <- st:
			case <-stop:
				_ = os.RemoveAll(st.at) // scratch
				return
			}
		}
	}
}

// any writes one state, which stays.
func (c *cutter) any(random *rand.Rand) (cutState, error) {
	policies, sector := c.medium.policies()
	cut := c.from + random.IntN(c.end()+1-c.from)
	st := cutState{at: filepath.Join(c.scratch, "any"), cut: cut,
		keeping: newKeeping(policies[random.IntN(len(policies))], cut, sector, random)}
	r := c.medium.begin(c.ops, c.covering)
	r.advance(cut)
	return st, c.medium.write(st.at, r, st.keeping)
}

// look has a state inspected and judged. Its error is the rig's own.
func (c *cutter) look(st cutState, twice bool) (faults []fault, err error) {
	dir, closeState, err := c.medium.open(st.at)
	if err != nil {
		faults = []fault{{faultFiles, "", err.Error()}}
	} else {
		r := c.inspector.inspect(question{Dir: dir, Put: c.promises.unfinished(st.cut), Twice: twice})
		faults = c.promises.judge(st.cut, r)
	}
	return faults, closeState()
}
