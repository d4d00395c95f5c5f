package queue

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// work is the process that is killed: it puts, leases and settles frames as fast as it can, and says on its standard
// output what it was promised, each line after the promise.
func work(dir string) {
	opts := testOptions(dir)
	opts.CheckCommand = []string{os.Args[0], "check"}
	q, err := Open(context.Background(), opts)
	if err != nil {
		fmt.Println("fail open:", err)
		return
	}
	var out sync.Mutex
	say := func(what string, id ID) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(what, id)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				n := frameOf(fmt.Sprintf("cam-%d", rand.IntN(3)), rand.IntN(1_000_000))
				it, err := q.Put(context.Background(), n)
				if err != nil {
					say("fail", ID(err.Error()))
					return
				}
				say("put", it.ID)
			}
		})
		wg.Go(func() { settleSome(q, say) })
	}
	wg.Wait()
}

func settleSome(q *Queue, say func(string, ID)) {
	ctx := context.Background()
	for {
		items, err := q.Lease(ctx, 1+rand.IntN(3))
		if err != nil {
			say("fail", ID(err.Error()))
			return
		}
		for _, it := range items {
			switch rand.IntN(4) {
			case 0:
				err = q.Defer(ctx, it.ID, Deferral{Until: time.Now().Add(time.Millisecond), Reason: "test"})
			case 1:
				err = q.Release(it.ID)
			default:
				say("sent", it.ID) // S3 has it from here on
				if err = q.Ack(ctx, it.ID, Receipt{Proof: ProofStored}); err == nil {
					say("acked", it.ID)
				}
			}
			if err != nil {
				say("fail", ID(err.Error()))
			}
		}
	}
}

// oracle is what the killed processes were promised.
type oracle struct{ put, sent, acked map[ID]bool }

func (o *oracle) hear(t *testing.T, line string) {
	what, id, _ := strings.Cut(line, " ")
	switch what {
	case "put":
		o.put[ID(id)] = true
	case "sent":
		if o.acked[ID(id)] {
			t.Errorf("P3: %s was handed out after it was acknowledged", id)
		}
		o.sent[ID(id)] = true
	case "acked":
		o.acked[ID(id)] = true
	default:
		t.Errorf("worker: %s", line)
	}
}

// A process is killed at any point of its work, again and again; its successor must find what it was promised.
func TestP1_P2_P3_Killed(t *testing.T) {
	dir := t.TempDir()
	kills := 30
	if testing.Short() {
		kills = 5
	}
	o := &oracle{map[ID]bool{}, map[ID]bool{}, map[ID]bool{}}
	for range kills {
		o.run(t, dir, 20+rand.IntN(150))
	}
	opts := checkedOptions(t, dir)
	opts.Receipts = 1 << 30
	q := openTest(t, opts)
	for id := range o.put {
		it, err := q.Item(id)
		switch {
		case err == nil && o.acked[id]:
			t.Errorf("P3: %s is %v, but was acknowledged", id, it.State)
		case errors.Is(err, ErrNotFound) && !o.sent[id]:
			t.Errorf("P1: %s is lost", id)
		case err == nil:
			o.wantPayload(t, q, it)
		case !errors.Is(err, ErrNotFound):
			t.Error(err)
		}
	}
	h := q.Healed()
	if h.Damage != "" || h.Missing != 0 || h.Damaged != 0 || h.Recount != 0 || h.Records != 0 {
		t.Errorf("healed %+v", h)
	}
	q = reopen(t, q, true)
	must(t, countFiles(q))
	t.Logf("%d kills: %d put, %d sent, %d acked; %+v; last healing: %+v", kills, len(o.put), len(o.sent), len(o.acked), q.counters(), h)
}

func (o *oracle) wantPayload(t *testing.T, q *Queue, it Item) {
	t.Helper()
	bytes, err := os.ReadFile(q.payloadPath(it.ID))
	if err != nil || sha256.Sum256(bytes) != it.SHA256 {
		t.Errorf("P1: %s: payload of %d bytes, %v", it.ID, len(bytes), err)
	}
}

// run starts a worker and kills it after so many lines. What it had promised is in the pipe.
func (o *oracle) run(t *testing.T, dir string, lines int) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "QUEUE_TEST_WORK="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	in := bufio.NewScanner(pipe)
	for n := 0; in.Scan(); n++ {
		o.hear(t, in.Text())
		if n == lines {
			must(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait() // killed
}

// countFiles compares the payload files with the counters.
func countFiles(q *Queue) error {
	files := int64(0)
	err := filepath.WalkDir(filepath.Join(q.opts.Dir, "payload"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files++
		}
		return err
	})
	if s := q.Stats(); err == nil && files != s.Pending()+s.Parked {
		err = fmt.Errorf("%d payload files, counted %+v", files, s)
	}
	return err
}
