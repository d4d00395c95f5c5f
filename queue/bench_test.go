package queue

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// benchFrame is a frame of 16 KiB that differs from all others by its first bytes.
func benchFrame(n int64) New {
	payload := make([]byte, 16<<10)
	copy(payload, fmt.Sprintf("picture %d", n))
	return New{Camera: fmt.Sprintf("cam-%d", n%8), CapturedAt: day.Add(time.Duration(n) * time.Millisecond), Ext: "jpg",
		ContentType: "image/jpeg", SHA256: sha256.Sum256(payload), MD5: md5.Sum(payload), Payload: payload,
		Metadata: map[string]string{"width": "3840", "height": "2160"}, Source: fmt.Sprintf("cam/IMG_%d.jpg", n)}
}

func benchFrames(n int) []New {
	frames := make([]New, n)
	for i := range frames {
		frames[i] = benchFrame(int64(i))
	}
	return frames
}

// fill gives a queue n records without payloads, as fast as bbolt takes them.
func fill(tb testing.TB, q *Queue, n int) {
	tb.Helper()
	const step = 10_000
	var it Item
	for from := 0; from < n; from += step {
		must(tb, q.do(func(t *txn) error {
			for i := from; i < min(from+step, n); i++ {
				f := frameOf(fmt.Sprintf("cam-%d", i%8), i)
				var err error
				if it, err = f.item(day); err != nil {
					return err
				}
				t.add(it)
			}
			return nil
		}))
	}
}

func BenchmarkPut(b *testing.B) {
	for _, at := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("at_once=%d", at), func(b *testing.B) {
			q := openTest(b, testOptions(b.TempDir()))
			var n atomic.Int64
			frames := benchFrames(b.N)
			b.SetBytes(16 << 10)
			b.ResetTimer()
			atOnce(b, at, func() error {
				_, err := q.Put(context.Background(), frames[n.Add(1)-1])
				return err
			})
			b.ReportMetric(float64(b.N)/float64(q.Stats().Commits), "puts/commit")
		})
	}
	// What it is compared with: the same files, synced and recorded one after the other.
	b.Run("one_commit_per_put", func(b *testing.B) { benchBare(b, 1) })
	b.Run("one_commit_per_put,at_once=64", func(b *testing.B) { benchBare(b, 64) })
}

func atOnce(b *testing.B, at int, do func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range at {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func benchBare(b *testing.B, at int) {
	dir := b.TempDir()
	db, err := bolt.Open(filepath.Join(dir, "bare.db"), 0o600, boltOptions(0))
	must(b, err)
	defer func() { must(b, db.Close()) }()
	var n atomic.Int64
	frames := benchFrames(b.N)
	b.SetBytes(16 << 10)
	b.ResetTimer()
	atOnce(b, at, func() error {
		f := frames[n.Add(1)-1]
		path := filepath.Join(dir, fmt.Sprintf("%x", f.SHA256))
		file, err := os.Create(path + ".tmp")
		if err != nil {
			return err
		}
		_, err = file.Write(f.Payload)
		if err := errors.Join(err, file.Sync(), file.Close(), os.Rename(path+".tmp", path), syncDir(dir)); err != nil {
			return err
		}
		return db.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists(bucketReady)
			return errors.Join(err, bucket.Put([]byte(path), make([]byte, 300)))
		})
	})
}

func BenchmarkLeaseAck(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("waiting=%d", n), func(b *testing.B) {
			if testing.Short() && n > 100_000 {
				b.Skip("takes long to fill")
			}
			q := openTest(b, testOptions(b.TempDir()))
			fill(b, q, n+b.N)
			b.ResetTimer()
			for range b.N {
				items := mustLease(b, q, 1)
				must(b, q.Ack(context.Background(), items[0].ID, Receipt{Proof: ProofStored}))
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	it, err := benchFrame(1).item(day)
	must(b, err)
	value, err := encodeItem(it)
	must(b, err)
	b.Run("encode", func(b *testing.B) {
		b.ReportMetric(float64(len(value)), "bytes")
		for b.Loop() {
			_, _ = encodeItem(it)
		}
	})
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			_, _ = decodeItem([]byte(it.ID), value, Waiting)
		}
	})
}

func BenchmarkItemsPage(b *testing.B) {
	q := openTest(b, testOptions(b.TempDir()))
	fill(b, q, 100_000)
	middle := identity{camera: "cam-4", captured: day.Add(50_000 * time.Second), ext: "jpg"}.id()
	for b.Loop() {
		items, _, err := q.Items(context.Background(), Filter{}, Page{After: middle})
		if err != nil || len(items) != 100 {
			b.Fatal(len(items), err)
		}
	}
}
