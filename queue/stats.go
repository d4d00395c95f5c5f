package queue

import (
	"bytes"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Stats is the queue in numbers. Waiting, Deferred, Leased and Parked add up to all items.
type Stats struct {
	Waiting   int64
	Deferred  int64
	Leased    int64
	Parked    int64
	Delivered int64 // since the queue was made, or its database was lost
	Dropped   int64 // likewise
	Bytes     int64 // of all payloads
	Lost      int64 // of Parked, those whose payload is missing or damaged

	OldestCaptured time.Time // of what is to be delivered; zero: nothing is
	OldestEnqueued time.Time // when that one was queued
	NextDue        time.Time // zero: nothing is deferred

	MaxBytes int64 // the limits in force
	MinFree  int64
	Commits  int64 // since Open

	DiskTotal int64 // of the disk that the queue is on; 0: it cannot be asked
	DiskFree  int64

	Cameras []CameraStats // by name
	Healed  Healed
}

// Pending is what is still to be delivered.
func (s Stats) Pending() int64 { return s.Waiting + s.Deferred + s.Leased }

// CameraStats is Stats for one camera.
type CameraStats struct {
	Camera       string
	Waiting      int64
	Deferred     int64
	Leased       int64
	Parked       int64
	Delivered    int64
	Dropped      int64
	Bytes        int64
	Sent         int64     // bytes delivered, as Delivered
	Delays       Delays    // likewise
	LastCaptured time.Time // newest capture time seen in the queue, whatever became of it
}

// Pending is what is still to be delivered.
func (s CameraStats) Pending() int64 { return s.Waiting + s.Deferred + s.Leased }

// Stats returns the numbers as of now. Its cost grows with the number of cameras, not of items.
func (q *Queue) Stats() Stats {
	s := q.counters()
	s.OldestCaptured, s.OldestEnqueued = q.oldestItem(s.Cameras)
	s.NextDue, _ = q.NextDue()
	s.MaxBytes, s.MinFree = q.space.maxBytes, q.space.minFree
	s.Commits = q.commits.Load()
	s.DiskTotal, s.DiskFree, _ = diskSpace(q.opts.Dir) // a disk that does not answer shows as 0
	return s
}

func (q *Queue) counters() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	leased := map[string]int64{}
	for id := range q.leased {
		leased[id.camera()]++
	}
	t, n := q.total, int64(len(q.leased))
	s := Stats{Waiting: t.Ready - n, Deferred: t.Deferred, Leased: n, Parked: t.Parked, Delivered: t.Delivered,
		Dropped: t.Dropped, Bytes: t.Bytes, Lost: t.Lost, Healed: q.report}
	for camera, c := range q.tallies {
		cs := CameraStats{Camera: camera, Waiting: c.Ready - leased[camera], Deferred: c.Deferred, Leased: leased[camera],
			Parked: c.Parked, Delivered: c.Delivered, Dropped: c.Dropped, Bytes: c.Bytes,
			Sent: c.Sent, Delays: c.Delay}
		if c.LastCaptured != 0 {
			cs.LastCaptured = time.UnixMilli(c.LastCaptured).UTC()
		}
		s.Cameras = append(s.Cameras, cs)
	}
	slices.SortFunc(s.Cameras, func(a, b CameraStats) int { return strings.Compare(a.Camera, b.Camera) })
	return s
}

// oldestItem looks at the first key of each camera among what is to be delivered.
func (q *Queue) oldestItem(cameras []CameraStats) (captured, enqueued time.Time) {
	err := q.store.view(func(tx *bolt.Tx) error {
		for _, state := range []State{Waiting, Deferred} {
			c := tx.Bucket(bucketOf(state)).Cursor()
			for _, camera := range cameras {
				from, to := cameraRange(camera.Camera)
				key, value := c.Seek(from)
				if key == nil || bytes.Compare(key, to) >= 0 {
					continue
				}
				it, err := q.decode(key, value, state)
				if err == nil && (captured.IsZero() || it.CapturedAt.Before(captured)) {
					captured, enqueued = it.CapturedAt, it.EnqueuedAt
				}
			}
		}
		return nil
	})
	if err != nil {
		return time.Time{}, time.Time{}
	}
	return captured, enqueued
}
