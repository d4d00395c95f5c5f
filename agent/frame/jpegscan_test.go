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
	for _, dir := range []string{framesDir, filepath.Join(runtime.GOROOT(), "src", "image", "testdata")} { //nolint:staticcheck // tests run where they were built
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

// New as a whole: what it takes can be decoded, and what it refuses beyond image/jpeg is what the package comment says.
func TestNewAgreesWithImageJPEG(t *testing.T) {
	files := slices.Collect(maps.Values(jpegFiles(t)))
	for _, raw := range jpegFiles(t) {
		for at := 0; at < len(raw); at += 1 + len(raw)/50 {
			files = append(files, flipped(raw, at))
		}
	}
	for seed := range uint64(1000) {
		raw, _ := noiseJPEG(seed)
		files = append(files, raw)
	}
	reasons := append([]string{"no scan of component", "more than 100 scans"}, stricter...)
	taken := 0
	for _, raw := range files {
		f, err := New(raw, Source{}, Options{MaxPixels: 1 << 17})
		if err == nil {
			pixels(t, f.Bytes)
			taken++
			continue
		}
		if codeOf(t, err) == CodeTooManyPixels {
			continue
		}
		known := slices.ContainsFunc(reasons, func(why string) bool { return strings.Contains(err.Error(), why) })
		if _, libErr := jpeg.Decode(bytes.NewReader(raw)); libErr == nil && !known {
			t.Errorf("refused, but not by image/jpeg: %v", err)
		}
	}
	t.Logf("%d of %d files were taken", taken, len(files))
}

// greyJPEG is a grey picture of one row of blocks, with one DC and one AC table of the given values, each with a code
// of three bits, and with these bytes as its scan.
func greyJPEG(marker byte, blocks int, dc, ac, spectrum, scan string) []byte {
	table := func(class byte, vals string) []byte {
		return segment(mDHT, string([]byte{class, 0, 0, byte(len(vals))})+string(make([]byte, 13))+vals)
	}
	return bytes.Join([][]byte{{0xff, mSOI},
		segment(mDQT, "\x00\x08"+strings.Repeat("\x01", 63)),
		segment(marker, "\x08\x00\x08\x00"+string([]byte{byte(8 * blocks)})+"\x01\x01\x11\x00"),
		table(0, dc), table(0x10, ac),
		segment(mSOS, "\x01\x01\x00"+spectrum), []byte(scan), {0xff, mEOI}}, nil)
}

// The habits of image/jpeg that no encoder makes visible, and the points on which this package is stricter.
func TestScanHabits(t *testing.T) {
	const whole, details = "\x00\x3f\x00", "\x01\x3f\x00"
	video := load(t, "video-444.jpg")
	replaceScan := func(raw []byte, change func(scan []byte) []byte) []byte {
		at := bytes.Index(raw, []byte{0xff, mSOS}) + 14
		return append(append(bytes.Clone(raw[:at]), change(bytes.Clone(raw[at:len(raw)-2]))...), 0xff, mEOI)
	}
	restart := bytes.Index(load(t, "video-restart.jpg"), []byte{0xff, mRST0 + 1})
	tests := []struct {
		story string
		raw   []byte
		want  Code
		lib   bool // whether image/jpeg takes it
	}{
		// Codes are of three bits: 000 is the first value of a table, 001 the second.
		{"a block that ends at once", greyJPEG(mSOF0, 1, "\x00", "\x00", whole, "\x03"), "", true},
		{"a bit too few", greyJPEG(mSOF0, 3, "\x00", "\x00", whole, "\x00\x00"), CodeCorrupt, false},
		{"the last bit", greyJPEG(mSOF0, 4, "\x00", "\x00", whole, "\x00\x00\x00"), "", true},
		{"a code that is not in the table", greyJPEG(mSOF0, 1, "\x00", "\x00", whole, "\xfe"), CodeCorrupt, false},
		{"zeros behind the last coefficient", greyJPEG(mSOF0, 1, "\x00", "\xf0", whole, "\x00\x00"), "", true},
		{"a coefficient behind the last one, whose value is not read", greyJPEG(mSOF0, 8, "\x00", "\xf0\xf1", whole,
			"\x00\x02\x00\x04\x00\x08\x00\x10\x00\x20\x00\x40\x00\x80\x01"), "", true},
		{"a code of one bit for 16 zeros", replaced(greyJPEG(mSOF0, 8, "\x00", "\xf0", whole, strings.Repeat("\x00", 7)),
			"\x10\x00\x00\x01", "\x10\x01\x00\x00"), "", true},
		{"a run of blocks in a sequential picture", greyJPEG(mSOF0, 3, "\x00", "\x10", whole, "\x02\x00"), "", true},
		{"a DC difference of 16 bits", greyJPEG(mSOF0, 1, "\x10", "\x00", whole, "\x00\x00\x00"), "", true},
		{"a DC difference of 17 bits", greyJPEG(mSOF0, 1, "\x11", "\x00", whole, "\x00\x00\x00"), CodeUnsupported, false},
		{"a run of 32767 blocks", greyJPEG(mSOF2, 31, "\x00", "\xe0", details, "\x1f\xfe\x00"), "", true},
		{"a fill byte within a scan", greyJPEG(mSOF0, 4, "\x00", "\x00", whole, "\x00\xff\xff\x00"), CodeCorrupt, false},
		{"more data than blocks", replaceScan(video, func(scan []byte) []byte { return append(scan, 1, 2, 0xff, 0, 3) }), "", true},
		{"less data than blocks", replaceScan(video, func(scan []byte) []byte { return scan[:len(scan)-3] }), CodeCorrupt, false},
		{"a damaged restart, found again", flipped(load(t, "video-restart.jpg"), restart-30), "", true},
		{"a restart out of turn", replaced(load(t, "video-restart.jpg"), "\xff\xd1", "\xff\xd3"), CodeCorrupt, false},
		{"a quantization table that is only a name", withSegments(video, segment(mDQT, "\x00")), "", true},
		{"no quantization table", replaced(replaced(video, "\xff\xdb", "\xff\xfe"), "\xff\xdb", "\xff\xfe"), "", true},
		{"CMYK that does not say so", replaced(load(t, "video-cmyk.jpg"), "Adobe", "adobe"), CodeUnsupported, false},
		{"sampling of 3 by 1", replaced(video, "\x01\x11\x00", "\x01\x31\x00"), CodeUnsupported, false},
		{"sampling of 1 by 4", replaced(video, "\x01\x11\x00", "\x01\x14\x00"), CodeUnsupported, false},
		{"colours that are sampled apart", replaced(replaced(video, "\x01\x11\x00", "\x01\x22\x00"), "\x02\x11\x01", "\x02\x12\x01"),
			CodeUnsupported, false},
		{"two components of one name", replaced(video, "\x02\x11\x01", "\x01\x11\x01"), CodeCorrupt, false},
		{"stricter: more codes than there are", greyJPEG(mSOF0, 1, "\x00", strings.Repeat("\x00", 9), whole, "\x03"),
			CodeCorrupt, true},
		{"stricter: no width", replaced(video, "\x00\x67\x00\x96", "\x00\x67\x00\x00"), CodeCorrupt, true},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			_, _, _, err := scanJPEG(tt.raw, limits{pixels: 1 << 17, memory: 1 << 20})
			if got := codeOf(t, err); got != tt.want {
				t.Errorf("code %q, want %q: %v", got, tt.want, err)
			}
			if _, err := jpeg.Decode(bytes.NewReader(tt.raw)); (err == nil) != tt.lib {
				t.Errorf("image/jpeg says %v", err)
			}
		})
	}
}

