package queue

import (
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// markedBytes of the database are summed in the clean-stop marker: they contain both meta pages at any page size,
// and bbolt changes one of them with every commit.
const markedBytes = 128 << 10

func (q *Queue) markerPath() string   { return filepath.Join(q.opts.Dir, "clean") }
func (q *Queue) databasePath() string { return filepath.Join(q.opts.Dir, "queue.db") }

// mark describes the database as it is now.
func (q *Queue) mark() (string, error) {
	f, err := os.Open(q.databasePath())
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read only
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	sum := crc32.New(castagnoli)
	if _, err := io.CopyN(sum, f, min(markedBytes, info.Size())); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %08x\n", info.Size(), sum.Sum32()), nil
}

// leaveMarker records that the stop was clean.
func (q *Queue) leaveMarker() error {
	mark, err := q.mark()
	if err != nil {
		return err
	}
	return q.disk.keep(q.markerPath(), []byte(mark))
}

// takeMarker removes the marker, durably, before anything is changed, and tells whether the last stop was clean:
// the marker was there, and it was the marker of this database.
func (q *Queue) takeMarker() (clean bool, err error) {
	text, err := os.ReadFile(q.markerPath())
	if err != nil {
		return false, ignoreMissing(err)
	}
	mark, err := q.mark()
	clean = err == nil && mark == string(text)
	if err := q.disk.remove(q.markerPath()); err != nil {
		return false, err
	}
	return clean, q.disk.syncDir(q.opts.Dir)
}
