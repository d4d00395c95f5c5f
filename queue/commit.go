package queue

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sync/errgroup"
)

// maxBatch limits the operations of one commit, and with them the memory and the time of it.
const maxBatch = 512

// patience is how long a commit may take: hundreds of operations and two flushes of a cheap disk that is busy with others,
// or the making of a smaller database. What takes longer hangs.
const patience = 5 * time.Minute

// maxSyncs limits the directories that are synced side by side: each takes a thread. A journal makes one commit, and the
// disk one flush, of syncs that wait together, and one of each that comes alone.
const maxSyncs = 16

// ErrBroken says that the disk failed while a commit was made durable, or that the database turned out to be
// damaged. Nothing more is done until the queue is opened again, which heals it.
var ErrBroken = errors.New("queue: broken until it is opened again")

// op is one operation on its way through the committer.
type op struct {
	compact bool             // not a transaction: the database is to be made smaller, if that is worth it
	dirs    []string         // to be synced before the commit
	apply   func(*txn) error // may run more than once; when it returns an error, it has changed nothing
	err     error            // the outcome; owned by the committer until done is closed
	done    chan struct{}    // closed when the outcome is known
}

// do has an operation committed and returns its outcome. It never gives up waiting: an operation that has been
// handed over may be durable, and its caller must know.
func (q *Queue) do(apply func(*txn) error, dirs ...string) error {
	o := &op{dirs: dirs, apply: apply, done: make(chan struct{})}
	q.ops <- o
	<-o.done
	return o.err
}

// commitLoop runs until ops is closed. It takes what waits, without waiting for more: an operation that is alone
// is not delayed, and many that arrive during a commit share the next.
func (q *Queue) commitLoop() {
	defer close(q.committed)
	for first := range q.ops {
		batch := []*op{first}
	gather:
		for len(batch) < maxBatch {
			select {
			case next, ok := <-q.ops:
				if !ok {
					break gather
				}
				batch = append(batch, next)
			default:
				break gather
			}
		}
		q.opts.Progress(patience)
		q.commit(batch)
		q.opts.Progress(0)
	}
}

// tidy has the committer make the database smaller, if that is worth it.
func (q *Queue) tidy() {
	o := &op{compact: true, apply: func(*txn) error { return nil }, done: make(chan struct{})}
	q.ops <- o
	<-o.done
}

// commit decides a batch and answers each of its operations.
func (q *Queue) commit(batch []*op) {
	live := q.syncDirs(batch)
	err := q.tryCommit(live)
	if isFull(err) && q.reserve.giveUp() {
		q.log.Warn("disk is full: the reserve is given up to record what was decided", "bytes", q.opts.Reserve)
		err = q.tryCommit(live)
	}
	for _, o := range live {
		if err != nil {
			o.err = err
		}
	}
	for _, o := range batch {
		if o.compact && q.Err() == nil && q.store.compactable() {
			q.compact()
		}
		close(o.done)
	}
}

// syncDirs syncs every directory of a batch once, and returns the operations that may go on.
func (q *Queue) syncDirs(batch []*op) []*op {
	results := map[string]*error{}
	var syncs errgroup.Group
	syncs.SetLimit(maxSyncs)
	for _, o := range batch {
		for _, dir := range o.dirs {
			if results[dir] == nil {
				result := new(error)
				results[dir] = result
				syncs.Go(func() error { *result = q.disk.syncDir(dir); return nil })
			}
		}
	}
	_ = syncs.Wait() // each has its own result
	live := make([]*op, 0, len(batch))
	for _, o := range batch {
		for _, dir := range o.dirs {
			o.err = errors.Join(o.err, *results[dir])
		}
		if o.err == nil {
			live = append(live, o)
		}
	}
	return live
}

// tryCommit applies a batch in one transaction. With an error nothing of it has happened, or the queue is broken.
func (q *Queue) tryCommit(batch []*op) error {
	if err := q.Err(); err != nil {
		return err
	}
	var tx *bolt.Tx
	var t *txn
	var number int
	err := guarded(func() (err error) {
		if tx, err = q.store.db.Begin(true); err != nil {
			return err
		}
		number = tx.ID()
		t = q.newTxn(tx)
		for _, o := range batch {
			o.err = o.apply(t)
		}
		if !t.dirty {
			return tx.Rollback()
		}
		if err := t.finish(); err != nil {
			return err
		}
		return q.disk.do(stepCommit, q.store.path, tx.Commit)
	})
	if err == nil {
		if t.dirty {
			q.commits.Add(1)
		}
		t.publish()
		return nil
	}
	if tx != nil {
		// Where the commit has rolled back itself, this finds nothing to do.
		_ = guarded(func() error { return ignoreClosed(tx.Rollback()) })
	}
	if errors.Is(err, errDamaged) || q.visible(number) {
		q.fail(err)
		return q.Err()
	}
	return fmt.Errorf("queue: commit: %w", err)
}

// visible tells whether a commit that failed can be seen all the same: its meta page was written, but perhaps not
// made durable. Nobody can say what the disk holds then.
func (q *Queue) visible(number int) bool {
	seen := false
	err := q.store.view(func(tx *bolt.Tx) error {
		seen = tx.ID() >= number
		return nil
	})
	return seen || err != nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, berrors.ErrTxClosed) {
		return nil
	}
	return err
}

// fail breaks the queue for good.
func (q *Queue) fail(err error) {
	q.mu.Lock()
	first := q.broken == nil
	if first {
		q.broken = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	q.mu.Unlock()
	if first {
		q.log.Error("queue is broken; it heals when it is opened again", "error", err)
	}
}

// Err returns nil, or why the queue is broken: an error that is ErrBroken.
func (q *Queue) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.broken
}

// signal says something to a channel of capacity one, if it has not been said yet.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