// The steps of a quantization table, and what exceeds the range of a byte.
func TestScanLuma(t *testing.T) {
	steps8 := segment(mDQT, "\x00\x08"+strings.Repeat("\x01", 63))
	steps16 := segment(mDQT, "\x10\x01\x08"+strings.Repeat("\x00\x01", 63))
	// Codes of three bits: a DC difference of size 1 or, with the other table, 8, its value, and the end of the block.
	one, minusOne, large := greyJPEG(mSOF0, 1, "\x01", "\x00", "\x00\x3f\x00", "\x11"),
		greyJPEG(mSOF0, 1, "\x01", "\x00", "\x00\x3f\x00", "\x01"), greyJPEG(mSOF0, 1, "\x08", "\x00", "\x00\x3f\x00", "\x1f\xe0")
	tests := []struct {
		story string
		raw   []byte
		want  uint8
	}{
		{"a step up", one, 129},
		{"a step down", minusOne, 127},
		{"as bright as can be", large, 255},
		{"a step of 264", replaced(one, string(steps8), string(steps16)), 161},
		{"no step", replaced(one, string(steps8), ""), 128},
	}
	for _, tt := range tests {
		img, luma, ok := agrees(t, tt.raw)
		if !ok || luma.Pix[0] != tt.want || img.(*image.Gray).Pix[0] != tt.want {
			t.Errorf("%s: %v, brightness %v, want %d", tt.story, ok, luma, tt.want)
		}
	}
}

// Promise 6: nothing is allocated for a header that exceeds the limits, and tables that no scan uses cost no more than
// their bytes.
func TestScanAllocations(t *testing.T) {
	huge := replaced(load(t, "small-progressive.jpg"), "\x08\x00\x0c\x00\x14", "\x08\xff\xff\xff\xff")
	table := segment(mDHT, "\x00\x01"+string(make([]byte, 15))+"\x00")
	tests := []struct {
		story string
		raw   []byte
		want  Code
	}{
		{"65535 x 65535 pixels", huge, CodeTooManyPixels},
		{"a hundred thousand tables", withSegments(load(t, "small-baseline.jpg"), bytes.Repeat(table, 100_000)), ""},
	}
	for _, tt := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _, err := scanJPEG(tt.raw, Options{}.withDefaults().limits())
		runtime.ReadMemStats(&after)
		if got := codeOf(t, err); got != tt.want {
			t.Errorf("%s: code %q, want %q: %v", tt.story, got, tt.want, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 128<<10 {
			t.Errorf("%s: %d bytes allocated", tt.story, n)
		}
	}
}
