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

	"shelfagent/queue"
)

// workers is how many processes are under test at the same time. What they share is the disk.
const workers = 2

// story is a workload whose process is killed at every one of its calls.
type story struct {
	work  string
	size  int                     // cameras
	lay   func(dir string) error  // what the process finds; nil: nothing
	heard func() *oracle          // what had been promised before; nil: nothing
	proof func(dir string) string // what must have happened without a fault; "": it has
}

// kills is what came of one enumeration.
type kills struct {
	mu       sync.Mutex
	points   int // kills that happened
	places   map[string]int
	problems []string
}

// sweep kills a process at each of its calls that only selects, or at as many as fit in the time, spread over all of them.
func (s story) sweep(t *testing.T, action Action, only func(Call) bool, budget time.Duration) *kills {
	t.Helper()
	last := s.count(t, only)
	k := &kills{places: map[string]int{}}
	began := time.Now()
	tried := concurrently(spread(last), budget, func(n int) {
		s.kill(t, Fault{Do: action, At: n, Only: only}, k)
	})
	t.Logf("%s, %s: tried %d of %d points in %.1f s, %d kills: %v", s.work, action, tried, last, time.Since(began).Seconds(),
		k.points, k.places)
	if k.points == 0 {
		t.Errorf("nothing was killed")
	}
	return k
}

// concurrently does something with each of a list, by several workers, until the time is over; it returns with how many.
func concurrently[T any](list []T, budget time.Duration, do func(T)) (tried int) {
	until := time.Now().Add(budget)
	next := make(chan T)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for each := range next {
				do(each)
			}
		})
	}
	for _, each := range list {
		if time.Now().After(until) {
			break
		}
		next <- each
		tried++
	}
	close(next)
	wg.Wait()
	return tried
}

// count lives the workload without a fault, and holds it to what it promised.
func (s story) count(t *testing.T, only func(Call) bool) int {
	t.Helper()
	dir := s.folder(t)
	o := do(t, s.life(t, dir, Fault{Only: only}))
	or := s.oracle()
	or.hear(o.words)
	if s.proof != nil {
		if wrong := s.proof(dir); wrong != "" {
			t.Errorf("without any fault: %s", wrong)
		}
	}
	for _, p := range or.judge(dir) {
		t.Errorf("without any fault: %s", p)
	}
	t.Logf("%s without a fault: %d calls; %v", s.work, o.Count, or)
	return o.Count
}

// kill lives the workload until its nth call, and opens what it left.
func (s story) kill(t *testing.T, f Fault, k *kills) {
	dir := s.folder(t)
	defer func() { _ = os.RemoveAll(dir) }()
	o, err := try(s.life(t, dir, f))
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
		k.problems = append(k.problems, fmt.Sprintf("%s at %v: %s", f.Do, o.Hit, p))
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
	if s.heard != nil {
		return s.heard()
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

// budget is how long an enumeration may take: a share of the short run, or as long as it takes.
func budget(short time.Duration) time.Duration {
	if long() {
		return time.Hour
	}
	return short
}

func report(t *testing.T, problems []string) {
	t.Helper()
	for n, p := range problems {
		if n == 20 {
			t.Errorf("and %d more", len(problems)-n)
			return
		}
		t.Error(p)
	}
}

// all and the like select the calls at which a process is killed.
var (
	all     func(Call) bool
	writes  = func(c Call) bool { return c.Kind == Write }
	changed = func(c Call) bool {
		return slices.Contains([]Kind{Create, Write, Rename, Unlink, Mkdir, Truncate}, c.Kind)
	}
)

func cycleOf(work string) story {
	s := story{work: work, size: 2}
	if long() {
		s.size = 4
	}
	return s
}

// later is the story on a queue that another process has made and closed.
func (s story) later(t *testing.T) story {
	t.Helper()
	made := t.TempDir()
	q, err := queue.Open(t.Context(), options(made))
	must(t, err)
	must(t, q.Close())
	s.lay = func(dir string) error { return os.CopyFS(dir, os.DirFS(made)) }
	return s
}

// A process is killed before each system call of the whole life of its frames, in several goroutines at once.
func TestP1_P2_P3_P4_KilledBeforeEveryCall(t *testing.T) {
	report(t, cycleOf("cycle").sweep(t, KillBefore, all, budget(11*time.Second)).problems)
}

// Likewise after each call, before the process learns that it was made; here it is not the first process of this queue.
func TestP1_P2_P3_P4_KilledAfterEveryCall(t *testing.T) {
	report(t, cycleOf("cycle").later(t).sweep(t, KillAfter, changed, budget(3*time.Second)).problems)
}

// Likewise in the middle of each write.
func TestP1_P2_P3_P4_KilledInEveryWrite(t *testing.T) {
	report(t, cycleOf("cycle").later(t).sweep(t, KillTorn, writes, budget(2*time.Second)).problems)
}

// Likewise while the database is checked in a process of its own, and on a queue that was closed cleanly.
func TestP1_P2_P3_P4_KilledWithAllThatThereIs(t *testing.T) {
	if !long() {
		t.Skip("the long run only: " + envLong + "=1")
	}
	report(t, cycleOf("cycle").sweep(t, KillAfter, changed, budget(0)).problems)
	report(t, cycleOf("cycle").sweep(t, KillTorn, writes, budget(0)).problems)
	report(t, cycleOf("cycle").later(t).sweep(t, KillBefore, all, budget(0)).problems)
	report(t, cycleOf("checked").later(t).sweep(t, KillBefore, all, budget(0)).problems)
}

// A process is killed while it heals what another one left, and so may its successor be.
func TestP4_KilledWhileHealing(t *testing.T) {
	s := unhealed(t)
	report(t, s.sweep(t, KillBefore, all, budget(2*time.Second)).problems)
	if long() {
		report(t, s.sweep(t, KillAfter, changed, budget(0)).problems)
		report(t, s.sweep(t, KillTorn, writes, budget(0)).problems)
	}
}

// A process is killed while it moves a damaged database aside and begins anew.
func TestP4_KilledWhileRebuilding(t *testing.T) {
	s := damagedStory(t)
	report(t, s.sweep(t, KillBefore, all, budget(2*time.Second)).problems)
	if long() {
		report(t, s.sweep(t, KillAfter, changed, budget(0)).problems)
		report(t, s.sweep(t, KillTorn, writes, budget(0)).problems)
	}
}

// A process is killed while it makes its database smaller.
func TestP4_KilledWhileCompacting(t *testing.T) {
	if !long() {
		t.Skip("the long run only: " + envLong + "=1")
	}
	s := compactable(t)
	report(t, s.sweep(t, KillBefore, all, budget(0)).problems)
	report(t, s.sweep(t, KillAfter, changed, budget(0)).problems)
	report(t, s.sweep(t, KillTorn, writes, budget(0)).problems)
}

// The oracle must catch those who lie to it, or it would catch nobody.
func TestTheOracleCatches(t *testing.T) {
	for _, work := range []string{"hasty", "forgetful"} {
		k := &kills{places: map[string]int{}}
		s := story{work: work, size: 2}
		for _, n := range spread(200) {
			if s.kill(t, Fault{Do: KillBefore, At: n}, k); len(k.problems) > 0 {
				break
			}
		}
		if len(k.problems) == 0 || k.points == 0 {
			t.Errorf("%s: %d kills, and nothing was found", work, k.points)
			continue
		}
		t.Logf("%s: found after %d kills: %s", work, k.points, k.problems[0])
	}
}
