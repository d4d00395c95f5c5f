package frame

import (
	"image"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// peakOf is about the most memory, in bytes, that was alive at any time while f ran, with a tenth of garbage.
func peakOf(f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	alive := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	runtime.GC()
	before := alive()
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		var peak int64
		for {
			select {
			case <-stop:
				most <- peak
				return
			case <-look.C:
				peak = max(peak, alive()-before)
			}
		}
	}()
	f()
	close(stop)
	return <-most
}

// noisePictures are the worst that can be coded: nothing in them is predictable.
func noisePictures(t *testing.T, rect image.Rectangle) map[string][]byte {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	ycc, rgb := image.NewYCbCr(rect, image.YCbCrSubsampleRatio420), image.NewRGBA(rect)
	for _, pix := range [][]byte{ycc.Y, ycc.Cb, ycc.Cr, rgb.Pix} {
		for i := range pix {
			pix[i] = uint8(random.Uint32())
		}
	}
	for i := 3; i < len(rgb.Pix); i += 4 {
		rgb.Pix[i] = 0xff
	}
	all := map[string][]byte{}
	for format, c := range map[Format]canvas{JPEG: ycc, PNG: rgb, BMP: rgb, TIFF: rgb} {
		encoded, err := format.codec().encode(c, 90)
		if err != nil {
			t.Fatal(err)
		}
		all[string(format)] = encoded
	}
	all["jpeg on its side"] = withSegments(all["jpeg"], segment(mAPP1, exifID+string(orientationEXIF(6))))
	return all
}

// Promise 6, where pixels are changed: what is alive at any time is within what the package comment says, beside the
// file and its copy. Scaling by next to nothing takes the most.
func TestReworkMemoryHolds(t *testing.T) {
	rect := image.Rect(0, 0, 1000, 750)
	for name, raw := range noisePictures(t, rect) {
		if raceEnabled && !strings.HasPrefix(name, "jpeg") {
			continue // the collector takes a minute; what the race detector looks for is not here
		}
		perPixel := 16.0
		switch name {
		case "jpeg", "jpeg on its side":
			perPixel = 6.6 // blocks at the edges are whole
		case "tiff":
			perPixel = 20
		}
		pixels := float64(rect.Dx() * rect.Dy())
		opts := Options{LongestEdge: 999, Masks: []Mask{{kite, 4, 3}}, MaxMemory: int64(perPixel * pixels)}
		var err error
		peak := peakOf(func() { _, err = New(raw, Source{}, opts) })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%s: %.1f bytes for each pixel, %.1f are said", name, float64(peak)/pixels, perPixel)
		const fixed = 1 << 20 // tables of compressors
		if raceEnabled {
			opts.MaxMemory *= 2 // the collector lags behind
		}
		if peak > opts.MaxMemory+2*int64(len(raw))+fixed {
			t.Errorf("%s: %d bytes were alive, %d are said, beside a file of %d", name, peak, opts.MaxMemory, len(raw))
		}
	}
}
