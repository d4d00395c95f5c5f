//go:build linux && (amd64 || arm64)

package powercut

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// queueDir is where the queue is on either disk.
const queueDir = "queue"

// beginning is what a strict disk begins with. The zero beginning is nothing.
type beginning struct {
	dir         string // what is in it is copied
	notes       []op   // what has been promised of that
	generations int    // of the processes that had worked on it
}

// recordStrict has shifts done one after the other on a strict disk, and returns the record, and where in it they begin.
func recordStrict(mount string, b beginning, pace pace, random *rand.Rand, shifts []shift) (ops []op, from int, err error) {
	rec := &recorder{pace: pace}
	server, err := serveStrict(mount, b.dir, rec)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, server.Unmount()) }()
	for _, o := range b.notes {
		rec.note(o.data)
	}
	from = rec.length()
	for i := range shifts {
		shifts[i].Generation = b.generations + i
	}
	err = haveAllDone(rec, filepath.Join(mount, queueDir), filepath.Join(mount, notesName), random, shifts)
	return rec.record(), from, err
}

// haveAllDone has shifts done one after the other, in one directory.
func haveAllDone(rec *recorder, dir, notes string, random *rand.Rand, shifts []shift) (err error) {
	for _, s := range shifts {
		s.Dir, s.Notes, s.Seed = dir, notes, random.Uint64()
		if s.Again, err = unfinishedIn(rec.record()); err != nil {
			return err
		}
		if err := haveDone(rec, s, random); err != nil {
			return fmt.Errorf("shift %d: %w", s.Generation, err)
		}
	}
	return nil
}

// notesIn are the notes of a record up to a cut.
func notesIn(ops []op, cut int) []op {
	return slices.DeleteFunc(slices.Clone(ops[:cut]), func(o op) bool { return o.kind != opNote })
}

// unevenPace makes most operations quick, and now and then one so slow that others overtake it.
func unevenPace(k kind, _ bool) time.Duration {
	luck := rand.Float64() //nolint:gosec // the scheduler is not repeatable either
	switch {
	case k != opSync && luck < 0.97:
		return 0
	case k != opWrite && luck > 0.97:
		return upTo(15 * time.Millisecond)
	}
	return upTo(time.Millisecond)
}

// slowNames makes the syncs of directories the slowest of all, so that files overtake their directories.
func slowNames(k kind, dir bool) time.Duration {
	if k == opSync && dir {
		return upTo(20 * time.Millisecond)
	}
	return 0
}

func upTo(d time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(d))) //nolint:gosec // as above
}

// unfinishedIn lists the frames that a killed process was putting.
func unfinishedIn(ops []op) ([]recipe, error) {
	p, err := readPromises(ops)
	if err != nil {
		return nil, err
	}
	return p.unfinished(len(ops)), nil
}

// haveDone has a process do a shift.
func haveDone(rec *recorder, s shift, random *rand.Rand) error {
	c, err := startChild(roleWork)
	if err != nil {
		return err
	}
	if err := c.tell(s); err != nil {
		c.kill()
		return err
	}
	if s.End != endKill {
		return c.wait()
	}
	until := rec.length() + 100 + random.IntN(s.KillBy-100)
	ended := make(chan error, 1)
	go func() { ended <- c.wait() }()
	for tick := time.NewTicker(200 * time.Microsecond); ; {
		select {
		case err := <-ended:
			tick.Stop()
			return fmt.Errorf("ended before it was killed: %w", err)
		case <-tick.C:
			if rec.length() < until {
				continue
			}
			tick.Stop()
			_ = c.cmd.Process.Kill() // if it has ended, its end says so
			if err := <-ended; err == nil {
				return errors.New("ended before it was killed")
			}
			return nil
		}
	}
}

// strictDisk is the medium whose states are directories.
type strictDisk struct{}

func (strictDisk) begin(ops []op, c covering) *replay {
	return &replay{ops: ops, covering: c, nodes: map[int]*node{rootNode: {dir: true, names: map[string]int{}}}}
}

func (strictDisk) policies() ([]string, int) {
	return []string{"lost", "kept", "prefix", "subset", "torn", "names", "data"}, 512
}

func (strictDisk) write(at string, r *replay, k keeping) error {
	if err := os.Mkdir(at, 0o700); err != nil {
		return err
	}
	for _, e := range r.state(k) {
		path := filepath.Join(at, e.path)
		var err error
		if e.dir {
			err = os.Mkdir(path, 0o700)
		} else {
			err = os.WriteFile(path, e.data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (strictDisk) open(at string) (dir string, close func() error, err error) {
	return filepath.Join(at, queueDir), func() error { return os.RemoveAll(at) }, nil
}
