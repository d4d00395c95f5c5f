//go:build linux && (amd64 || arm64)

package powercut

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfagent/queue"
)

// drainedQueue makes a queue whose database is large and nearly empty, and so is made small again as soon as it is opened.
func drainedQueue(t *testing.T) string {
	t.Helper()
	dir := inMemory(t)
	q, err := queue.Open(t.Context(), options(filepath.Join(dir, queueDir)))
	if err != nil {
		t.Fatal(err)
	}
	const frames, workers = 4800, 400 // with 8 KiB of metadata each: more than 32 MiB
	text := strings.Repeat("x", 8000)
	each := func(do func(n int) error) {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for n := w; n < frames; n += workers {
					if err := do(n); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	name := func(n int) recipe {
		return recipe{Camera: fmt.Sprintf("old-%d", n%3), Number: 90_000_000 + n, Bytes: 10}
	}
	each(func(n int) error {
		f := name(n).frame()
		f.Metadata["text"] = text
		_, err := q.Put(context.Background(), f)
		return err
	})
	each(func(n int) error {
		return q.Ack(context.Background(), name(n).id(), queue.Receipt{Proof: queue.ProofStored})
	})
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The power is cut while the database is replaced by a smaller copy, and while frames arrive and leave.
func TestP1_P2_P4_Compaction(t *testing.T) {
	needFUSE(t)
	random := rand.New(rand.NewPCG(seed(t), 5))
	states := 14
	if long() {
		states = 1000
	}
	from, i := drainedQueue(t), newInspector(t)
	look(t, 1, states, 4*time.Second, func() *cutter {
		c := record(t, beginning{dir: from}, unevenPace, random, []shift{{Cameras: 3, Putters: 6, Puts: 60, End: endClose}}, i)
		c.from, c.to = compaction(t, c.ops)
		return c
	}, random)
}

// compaction returns the part of a record in which the database is copied and replaced, and what follows.
func compaction(t *testing.T, ops []op) (from, to int) {
	t.Helper()
	for at, o := range ops {
		switch {
		case o.kind == opCreate && o.name == "compact.db":
			from = at
		case o.kind == opRename && o.name == "compact.db" && o.toName == path.Base(databasePath):
			return from, min(at+200, len(ops))
		}
	}
	t.Fatal("the database was not made smaller")
	return 0, 0
}
