package frame

import (
	"bytes"
	"image"
	"reflect"
	"testing"
	"time"
)

// FuzzNew: whatever the bytes are, New returns a rejection with a known code, or a frame that keeps promises 1, 3 to 5
// and 7. The limits are small, so that the fuzzer spends its time on structure.
func FuzzNew(f *testing.F) {
	for _, name := range pictures(f) {
		if raw := load(f, name); len(raw) < 32<<10 {
			f.Add(raw)
		}
	}
	opts := Options{MaxPixels: 1 << 17, MaxMemory: 4 << 20}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		fr, err := New(raw, Source{}, opts)
		if !bytes.Equal(raw, before) {
			t.Fatal("the input was changed")
		}
		if codeOf(t, err) != "" {
			return
		}
		again, err := New(fr.Bytes, Source{}, opts)
		if err != nil {
			t.Fatalf("a frame is no frame: %v", err)
		}
		if !bytes.Equal(again.Bytes, fr.Bytes) || again.Stripped != nil || again.Orientation != fr.Orientation {
			t.Fatalf("a frame of a frame differs: %v, orientation %d and %d", again.Stripped, fr.Orientation, again.Orientation)
		}
		if len(fr.Bytes) > len(raw)+256 {
			t.Fatalf("%d bytes became %d", len(raw), len(fr.Bytes))
		}
		if fr.Format == JPEG {
			pixels(t, fr.Bytes) // which were not decoded by New
		}
		// What libraries refuse may have become a picture by the strip: a gap in a BMP, a field out of order in a TIFF.
		if want, _, err := image.Decode(bytes.NewReader(raw)); err == nil && !reflect.DeepEqual(pixels(t, fr.Bytes), want) {
			t.Fatal("the pixels differ")
		}
	})
}

// FuzzEXIF: no block panics, loops, or gives a value outside its range.
func FuzzEXIF(f *testing.F) {
	for _, name := range pictures(f) {
		format, _ := FormatOfExt(name[len(name)-3:])
		c := format.codec()
		if c == nil {
			continue
		}
		raw := load(f, name)
		if l, err := c.parse(raw, Options{}.withDefaults().limits()); err == nil && len(l.exif) > 0 && len(l.exif) < 4096 {
			f.Add(l.exif)
		}
	}
	for o := 2; o <= 8; o++ {
		f.Add(orientationEXIF(o))
	}
	mod := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, block []byte) {
		meta := readEXIF(block)
		if meta.orientation < 1 || meta.orientation > 8 {
			t.Errorf("orientation %d", meta.orientation)
		}
		at, from := captureTime(meta, Source{ModTime: mod})
		if at.Before(earliest) || at.After(mod.Add(maxAhead)) || from == "" {
			t.Errorf("captured at %v from %q", at, from)
		}
	})
}

// FuzzScan: scanJPEG and image/jpeg have the same opinion of any bytes, beside what agrees lets pass.
func FuzzScan(f *testing.F) {
	for _, raw := range jpegFiles(f) {
		if len(raw) < 6<<10 {
			f.Add(raw)
		}
	}
	for seed := range uint64(40) {
		if raw, _ := noiseJPEG(seed); len(raw) < 6<<10 {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		agrees(t, raw)
		if !bytes.Equal(raw, before) {
			t.Fatal("the input was changed")
		}
	})
}

// FuzzSniff holds the format that the content is taken for against what the decoders recognise themselves: a frame
// must never be uploaded under another type than that of the decoder that vouched for it.
func FuzzSniff(f *testing.F) {
	for _, name := range pictures(f) {
		raw := load(f, name)
		f.Add(raw[:min(len(raw), 512)])
	}
	for _, c := range codecs {
		for _, magic := range c.magics {
			f.Add([]byte(magic))
		}
	}
	for _, s := range strangers {
		f.Add([]byte(s.magic))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := sniff(raw)
		if err != nil && codeOf(t, err).Sentence() == "" {
			t.Errorf("refused without a reason: %v", err)
		}
		_, name, decodeErr := image.DecodeConfig(bytes.NewReader(raw))
		if decodeErr != nil {
			return
		}
		// image/jpeg looks past bytes that do not belong between its first two markers; here they make no JPEG.
		if c != nil && string(c.format) != name {
			t.Errorf("%s was taken for %s", name, c.format)
		}
	})
}
