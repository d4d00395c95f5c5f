package frame

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"image"
	"io"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"
)

// What comes out of the files that a shop can produce.
func TestNew(t *testing.T) {
	all := []string{"app", "comment", "exif", "gps", "iptc", "maker_note", "thumbnail", "trailing", "xmp"}
	exifTime := time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.UTC)
	modTime := time.Date(2026, 11, 22, 1, 20, 0, 456789e3, time.UTC)
	tests := []struct {
		story         string
		file          string
		format        Format
		width, height int // upright
		orientation   int
		stripped      []string
		exifTime      bool
	}{
		{"a plain photograph", "video.jpg", JPEG, 150, 103, 1, nil, false},
		{"a progressive one", "video-progressive.jpg", JPEG, 150, 103, 1, nil, false},
		{"a grey one", "video-grey.jpg", JPEG, 150, 103, 1, nil, false},
		{"CMYK from a printer's scanner", "video-cmyk.jpg", JPEG, 150, 103, 1, nil, false},
		{"RGB without colour transform", "video-rgb.jpg", JPEG, 150, 103, 1, nil, false},
		{"with restart markers", "video-restart.jpg", JPEG, 150, 103, 1, nil, false},
		{"a camera that tells everything, on its side", "camera.jpg", JPEG, 103, 150, 6, all, true},
		{"a phone that adds a second picture", "two-pictures.jpg", JPEG, 150, 103, 1,
			[]string{"extra_image", "trailing"}, false},
		{"upside down", "orientation-3.jpg", JPEG, 150, 103, 3, []string{"exif"}, false},
		{"mirrored and on its side", "orientation-5.jpg", JPEG, 103, 150, 5, []string{"exif"}, false},
		{"PNG with a comment", "video.png", PNG, 150, 103, 1, []string{"text"}, false},
		{"interlaced PNG", "interlaced.png", PNG, 256, 256, 1, []string{"time"}, false},
		{"PNG with alpha", "gopher-alpha.png", PNG, 75, 100, 1, nil, false},
		{"PNG that tells everything", "camera.png", PNG, 103, 150, 8, []string{"animation", "exif", "gps",
			"maker_note", "text", "thumbnail", "time", "trailing", "unknown", "xmp"}, true},
		{"lossy WebP", "rose-lossy.webp", WebP, 400, 301, 1, nil, false},
		{"lossy WebP with alpha", "rose-alpha.webp", WebP, 400, 301, 1, nil, false},
		{"lossless WebP", "tux-lossless.webp", WebP, 386, 395, 1, nil, false},
		{"WebP that tells everything", "camera.webp", WebP, 400, 301, 3, []string{"exif", "gps", "maker_note",
			"thumbnail", "trailing", "unknown", "xmp"}, true},
		{"BMP", "video.bmp", BMP, 150, 103, 1, nil, false},
		{"BMP with two bytes too many", "gopher-8bpp.bmp", BMP, 96, 73, 1, []string{"trailing"}, false},
		{"TIFF in tiles", "video-tiles.tif", TIFF, 150, 103, 1, []string{"text", "unknown"}, false},
		{"TIFF with 16 bits", "video-16bit.tif", TIFF, 150, 103, 1, []string{"text", "unknown"}, false},
		{"TIFF from a fax", "gopher-fax.tif", TIFF, 153, 55, 1, nil, false},
		{"TIFF that tells everything", "camera.tif", TIFF, 103, 150, 6, []string{"exif", "extra_image", "maker_note",
			"text", "unknown", "xmp"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			f, err := New(load(t, tt.file), Source{ModTime: modTime}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := &Frame{
				Bytes: f.Bytes, Format: tt.format, Width: tt.width, Height: tt.height, Orientation: tt.orientation,
				CapturedAt: modTime.Truncate(time.Millisecond), TimeSource: TimeMod, Stripped: tt.stripped, Luma: f.Luma,
				SHA256: sha256.Sum256(f.Bytes),
			}
			if tt.exifTime {
				want.CapturedAt, want.TimeSource = exifTime, TimeEXIF
			}
			if tt.file == "camera.tif" {
				want.CapturedAt = exifTime.Truncate(time.Second) // written without a fraction
			}
			if !reflect.DeepEqual(f, want) {
				f.Bytes, want.Bytes = nil, nil
				t.Errorf("got  %+v\nwant %+v", f, want)
			}
		})
	}
}

// Promises 2 to 5, for every picture in testdata that is a frame at all.
func TestPromises(t *testing.T) {
	frames := 0
	for _, name := range pictures(t) {
		raw := load(t, name)
		f, err := New(raw, Source{}, Options{})
		if codeOf(t, err) != "" {
			continue
		}
		frames++
		t.Run(name, func(t *testing.T) {
			if bytes.Contains(f.Bytes, []byte("SECRET")) {
				t.Error("promise 2: what a camera wrote is still there")
			}
			if !reflect.DeepEqual(pixels(t, raw), pixels(t, f.Bytes)) {
				t.Error("promise 3: the pixels differ")
			}
			before := bytes.Clone(raw)
			again, err := New(raw, Source{}, Options{})
			if err != nil || !reflect.DeepEqual(f, again) || !bytes.Equal(raw, before) {
				t.Error("promise 5: the same bytes gave another frame, or were changed")
			}
			twice, err := New(f.Bytes, Source{}, Options{})
			if err != nil || !bytes.Equal(twice.Bytes, f.Bytes) || twice.Stripped != nil ||
				twice.Orientation != f.Orientation {
				t.Errorf("promise 5: a frame of a frame differs: %v %v", err, twice)
			}
		})
	}
	if frames < 30 {
		t.Errorf("only %d frames", frames)
	}
}

