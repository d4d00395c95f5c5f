package queue

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// spaceAge is how long an answer of the file system is believed; what is put meanwhile is subtracted from it.
const spaceAge = time.Second

// ErrFull says that there is no room for a frame now.
var ErrFull = errors.New("queue: full")

// FullError is an ErrFull with its numbers, in bytes.
type FullError struct {
	What  string // "max_bytes", "min_free", or "disk": the disk itself refused
	Need  int64  // the frame
	Used  int64  // by payloads in the queue
	Free  int64  // on the disk
	Limit int64  // the option that What names
	Err   error  // the disk's own words, for "disk"
}

func (e *FullError) Error() string {
	switch e.What {
	case "max_bytes":
		return fmt.Sprintf("queue: full: %d bytes are queued of at most %d, no room for %d more", e.Used, e.Limit, e.Need)
	case "min_free":
		return fmt.Sprintf("queue: full: %d bytes are free on the disk, %d must stay free, no room for %d more",
			e.Free, e.Limit, e.Need)
	}
	return fmt.Sprintf("queue: full: no room on the disk for %d bytes: %v", e.Need, e.Err)
}

// Is makes it an ErrFull.
func (e *FullError) Is(target error) bool { return target == ErrFull }

func (e *FullError) Unwrap() error { return e.Err }

// space decides whether there is room. Puts under way reserve theirs, so that many at once cannot overrun a limit.
type space struct {
	dir      string
	maxBytes int64
	minFree  int64

	mu       sync.Mutex // guards what follows
	reserved int64      // by Puts under way
	free     int64      // as the file system said at asked, less what was put since
	asked    time.Time
}

func newSpace(opts Options) (*space, error) {
	total, free, err := diskSpace(opts.Dir)
	if err != nil {
		return nil, err
	}
	s := &space{dir: opts.Dir, maxBytes: opts.MaxBytes, minFree: opts.MinFree, free: free, asked: time.Now()}
	if s.maxBytes == 0 {
		s.maxBytes = total / 5 * 4
	}
	if s.minFree == 0 {
		s.minFree = max(total/20, defaultMinFree)
	}
	return s, nil
}

// Room says how many bytes are free on the disk of o.Dir, which must exist, and how many must stay so for the queue
// to take anything. It does not open the queue.
func (o Options) Room() (free, minFree int64, err error) {
	s, err := newSpace(o)
	if err != nil {
		return 0, 0, err
	}
	return s.free, s.minFree, nil
}

// take reserves room for a payload of n bytes; used is what the queue holds. The caller calls done when the
// payload is counted as used, or has been given up.
func (s *space) take(n, used int64) (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if used+s.reserved+n > s.maxBytes {
		return nil, &FullError{What: "max_bytes", Need: n, Used: used, Free: s.free, Limit: s.maxBytes}
	}
	if err := s.refresh(); err != nil {
		return nil, err
	}
	if s.free-n < s.minFree {
		return nil, &FullError{What: "min_free", Need: n, Used: used, Free: s.free, Limit: s.minFree}
	}
	s.reserved += n
	s.free -= n
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reserved -= n
	}, nil
}

// refresh asks the file system again when its answer is old. What is reserved may be on the disk already, or not:
// it is taken as not. The caller holds mu.
func (s *space) refresh() error {
	if age := time.Since(s.asked); age >= 0 && age < spaceAge {
		return nil
	}
	_, free, err := diskSpace(s.dir)
	if err != nil {
		return err
	}
	s.free, s.asked = free-s.reserved, time.Now()
	return nil
}

// roomy tells whether n bytes more would leave the limit untouched, as of now.
func (s *space) roomy(n int64) bool {
	_, free, err := diskSpace(s.dir)
	return err == nil && free-n > s.minFree
}

// explain makes a FullError of the disk's own refusal, and leaves other errors as they are.
func (s *space) explain(err error, need int64) error {
	if !isFull(err) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = time.Time{} // whatever was believed is wrong
	return &FullError{What: "disk", Need: need, Free: s.free, Err: err}
}
