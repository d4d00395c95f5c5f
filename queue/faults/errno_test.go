//go:build linux && (amd64 || arm64)

package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// trouble is a way in which a disk or a system fails.
type trouble struct {
	errno string
	kinds []Kind // of calls that fail so
	below string // a folder; "": all
	spare string // a file that does not fail
	work  string // the workload; "": script
}

var changes = []Kind{Create, OpenRW, Write, Sync, Rename, Unlink, Mkdir, Truncate}

var troubles = []trouble{
	{errno: "ENOSPC", kinds: []Kind{Create, Write, Sync, Rename, Mkdir, Truncate}},
	{errno: "EIO", kinds: append(slices.Clone(changes), Open)},
	{errno: "EMFILE", kinds: []Kind{Create, OpenRW, Open}},
	{errno: "EROFS", kinds: []Kind{Create, OpenRW, Write, Rename, Unlink, Mkdir, Truncate}},
	{errno: "ENOMEM", kinds: []Kind{Map}},
}

// bursts end before the queue is closed, so that it is closed cleanly.
var bursts = []trouble{
	{errno: "ENOSPC", kinds: []Kind{Create, Write, Sync, Rename, Mkdir, Truncate}, work: "burst"},
	{errno: "EIO", kinds: changes, work: "burst"},
	{errno: "EROFS", kinds: []Kind{Create, OpenRW, Write, Rename, Unlink, Mkdir, Truncate}, work: "burst"},
}

// singleTroubles are those of one kind of call alone: what a disk does that is failing in one place.
func singleTroubles() (all []trouble) {
	for _, k := range changes {
		io := trouble{errno: "EIO", kinds: []Kind{k}}
		if k == Create {
			io.spare = "queue/queue.db" // one that can never be read, on a disk that works, is given up: so queue/doc.go
		}
		all = append(all, io, trouble{errno: "ENOSPC", kinds: []Kind{k}})
	}
	return all
}

func (f trouble) selects(c Call) bool {
	return slices.Contains(f.kinds, c.Kind) && strings.HasPrefix(c.Path, f.below) && (f.spare == "" || c.Path != f.spare)
}

// attack is a trouble that begins at one call.
type attack struct {
	trouble
	at     int
	always bool
}

func (a attack) String() string {
	times := "once"
	if a.always {
		times = "always"
	}
	return fmt.Sprintf("%s %s %s from %d of %v", a.work, a.errno, times, a.at, a.kinds)
}

// attacks lists all of them, in an order whose beginnings are spread over all.
func attacks(t *testing.T, troubles []trouble, modes ...bool) (all []attack) {
	t.Helper()
	for _, f := range troubles {
		o := do(t, scriptLife(t, t.TempDir(), f, Fault{Only: f.selects}))
		for n := range o.Count {
			for _, always := range modes {
				all = append(all, attack{f, n + 1, always})
			}
		}
	}
	shuffled := make([]attack, 0, len(all))
	for _, n := range spread(len(all)) {
		shuffled = append(shuffled, all[n-1])
	}
	return shuffled
}

func scriptLife(t testing.TB, dir string, f trouble, fault Fault) Run {
	work := f.work
	if work == "" {
		work = "script"
	}
	r := life(t, work, dir, fault)
	r.Env = append(r.Env, envErrno+"="+f.errno)
	return r
}

// run lives the script under an attack and returns what is wrong.
func (a attack) run(t testing.TB) (hit Call, problems []string) {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	must(t, err)
	defer func() { _ = os.RemoveAll(dir) }()
	o, err := try(scriptLife(t, dir, a.trouble, Fault{Do: Fail, At: a.at, Only: a.selects, Errno: errnoNamed(a.errno), Always: a.always}))
	or := newOracle()
	if err != nil {
		or.wrong("%v", err)
	}
	for n, w := range o.words {
		if w.Say == "failed" {
			a.judgeFailure(or, w, o.Hit, o.words[n+1:])
		}
	}
	or.hear(o.words)
	return o.Hit, or.judge(dir)
}

