package queue

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestACommitThatHangsBreaksItsWord: while one is under way the committer has promised to be heard from; alone it
// promises nothing.
func TestACommitThatHangsBreaksItsWord(t *testing.T) {
	var within atomic.Int64
	opts := testOptions(t.TempDir())
	opts.Progress = func(d time.Duration) { within.Store(int64(d)) }
	hang, reached, gate := make(chan struct{}), make(chan struct{}, 9), make(chan struct{})
	q := openFault(t, opts, func(s step, _ string) error {
		select {
		case <-hang:
			if s == stepCommit {
				reached <- struct{}{}
				<-gate
			}
		default:
		}
		return nil
	})
	mustPut(t, q, frameOf("cam-1", 1))
	close(hang)
	put := make(chan error, 1)
	go func() {
		_, err := q.Put(t.Context(), frameOf("cam-1", 2))
		put <- err
	}()
	<-reached
	if got := time.Duration(within.Load()); got != patience {
		t.Errorf("a commit that hangs has promised to move within %v", got)
	}
	close(gate)
	must(t, <-put)
	must(t, q.Close())
	if got := within.Load(); got != 0 {
		t.Errorf("the committer has ended, and has promised to move within %v", time.Duration(got))
	}
}
