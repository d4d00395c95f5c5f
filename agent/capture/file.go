package capture

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"os"
	"sync/atomic"
	"time"
)

// File is one hand-out of a complete file. It is the holder's alone until Remove, Reject or Release ends it; its methods
// are for one goroutine at a time.
type File struct {
	Camera  string    // id of the camera it belongs to
	Path    string    // absolute
	Name    string    // last element of Path
	Size    int64     // bytes
	ModTime time.Time // as the file system has it

	// Incomplete: the file has not changed for Options.GiveUp, and still someone has it open for writing, or its end
	// marker is missing. The consumer decides what it is worth; usually it is truncated.
	Incomplete bool

	w     *Watcher
	entry *entry
	info  info // the identity that was handed out
	rel   string
	sum   uint64 // of the content, if it was read fresh
	fresh bool   // time stamps alone do not tell whether the content changed after Read
	ended atomic.Bool
}

// freshness is how old a modification must be for a further one to be sure to get a later time stamp: several ticks of
// the coarsest kernel clock (10 ms at 100 Hz).
const freshness = 50 * time.Millisecond

// Next returns the next complete file, waiting for one as long as needed. Each file is in one caller's hands at a time;
// any number of goroutines may call. The error is ctx's.
//
// Files are only found while Run runs.
func (w *Watcher) Next(ctx context.Context) (*File, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, seen, again, changed := w.ledger.take(time.Now())
		if e == nil {
			wait(ctx, again, changed)
			continue
		}
		found := w.examine(seen, time.Now())
		if w.ledger.conclude(e, found, time.Now()) {
			return w.handOut(e, found), nil
		}
	}
}

// wait returns at the time until, if there is one, when changed is closed, or when ctx ends.
func wait(ctx context.Context, until time.Time, changed <-chan struct{}) {
	var timer <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-timer:
	case <-changed:
	}
}

func (w *Watcher) handOut(e *entry, found finding) *File {
	_, name := split(e.path)
	return &File{
		Camera:     e.camera.id,
		Path:       w.path(e.path),
		Name:       name,
		Size:       found.entry.info.size,
		ModTime:    found.entry.info.mtime,
		Incomplete: found.verdict == isOverdue,
		w:          w,
		entry:      e,
		info:       found.entry.info,
		rel:        e.path,
	}
}

// Read returns the whole content. A file larger than limit bytes is not read: ErrTooLarge. ErrChanged and ErrVanished
// say that the file at Path is not the one handed out, before or after reading; other errors are the disk's. After any
// error the file is still to be ended.
func (f *File) Read(limit int64) ([]byte, error) {
	if f.ended.Load() {
		return nil, ErrEnded
	}
	if f.Size > limit {
		return nil, fmt.Errorf("%w: %s has %d bytes of %d", ErrTooLarge, f.Path, f.Size, limit)
	}
	defer f.w.ask("a reader").answered()
	dir, name := split(f.rel)
	d, err := descend(f.w.opts.Dir, dir)
	if err != nil {
		return nil, f.lost(err)
	}
	defer d.close()
	file, in, err := d.open(name)
	if err != nil {
		return nil, f.lost(err)
	}
	defer func() { _ = file.Close() }()
	if !in.same(f.info) {
		return nil, f.lost(ErrChanged)
	}
	if f.Size > math.MaxInt {
		return nil, fmt.Errorf("%w: %s", ErrTooLarge, f.Path)
	}
	// No lease is held meanwhile: it would make a camera that opens the file wait for a slow disk. The looks before and
	// after do.
	data := make([]byte, f.Size)
	if _, err := io.ReadFull(file, data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrChanged
		}
		return nil, f.lost(err)
	}
	if err := f.unchanged(d, name, file); err != nil {
		return nil, f.lost(err)
	}
	if f.fresh = time.Since(f.ModTime).Abs() < freshness; f.fresh {
		f.sum = maphash.Bytes(f.w.seed, data)
	}
	return data, nil
}

// unchanged says whether both the open file and the one that has its name now are the one handed out: ErrChanged.
func (f *File) unchanged(d *folder, name string, open *os.File) error {
	in, err := infoOf(open)
	if err != nil {
		return err
	}
	at, err := d.look(name)
	if err != nil {
		return err
	}
	if !in.same(f.info) || !at.same(f.info) || f.written(open) {
		return ErrChanged
	}
	return nil
}

// written says whether someone has the open file open for writing, as far as the system can tell. An incomplete file
// may be.
func (f *File) written(open *os.File) bool {
	if f.Incomplete {
		return false
	}
	answer := f.w.lease(open)
	if answer == leaseTaken {
		giveLease(open)
	}
	return answer == leaseBusy
}

// lost makes an error of Read, Remove or Reject name the file.
func (f *File) lost(err error) error {
	switch {
	case vanished(err):
		return fmt.Errorf("%w: %s", ErrVanished, f.Path)
	case errors.Is(err, errOdd), errors.Is(err, ErrChanged):
		return fmt.Errorf("%w: %s", ErrChanged, f.Path)
	}
	return fmt.Errorf("capture: %w", err)
}

// Release ends the hand-out without a decision: the queue is full, or the file changed. If it is still there, it is
// offered again, not before after has passed. With many thousands of a camera's files released for long, some may
// be offered earlier.
func (f *File) Release(after time.Duration) {
	if f.ended.Swap(true) {
		return
	}
	f.w.ledger.release(f.entry, after, time.Now())
}
