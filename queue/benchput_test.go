package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	bolt "go.etcd.io/bbolt"

	"shelfagent/queue/slowdisk"
)

// BenchmarkPut is how many frames become durable in a second when 1, 8 and 64 are put at once, beside a program that does the
// same with one commit for each: on the disk of this machine, and on one like a shop's.
func BenchmarkPut(b *testing.B) {
	b.Run("disk=here", func(b *testing.B) { benchPuts(b, here{}) })
	b.Run("disk=shop", func(b *testing.B) {
		disk, err := slowdisk.Mount(slowdisk.ShopFlush)
		if err != nil {
			// A benchmark that is skipped says nothing by itself.
			fmt.Fprintf(os.Stderr, "NOT MEASURED: Puts on a disk whose flush takes %v: it takes root, /dev/fuse, a loop device and mkfs.ext4: %v\n",
				slowdisk.ShopFlush, err)
			b.SkipNow()
		}
		b.Cleanup(func() { must(b, disk.Unmount()) })
		benchPuts(b, shop{disk})
	})
}

// benchDisk is where a benchmark works.
type benchDisk interface {
	dir(b *testing.B) string
	flushes() (n int64, counted bool)
}

type here struct{}

func (here) dir(b *testing.B) string { return b.TempDir() }
func (here) flushes() (int64, bool)  { return 0, false }

type shop struct{ disk *slowdisk.Disk }

func (s shop) dir(b *testing.B) string {
	dir, err := os.MkdirTemp(s.disk.Dir, "bench-")
	must(b, err)
	b.Cleanup(func() { must(b, os.RemoveAll(dir)) })
	return dir
}

func (s shop) flushes() (int64, bool) {
	n, err := s.disk.Flushes()
	return n, err == nil
}

func benchPuts(b *testing.B, disk benchDisk) {
	for _, at := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("at_once=%d", at), func(b *testing.B) {
			q := openTest(b, testOptions(disk.dir(b)))
			put := func(f New) error {
				_, err := q.Put(context.Background(), f)
				return err
			}
			frames := settledIn(b, put)
			before := q.Stats().Commits
			benchAtOnce(b, disk, at, frames, put)
			b.ReportMetric(float64(b.N)/float64(q.Stats().Commits-before), "puts/commit")
		})
	}
	for _, at := range []int{1, 64} {
		b.Run(fmt.Sprintf("one_commit_per_put,at_once=%d", at), func(b *testing.B) {
			put := onePerCommit(b, disk.dir(b))
			benchAtOnce(b, disk, at, settledIn(b, put), put)
		})
	}
}

// settledIn makes the frames of a benchmark, and puts one more of each camera, for which there is a directory then.
func settledIn(b *testing.B, put func(New) error) []New {
	frames := benchFrames(b.N + benchCameras)
	for _, f := range frames[b.N:] {
		must(b, put(f))
	}
	return frames[:b.N]
}

// benchAtOnce has frames put by as many goroutines as are to be at work at once.
func benchAtOnce(b *testing.B, disk benchDisk, at int, frames []New, put func(New) error) {
	flushed, counted := disk.flushes()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range at {
		wg.Go(func() {
			for n := next.Add(1) - 1; n < int64(len(frames)); n = next.Add(1) - 1 {
				if err := put(frames[n]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
	if now, _ := disk.flushes(); counted {
		b.ReportMetric(float64(now-flushed)/float64(b.N), "flushes/put")
	}
}

// onePerCommit is what the queue is compared with: the same file, made durable in the same steps, and a record of
// the same size in a commit of its own.
func onePerCommit(b *testing.B, dir string) func(New) error {
	db, err := bolt.Open(filepath.Join(dir, "bare.db"), 0o600, boltOptions(0))
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	db.AllocSize = allocBytes
	must(b, db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(bucketReady)
		return err
	}))
	for _, f := range benchFrames(benchCameras) {
		must(b, os.Mkdir(filepath.Join(dir, f.Camera), 0o700))
	}
	return func(f New) error {
		it, err := f.item(day)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(string(it.ID)))
		file, err := os.Create(path + ".tmp")
		if err != nil {
			return err
		}
		_, err = file.Write(f.Payload)
		if err := errors.Join(err, file.Sync(), file.Close(), os.Rename(path+".tmp", path), syncDir(filepath.Dir(path))); err != nil {
			return err
		}
		value, err := encodeItem(it)
		if err != nil {
			return err
		}
		return db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketReady).Put([]byte(it.ID), value) })
	}
}
