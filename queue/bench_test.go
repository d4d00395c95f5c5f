package queue

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"
)

const benchCameras = 8

// benchFrame is a frame of 16 KiB that differs from all others by its first bytes.
func benchFrame(n int64) New {
	payload := make([]byte, 16<<10)
	copy(payload, fmt.Sprintf("picture %d", n))
	return New{Camera: fmt.Sprintf("cam-%d", n%benchCameras), CapturedAt: day.Add(time.Duration(n) * time.Millisecond), Ext: "jpg",
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
