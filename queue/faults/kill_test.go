//go:build linux && (amd64 || arm64)

package faults

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// workers is how many processes are under test at the same time. What they share is the disk.
const workers = 2

// story is a workload whose process is killed at every one of its calls.
type story struct {
	work string
	size int                    // cameras
	lay  func(dir string) error // what the process finds; nil: nothing
	hear func() *oracle         // what had been promised before; nil: nothing
}

// kills is what came of one enumeration.
type kills struct {
	mu       sync.Mutex
	points   int // kills that happened
	places   map[string]int
	problems []string
}

// sweep kills a process at each of its calls, or at as many as fit in the time, spread over all of them.
func (s story) sweep(t *testing.T, action Action, budget time.Duration) *kills {
	t.Helper()
	began := time.Now()
	last := s.count(t)
	order := spread(last)
	k := &kills{places: map[string]int{}}
	var wg sync.WaitGroup
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for n := range next {
				s.kill(t, action, n, k)
			}
		})
	}
	tried := 0
	for _, n := range order {
		if time.Since(began) > budget {
			break
		}
		next <- n
		tried++
	}
	close(next)
	wg.Wait()
	t.Logf("%s, %s: tried %d of %d points, %d kills, %.1f s: %v", s.work, action, tried, last, k.points,
		time.Since(began).Seconds(), k.places)
	return k
}

// count lives the workload without a fault, and holds it to what it promised.
func (s story) count(t *testing.T) int {
	t.Helper()
	dir := s.folder(t)
	o := do(t, s.life(t, dir, Fault{}))
	or := s.oracle()
	or.hear(o.words)
	for _, p := range or.judge(dir) {
		t.Errorf("without any fault: %s", p)
	}
	t.Logf("%s without a fault: %d calls; %v", s.work, o.Count, or)
	return o.Count
}

// kill lives the workload until its nth call, and opens what it left.
func (s story) kill(t *testing.T, action Action, n int, k *kills) {
	dir := s.folder(t)
	defer func() { _ = os.RemoveAll(dir) }()
	o, err := try(s.life(t, dir, Fault{Do: action, At: n}))
	or := s.oracle()
	or.hear(o.words)
	problems := or.judge(dir)
	if err != nil {
		problems = append(problems, err.Error())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if o.Killed {
		k.points++
		k.places[o.Hit.Name]++
	}
	for _, p := range problems {
		k.problems = append(k.problems, fmt.Sprintf("%s at %v: %s", action, o.Hit, p))
	}
}

func (s story) life(t testing.TB, dir string, f Fault) Run {
	r := life(t, s.work, dir, f)
	r.Env = append(r.Env, envSize+"="+strconv.Itoa(s.size))
	return r
}

func (s story) folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	must(t, err)
	if s.lay != nil {
		must(t, s.lay(dir))
	}
	return dir
}

func (s story) oracle() *oracle {
	if s.hear != nil {
		return s.hear()
	}
	return newOracle()
}

// spread orders 1 to last so that any beginning of the order is spread over all of it.
func spread(last int) (order []int) {
	seen := make([]bool, last+1)
	for step := 1 << 12; step > 0; step /= 2 {
		for n := step; n <= last; n += step {
			if !seen[n] {
				seen[n] = true
				order = append(order, n)
			}
		}
	}
	return order
}

func TestSpread(t *testing.T) {
	order := spread(9)
	if want := []int{8, 4, 2, 6, 1, 3, 5, 7, 9}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

// A process is killed at each system call of the whole life of its frames, in several goroutines.
func TestP1_P2_P3_P4_KilledAtEveryCall(t *testing.T) {
	s := story{work: "cycle", size: 2}
	k := s.sweep(t, KillBefore, 60*time.Second)
	for _, p := range k.problems {
		t.Error(p)
	}
}