// judgeFailure holds one failed operation to what is promised of failures.
func (a attack) judgeFailure(or *oracle, w word, hit Call, later []word) {
	at := fmt.Sprintf("%s of %s fails with %q", w.Op, w.ID, w.Err)
	if w.Changed != "" {
		or.wrong("%s, and yet\n%s", at, w.Changed)
	}
	if w.Lifted {
		or.wrong("%s although the fault is over", at)
	}
	// The limit of queue/doc.go: bbolt passes these on as text.
	growth := strings.Contains(w.Err, "file resize error") || strings.Contains(w.Err, "file sync error")
	if w.Op == "put" && a.errno == "ENOSPC" && !w.Full && !w.Broken && !growth {
		or.wrong("%s: no *FullError", at)
	}
	if w.Broken && !strings.HasSuffix(hit.Path, "queue.db") && !a.always {
		or.wrong("%s, though it was not the database that failed", at)
	}
	if !strings.Contains(w.Err, "queue") {
		or.wrong("%s: it does not say what failed", at)
	}
	if !a.always && !w.Broken && a.work == "" && w.Op != "close" && !doneLater(w, later) {
		or.wrong("%s, and does not work the second time", at)
	}
}

func doneLater(failed word, later []word) bool {
	for _, w := range later {
		if w.Op == failed.Op && w.Say != "will" && (w.ID == failed.ID || failed.ID == "") {
			return w.Say == "did"
		}
	}
	return failed.Op == "lease" // nothing was left to be leased
}

// storm runs attacks until the time is over.
func storm(t *testing.T, all []attack, budget time.Duration) {
	t.Helper()
	began := time.Now()
	var mu sync.Mutex
	hits := map[string]int{}
	var problems []string
	tried := concurrently(all, budget, func(a attack) {
		hit, wrong := a.run(t)
		mu.Lock()
		defer mu.Unlock()
		hits[a.errno+" "+hit.Name]++
		for _, p := range wrong {
			problems = append(problems, fmt.Sprintf("%v, first at %v: %s", a, hit, p))
		}
	})
	t.Logf("tried %d of %d attacks in %.1f s: %v", tried, len(all), time.Since(began).Seconds(), hits)
	report(t, problems)
}

// Calls fail, once or from then on: the operation says so and has changed nothing, it works when the disk does, and
// a reopened queue agrees.
func TestP1_P2_P4_EveryCallFails(t *testing.T) {
	every := troubles
	if long() {
		every = append(slices.Clone(troubles), singleTroubles()...)
	}
	storm(t, attacks(t, every, false, true), budget(6*time.Second))
}

// Calls fail for a while, and the queue is closed cleanly afterwards: nothing is left behind that nobody knows of.
func TestP1_P2_P4_EveryCallFailsForAWhile(t *testing.T) {
	storm(t, attacks(t, bursts, true), budget(2*time.Second))
}

// A system that is short of descriptors or memory for a moment, or a disk that hesitates, must not cost what only the database knows.
func TestP3_P4_ADatabaseThatCannotBeOpenedNowIsKept(t *testing.T) {
	for _, f := range []trouble{
		{errno: "EMFILE", kinds: []Kind{Create, Open}, below: "queue/queue.db", work: "open"},
		{errno: "ENOMEM", kinds: []Kind{Map}, below: "queue/queue.db", work: "open"},
		{errno: "EIO", kinds: []Kind{Create, Open}, below: "queue/queue.db", work: "open"},
	} {
		for _, last := range []string{"abandon", "burst"} { // an unclean stop, and a clean one
			for at := 1; ; at++ {
				dir := t.TempDir()
				or := newOracle()
				or.hear(do(t, scriptLife(t, dir, trouble{work: last}, Fault{})).words)
				o := do(t, scriptLife(t, dir, f, Fault{Do: Fail, At: at, Only: f.selects, Errno: errnoNamed(f.errno)}))
				or.hear(o.words)
				for _, p := range or.judge(dir) {
					t.Errorf("%s at %v after %s: %s", f.errno, o.Hit, last, p)
				}
				if o.Hits == 0 {
					break
				}
			}
		}
	}
}

// Payloads cannot be removed, and a crash follows, and they still cannot be removed: what has left does not come back.
func TestP2_P3_PayloadsThatCannotBeRemoved(t *testing.T) {
	stuck := trouble{errno: "EIO", kinds: []Kind{Unlink}, below: "queue/payload", work: "abandon"}
	fault := Fault{Do: Fail, At: 1, Always: true, Only: stuck.selects, Errno: errnoNamed("EIO")}
	dir := t.TempDir()
	or := newOracle()
	or.hear(do(t, scriptLife(t, dir, stuck, fault)).words)
	stuck.work = "open"
	o := do(t, scriptLife(t, dir, stuck, fault))
	or.hear(o.words)
	if o.Hits == 0 {
		t.Error("nothing was to be removed")
	}
	for _, p := range or.judge(dir) {
		t.Error(p)
	}
}
