//go:build linux && (amd64 || arm64)

package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if code, ours := runChild(os.Args[1:]); ours {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// long is the run that takes some ten minutes; it is asked for by POWERCUT=long.
func long() bool { return os.Getenv("POWERCUT") == "long" }

// seed is POWERCUT_SEED, or one that is drawn. It decides everything but what the scheduler decides.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := rand.Uint64()
	if text := os.Getenv("POWERCUT_SEED"); text != "" {
		var err error
		if s, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal("POWERCUT_SEED:", err)
		}
	}
	t.Logf("seed %d (set POWERCUT_SEED to have it again)", s)
	return s
}

// inMemory makes a directory that costs no disk, where there is one.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "powercut-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// needFUSE skips a test where no FUSE file system can be mounted, and says so.
func needFUSE(t *testing.T) {
	t.Helper()
	if fuseErr() != nil {
		t.Skipf("SKIPPED: NO POWER IS CUT: it takes /dev/fuse, and root or the package fuse3: %v", fuseErr())
	}
}

var fuseErr = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "powercut-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	server, err := serveStrict(dir, "", &recorder{})
	if err != nil {
		return err
	}
	return server.Unmount()
})

func newInspector(t *testing.T) *inspector {
	t.Helper()
	i := &inspector{}
	t.Cleanup(func() {
		if err := i.close(); err != nil {
			t.Errorf("an inspecting process failed: %v", err)
		}
	})
	return i
}

// wholeLife is a first start, a clean stop, a kill, a stop that is none, and work after each.
func wholeLife(puts int) []shift {
	return []shift{
		{Cameras: 6, Putters: 6, Puts: puts, End: endClose},
		{Cameras: 7, Putters: 6, Puts: 1 << 20, End: endKill, KillBy: 1000},
		{Cameras: 8, Putters: 6, Puts: puts, End: endExit},
		{Cameras: 8, Putters: 6, Puts: puts / 4, End: endClose},
	}
}

// firstFrames are a few frames for many cameras, whose directories have to be made.
func firstFrames() []shift {
	return []shift{
		{Cameras: 16, Putters: 6, Puts: 60, End: endExit},
		{Cameras: 30, Putters: 6, Puts: 1 << 20, End: endKill, KillBy: 200},
		{Cameras: 50, Putters: 6, Puts: 50, End: endClose},
	}
}

// record makes a record, ready to be cut.
func record(t *testing.T, b beginning, pace pace, random *rand.Rand, s []shift, i *inspector) *cutter {
	t.Helper()
	begin := time.Now()
	ops, from, err := recordStrict(t.TempDir(), b, pace, random, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a record of %d operations in %v", len(ops)-from, time.Since(begin).Round(time.Millisecond))
	c := newCutter(t, ops, i)
	c.from = from
	return c
}

func newCutter(t *testing.T, ops []op, i *inspector) *cutter {
	t.Helper()
	p, err := readPromises(ops)
	if err != nil {
		t.Fatal(err)
	}
	return &cutter{medium: strictDisk{}, ops: ops, promises: p, scratch: inMemory(t), inspector: i}
}

// look has states of every record inspected, and reports what is wrong. The short run ends when its time is over: round by round,
// so that each is of the whole record.
func look(t *testing.T, records, states int, budget time.Duration, next func() *cutter, random *rand.Rand) {
	t.Helper()
	const round = 70
	var all survey
	spent := time.Duration(0)
	for range records {
		c := next()
		var s survey
		begin := time.Now()
		for s.states < states && (long() || spent+time.Since(begin) < budget) {
			one, err := c.run(min(round, states-s.states), random, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(one.seen) > 0 && len(s.seen) == 0 {
				t.Log(story(c.ops, one.seen[0].id, one.seen[0].cut))
			}
			s.add(one)
		}
		spent += time.Since(begin)
		t.Logf("%v; %.0f a second", &s, float64(s.states)/time.Since(begin).Seconds())
		all.add(s)
	}
	t.Logf("in all %v", &all)
	for _, f := range all.seen {
		t.Error(f)
	}
}

func TestP1_P2_P3_P4_StrictDisk(t *testing.T) {
	needFUSE(t)
	for _, story := range []struct {
		name   string
		pace   pace
		shifts []shift
		states int // of the short run
	}{
		{"first frames", slowNames, firstFrames(), 420},
		{"a whole life", unevenPace, wholeLife(80), 700},
	} {
		t.Run(story.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed(t), 1))
			records, states := 1, story.states
			if long() {
				records, states = 10, 1000
			}
			i := newInspector(t)
			look(t, records, states, 4*time.Second, func() *cutter {
				return record(t, beginning{}, story.pace, random, story.shifts, i)
			}, random)
		})
	}
}

// The power is cut, and cut again while the queue heals of that and works on.
func TestP1_P2_P3_P4_CutTwice(t *testing.T) {
	needFUSE(t)
	random := rand.New(rand.NewPCG(seed(t), 6))
	records, states := 1, 280
	if long() {
		records, states = 20, 280
	}
	i := newInspector(t)
	look(t, records, states, 4*time.Second, func() *cutter {
		first := record(t, beginning{}, unevenPace, random, wholeLife(40), i)
		st, err := first.any(random)
		if err != nil {
			t.Fatal(err)
		}
		b := beginning{dir: st.at, notes: notesIn(first.ops, st.cut), generations: len(wholeLife(0))}
		return record(t, b, unevenPace, random, []shift{{Cameras: 8, Putters: 6, Puts: 30, End: endExit}}, i)
	}, random)
}

// The rig sees every mistake that a queue could make.
func TestBrokenQueuesAreCaught(t *testing.T) {
	needFUSE(t)
	random := rand.New(rand.NewPCG(seed(t), 2))
	i := newInspector(t)
	ops := record(t, beginning{}, unevenPace, random, wholeLife(60), i).ops
	for n, b := range brokenQueues {
		t.Run(b.name, func(t *testing.T) {
			changed := ops
			if b.change != nil {
				changed = b.change(ops)
			}
			c := newCutter(t, changed, i)
			if b.covering != nil {
				c.covering = b.covering(pathsOf(ops))
			}
			states := 3000
			enough := func(s survey) bool { return !long() && b.caught(s) || long() && s.states >= 1000 }
			s, err := c.run(states, rand.New(rand.NewPCG(uint64(n), random.Uint64())), enough)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(&s)
			if !b.caught(s) {
				t.Errorf("not caught: wanted one of %v", b.catch)
			}
			for _, f := range s.seen[:min(len(s.seen), 2)] {
				t.Log(fmt.Sprint("for example: ", f))
			}
		})
	}
}

func (b broken) caught(s survey) bool {
	for _, class := range b.catch {
		if s.faulty[class] > 0 {
			return true
		}
	}
	return false
}
