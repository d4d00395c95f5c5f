package queue

import (
	"context"
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
		ContentType: "image/jpeg", SHA256: sha256.Sum256(payload), Payload: payload,
		Metadata: map[string]string{"width": "3840", "height": "2160"}, Source: fmt.Sprintf("cam/IMG_%d.jpg", n)}
}

func benchFrames(n int) []New {
	frames := make([]New, n)
	for i := range frames {
		frames[i] = benchFrame(int64(i))
	}
	return frames
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
	fill(b, q, 100_000, false)
	middle := identity{camera: "cam-4", captured: day.Add(50_000 * time.Second), ext: "jpg"}.id()
	for b.Loop() {
		items, _, err := q.Items(context.Background(), Filter{}, Page{After: middle})
		if err != nil || len(items) != 100 {
			b.Fatal(len(items), err)
		}
	}
}