func TestRejections(t *testing.T) {
	video := load(t, "video.jpg")
	tests := []struct {
		story string
		raw   []byte
		opts  Options
		want  Code
	}{
		{"a file that was never written", nil, Options{}, CodeEmpty},
		{"a file of zeros after a power cut", make([]byte, 4096), Options{}, CodeEmpty},
		{"a login page named .jpg", []byte("<html><body>Please log in"), Options{}, CodeUnknownFormat},
		{"a GIF", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), Options{}, CodeUnknownFormat},
		{"text that starts like a BMP", []byte("BMW drivers, attention please!"), Options{}, CodeUnknownFormat},
		{"one byte", []byte{0x89}, Options{}, CodeTruncated},
		{"one byte too large", video, Options{MaxBytes: int64(len(video)) - 1}, CodeTooLarge},
		{"as large as allowed", video, Options{MaxBytes: int64(len(video))}, ""},
		{"one pixel too many", video, Options{MaxPixels: 150*103 - 1}, CodeTooManyPixels},
		{"as many pixels as allowed", video, Options{MaxPixels: 150 * 103}, ""},
		{"too dear to decode", video, Options{MaxMemory: 100}, CodeTooManyPixels},
		{"a format that is not wanted", video, Options{Formats: []Format{PNG, WebP}}, CodeFormatNotAllowed},
		{"a format that is wanted", video, Options{Formats: []Format{PNG, JPEG}}, ""},
		{"too narrow", video, Options{MinWidth: 151}, CodeTooSmall},
		{"tall enough when it is turned", load(t, "orientation-6.jpg"), Options{MinHeight: 150}, ""},
		{"too narrow when it is turned", load(t, "orientation-6.jpg"), Options{MinWidth: 150}, CodeTooSmall},
		{"an upload that broke off", load(t, "truncated.jpg"), Options{}, CodeTruncated},
		{"an upload that broke off, of a PNG", load(t, "truncated.png"), Options{}, CodeTruncated},
		{"zeros where a power cut kept data from the disk", load(t, "power-cut.jpg"), Options{}, CodeTruncated},
		{"a camera that ends a broken picture properly", load(t, "truncated-scan.jpg"), Options{}, CodeCorrupt},
		{"a bit that fell over on a cheap disk", load(t, "damaged.png"), Options{}, CodeCorrupt},
		{"an animation", load(t, "animated.webp"), Options{}, CodeAnimated},
		{"JPEG with arithmetic coding", replaced(video, "\xff\xc0", "\xff\xc9"), Options{}, CodeUnsupported},
		{"JPEG with 12 bits", replaced(video, "\xff\xc0\x00\x11\x08", "\xff\xc0\x00\x11\x0c"), Options{},
			CodeUnsupported},
		{"BMP of OS/2", append([]byte("BM????\x00\x00\x00\x00\x1a\x00\x00\x00\x0c"), make([]byte, 99)...), Options{},
			CodeUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			f, err := New(tt.raw, Source{}, tt.opts)
			if got := codeOf(t, err); got != tt.want {
				t.Errorf("code %q, want %q: %v", got, tt.want, err)
			}
			if (f == nil) != (err != nil) {
				t.Errorf("frame %v with error %v", f, err)
			}
		})
	}
}

func replaced(raw []byte, before, after string) []byte {
	return bytes.Replace(raw, []byte(before), []byte(after), 1)
}

