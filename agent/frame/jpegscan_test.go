package frame

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// stricter are the reasons for which scanJPEG refuses what image/jpeg takes. There is no other.
var stricter = []string{"Huffman table with more codes than there are", "without a height in its header", "0 x "}

// agrees compares the verdict of scanJPEG with that of image/jpeg, and returns what both have decoded. ok is false
// when they refuse it.
func agrees(t *testing.T, raw []byte) (img image.Image, luma *image.Gray, ok bool) {
	t.Helper()
	lim := limits{pixels: 1 << 17, memory: 4 << 20}
	width, height, luma, err := scanJPEG(raw, lim)
	if codeOf(t, err) == CodeTooManyPixels {
		return nil, nil, false
	}
	img, libErr := jpeg.Decode(bytes.NewReader(raw))
	if err != nil && slices.ContainsFunc(stricter, func(why string) bool { return strings.Contains(err.Error(), why) }) {
		return nil, nil, false
	}
	if (err == nil) != (libErr == nil) {
		t.Fatalf("the scan says %v, image/jpeg says %v", err, libErr)
	}
	if err != nil {
		return nil, nil, false
	}
	size := img.Bounds().Size()
	if size.X != width || size.Y != height {
		t.Fatalf("%d x %d pixels, image/jpeg has %v", width, height, size)
	}
	if luma != nil && luma.Rect != image.Rect(0, 0, (width+7)/8, (height+7)/8) {
		t.Fatalf("brightness of %v for %d x %d pixels", luma.Rect, width, height)
	}
	return img, luma, true
}

// differences are the distances of luma from the means of the blocks of img, away from the right and lower edges,
// where a block holds more than the picture shows.
func differences(t *testing.T, img image.Image, luma *image.Gray) (mean float64, most int) {
	t.Helper()
	pix, stride := []byte(nil), 0
	switch m := img.(type) {
	case *image.Gray:
		pix, stride = m.Pix, m.Stride
	case *image.YCbCr:
		pix, stride = m.Y, m.YStride
	default:
		t.Fatalf("%T has a brightness", img)
	}
	total, blocks := 0, 0
	size := img.Bounds().Size()
	for y := range size.Y / 8 {
		for x := range size.X / 8 {
			sum := 0
			for i := range 64 {
				sum += int(pix[(8*y+i/8)*stride+8*x+i%8])
			}
			d := (sum+32)/64 - int(luma.GrayAt(x, y).Y)
			d = max(d, -d)
			total, blocks, most = total+d, blocks+1, max(most, d)
		}
	}
	return float64(total) / float64(max(blocks, 1)), most
}

// jpegFiles are the JPEG files of testdata/frames and of the Go distribution.
func jpegFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, dir := range []string{framesDir, filepath.Join(runtime.GOROOT(), "src", "image", "testdata")} {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue // Go without its sources
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if format, _ := FormatOfExt(filepath.Ext(e.Name())); format != JPEG {
				continue
			}
			raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			files[e.Name()] = raw
		}
	}
	return files
}

// madeJPEGs are pictures of all sizes up to 17 × 17 and of several qualities, written by image/jpeg.
func madeJPEGs(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	write := func(name string, img image.Image, quality int) {
		var buf bytes.Buffer
		if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: quality}); err != nil {
			t.Fatal(err)
		}
		files[name] = buf.Bytes()
	}
	whole := pixels(t, load(t, "video.jpg")).(*image.YCbCr)
	for side := 1; side <= 17; side++ {
		name := strings.Repeat("x", side)
		write("wide "+name, whole.SubImage(image.Rect(0, 0, side, 9)), 90)
		write("high "+name, whole.SubImage(image.Rect(0, 0, 9, side)), 90)
		write("grey "+name, &image.Gray{Pix: whole.Y, Stride: whole.YStride, Rect: image.Rect(0, 0, side, side)}, 90)
	}
	for _, quality := range []int{1, 10, 50, 75, 95, 100} {
		write("quality "+string(rune('a'+quality/10)), whole, quality)
	}
	return files
}

func TestScanAgrees(t *testing.T) {
	files := jpegFiles(t)
	maps.Copy(files, madeJPEGs(t))
	accepted := 0
	for name, raw := range files {
		t.Run(name, func(t *testing.T) {
			img, luma, ok := agrees(t, raw)
			if !ok {
				return
			}
			accepted++
			if coloured := strings.Contains(name, "cmyk") || strings.Contains(name, "rgb"); coloured != (luma == nil) {
				t.Errorf("has brightness: %v", luma != nil)
			}
			if luma == nil {
				return
			}
			// What makes a difference are pixels that the inverse transform has cut to 0 or 255.
			if mean, most := differences(t, img, luma); mean > 1 || most > 16 {
				t.Errorf("brightness is off by %.2f, at most %d", mean, most)
			}
		})
	}
	if accepted < 75 {
		t.Errorf("only %d pictures", accepted)
	}
}

// The small files, cut at every byte and with every bit turned: damage at any place of any kind of scan. Then the
// larger ones, at some places.
func TestScanAgreesOnDamage(t *testing.T) {
	for _, name := range []string{"small-baseline.jpg", "small-progressive.jpg", "small-refined.jpg", "small-planes.jpg",
		"small-restarts.jpg", "small-planes-restart.jpg"} {
		raw := load(t, name)
		for n := range raw {
			agrees(t, raw[:n])
			agrees(t, append(bytes.Clone(raw[:n]), 0xff, mEOI))
		}
		taken := 0
		for bit := range 8 * len(raw) {
			damaged := bytes.Clone(raw)
			damaged[bit/8] ^= 0x80 >> (bit % 8)
			if _, _, ok := agrees(t, damaged); ok {
				taken++
			}
		}
		t.Logf("%s: %d of %d damaged files are taken, by image/jpeg as well", name, taken, 8*len(raw))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, raw := range jpegFiles(t) {
		for range 20 {
			damaged := bytes.Clone(raw)
			for range 1 + random.IntN(3) {
				damaged[random.IntN(len(raw))] = byte(random.Uint32())
			}
			agrees(t, damaged)
		}
	}
}

// On tables, scans and data that no encoder would write, the two agree as well, and on every DC coefficient.
func TestScanAgreesOnNoise(t *testing.T) {
	taken := map[string]int{}
	for seed := range uint64(4000) {
		raw, kind := noiseJPEG(seed)
		img, luma, ok := agrees(t, raw)
		if !ok {
			continue
		}
		taken[kind]++
		if luma == nil || kind == "wild" {
			continue
		}
		if _, most := differences(t, img, luma); most > 1 {
			t.Fatalf("seed %d, %s: brightness is off by %d", seed, kind, most)
		}
	}
	for _, kind := range []string{"sequential", "progressive", "wild"} {
		if taken[kind] < 300 {
			t.Errorf("only %d %s pictures were taken", taken[kind], kind)
		}
	}
	t.Log(taken)
}