// Promise 6: a header that claims a huge picture costs nothing.
func TestBombs(t *testing.T) {
	const side = 60000
	be, le := binary.BigEndian, binary.LittleEndian
	bmpBomb := load(t, "video.bmp")
	le.PutUint32(bmpBomb[18:], side)
	le.PutUint32(bmpBomb[22:], side)
	tiffBomb := append([]byte("II*\x00"), 8, 0, 0, 0)
	tiffBomb = appendIFD(tiffBomb, le, []field{long(le, tagWidth, side), long(le, tagLength, side)}, 0)
	ihdr := be.AppendUint32(be.AppendUint32(nil, side), side)
	bombs := map[string][]byte{
		"jpeg": replaced(load(t, "video.jpg"), "\xff\xc0\x00\x11\x08\x00\x67\x00\x96", "\xff\xc0\x00\x11\x08\xea\x60\xea\x60"),
		"png":  append([]byte(pngSignature), chunk("IHDR", string(ihdr)+"\x08\x06\x00\x00\x00")...),
		"webp": riff(vp8x(0, side, side)),
		"bmp":  bmpBomb,
		"tiff": tiffBomb,
	}
	for name, raw := range bombs {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := New(raw, Source{}, Options{})
			runtime.ReadMemStats(&after)
			if got := codeOf(t, err); got != CodeTooManyPixels {
				t.Errorf("code %q: %v", got, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 256<<10 {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
}

// Promise 6: what decoding allocates is within the estimate that was compared with Options.MaxMemory.
func TestMemoryEstimate(t *testing.T) {
	for _, name := range pictures(t) {
		raw := load(t, name)
		f, err := New(raw, Source{}, Options{})
		if err != nil || name == "video-tiles.tif" {
			continue // a new buffer for each tile: more in total than at any one time
		}
		var estimate int64
		c := f.Format.codec()
		if _, err := c.parse(raw, limits{pixels: 1 << 40, memory: 1 << 40}); err != nil {
			t.Fatal(err)
		}
		// The estimate is the least MaxMemory that passes.
		for lo, hi := int64(1), int64(1<<30); lo <= hi; {
			mid := (lo + hi) / 2
			if _, err := c.parse(raw, limits{pixels: 1 << 40, memory: mid}); err == nil {
				estimate, hi = mid, mid-1
			} else {
				lo = mid + 1
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, _, err := c.verify(f.Bytes, limits{pixels: 1 << 40, memory: 1 << 40}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		// Tables and buffers of the decoders do not grow with the picture.
		const fixed = 192 << 10
		if raceEnabled {
			estimate *= 2 // sync.Pool drops what it is given, at random, so the decoders' buffers are made twice
		}
		if got := int64(after.TotalAlloc - before.TotalAlloc); got > estimate+fixed {
			t.Errorf("%s: %d bytes allocated, %d estimated", name, got, estimate)
		}
	}
}

// Promise 7: every prefix of a picture is a rejection, and no damage makes a panic.
func TestPrefixes(t *testing.T) {
	for _, name := range []string{"video-420.jpg", "gopher-palette.png", "gopher-fax.tif", "rose-v5.bmp", "camera.webp"} {
		raw := mustNew(t, load(t, name)).Bytes
		t.Run(name, func(t *testing.T) {
			for n := range raw {
				_, err := New(raw[:n], Source{}, Options{})
				if got := codeOf(t, err); got != CodeTruncated && got != CodeEmpty {
					t.Fatalf("%d of %d bytes: code %q: %v", n, len(raw), got, err)
				}
			}
		})
	}
}

// Promise 7: whatever bit falls over, there is a frame that keeps the promises, or a rejection.
func TestFlippedBits(t *testing.T) {
	for _, name := range []string{"camera.jpg", "orientation-6.jpg", "gopher-palette.png", "gopher-fax.tif",
		"rose-v5.bmp", "camera.tif"} {
		raw := load(t, name)
		step := max(1, len(raw)/400)
		for at := 0; at < len(raw); at += step {
			f, err := New(flipped(raw, at), Source{}, Options{})
			if codeOf(t, err) == "" && bytes.Contains(f.Bytes, []byte("SECRET")) {
				t.Errorf("%s: a bit at byte %d lets metadata through", name, at)
			}
		}
	}
}

// Promise 7, for decoders with faults of their own.
func TestFaultyDecoder(t *testing.T) {
	for story, decode := range map[string]func(io.Reader) (image.Image, error){
		"it panics":           func(io.Reader) (image.Image, error) { panic("index out of range") },
		"it decodes too much": func(io.Reader) (image.Image, error) { return image.NewGray(image.Rect(0, 0, 151, 103)), nil },
	} {
		c := *JPEG.codec()
		c.verify = decoding(decode)
		f, err := c.frame(load(t, "video.jpg"), Source{}, Options{}.withDefaults())
		if got := codeOf(t, err); got != CodeCorrupt || f != nil {
			t.Errorf("%s: code %q, frame %v", story, got, f)
		}
	}
}

func TestCodes(t *testing.T) {
	if !slices.Contains(Codes(), CodeTruncated) || Code("made up").Sentence() != "" {
		t.Error("the list of codes is not the list of sentences")
	}
	for _, c := range Codes() {
		if c.Sentence() == "" || (&Rejection{Code: c}).Error() != c.Sentence() {
			t.Errorf("%s has no sentence", c)
		}
	}
}

func TestFormat(t *testing.T) {
	for ext, want := range map[string]Format{"jpg": JPEG, ".JPEG": JPEG, "tif": TIFF, "tiff": TIFF, "webp": WebP, "gif": "", "": ""} {
		if got, ok := FormatOfExt(ext); got != want || ok != (want != "") {
			t.Errorf("FormatOfExt(%q) = %q, %v", ext, got, ok)
		}
	}
	for _, f := range Formats() {
		if got, ok := FormatOfExt(f.Ext()); got != f || !ok || f.ContentType() != "image/"+string(f) {
			t.Errorf("%s: extension %q, type %q", f, f.Ext(), f.ContentType())
		}
	}
	if Format("gif").Ext() != "" || Format("gif").ContentType() != "" {
		t.Error("an unknown format has an extension")
	}
}
