package frame

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
	"runtime"
	"strings"
	"testing"
)

// badInput is what comes out of broken cameras and cheap disks, and from who means harm: small files, by their story.
func badInput(t testing.TB) []story {
	t.Helper()
	be, le := binary.BigEndian, binary.LittleEndian
	jpg, gopher, bmp := load(t, "small-baseline.jpg"), load(t, "gopher-palette.png"), load(t, "rose-v5.bmp")
	flatBMP := bytes.Clone(bmp)
	le.PutUint32(flatBMP[18:], 0)
	sof := bytes.Index(jpg, []byte{0xff, mSOF0})
	sized := func(size string) []byte { return replaced(jpg, string(jpg[sof+5:sof+9]), size) }
	coded := func(marker byte) []byte { return replaced(jpg, "\xff\xc0", "\xff"+string([]byte{marker})) }
	ihdr := func(width, height uint32) []byte {
		head := string(be.AppendUint32(be.AppendUint32(nil, width), height)) + "\x08\x06\x00\x00\x00"
		return append(append([]byte(pngSignature), chunk("IHDR", head)...), gopher[33:]...)
	}
	long8 := bytes.Clone(gopher)
	be.PutUint32(long8[33:], 0x7fffffff)
	var deep bytes.Buffer
	if err := png.Encode(&deep, image.NewNRGBA64(image.Rect(0, 0, 9, 7))); err != nil {
		t.Fatal(err)
	}
	samples := "\x08\x01\x00\x00" + strings.Repeat("\x80", 16*16)
	tiff := func(width, height uint16, offsets uint32, extra ...field) []byte {
		return appendIFD([]byte("II*\x00"+samples), le, append([]field{
			short(le, tagWidth, width), short(le, tagLength, height), short(le, tagBitsPerSample, 8), short(le, tagCompression, 1),
			short(le, tagPhotometric, 1), {tagStripOffsets, typeLong, offsets, []byte{8, 0, 0, 0}}, short(le, tagRowsPerStrip, 16),
			long(le, tagStripCounts, 256)}, extra...), 0)
	}
	endless := tiff(16, 16, 1)
	copy(endless[len(endless)-4:], endless[4:8]) // the next directory is this one
	return []story{
		{"lossless JPEG", coded(0xc3), "unsupported", ""},
		{"hierarchical JPEG", coded(0xc5), "unsupported", ""},
		{"arithmetic JPEG", coded(0xc9), "unsupported", ""},
		{"JPEG without width", sized("\x00\x0c\x00\x00"), "corrupt", ""},
		{"JPEG without height", sized("\x00\x00\x00\x14"), "unsupported", ""},
		{"JPEG bomb", sized("\xea\x60\xea\x60"), "too_many_pixels", ""},
		{"JPEG with a segment longer than the file", withSegments(jpg, []byte{0xff, mCOM, 0xff, 0xff}), "truncated", ""},
		{"JPEG with junk after the end", append(bytes.Clone(jpg), secret...), "trailing", ""},
		{"two JPEGs in one file", append(bytes.Clone(jpg), jpg...), "trailing", ""},
		{"JPEG with an index of pictures", append(withSegments(jpg, segment(mAPP2, mpfID+secret)), jpg...), "extra_image trailing", ""},
		{"EXIF with 65535 fields of 4294967295 values", withSegments(jpg, segment(mAPP1, exifID+
			"\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12\x00\x03\xff\xff\xff\xff\x00\x06\x00\x00"+secret)), "exif", ""},
		{"PNG without width", ihdr(0, 5), "corrupt", ""},
		{"PNG without height", ihdr(5, 0), "corrupt", ""},
		{"PNG bomb", ihdr(60000, 60000), "too_many_pixels", ""},
		{"PNG that overflows", ihdr(1<<31, 1<<31), "too_many_pixels", ""},
		{"PNG with a chunk longer than the file", long8, "truncated", ""},
		{"PNG with 16 bits", deep.Bytes(), "", "IDAT"},
		{"animated PNG", withChunks(gopher, chunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00")), "animation", "IDAT"},
		{"PNG with junk after the end", append(bytes.Clone(gopher), secret...), "trailing", "IDAT"},
		{"TIFF without width", tiff(0, 16, 1), "corrupt", ""},
		{"TIFF without height", tiff(16, 0, 1), "corrupt", ""},
		{"TIFF bomb", tiff(60000, 60000, 1), "too_many_pixels", ""},
		{"TIFF with 65535 fields", append([]byte("II*\x00\x08\x00\x00\x00\xff\xff"), make([]byte, 99)...), "truncated", ""},
		{"TIFF with 4294967295 strips", tiff(16, 16, 0xffffffff), "truncated", ""},
		{"TIFF with 4294967295 values of a known field", tiff(16, 16, 1, field{tagPlanar, typeShort, 0xffffffff, []byte{8, 0, 0, 0}}),
			"corrupt", ""},
		{"TIFF with 4294967295 values of an unknown field", tiff(16, 16, 1, field{40000, typeShort, 0xffffffff, []byte{8, 0, 0, 0}}),
			"unknown", "\x80\x80"},
		{"TIFF with endless pages", endless, "extra_image", "\x80\x80"},
		{"BMP without width", flatBMP, "corrupt", ""},
		{"WebP without width", riff(appendRIFF(nil, "VP8 ", []byte("\x10\x00\x00\x9d\x01\x2a\x00\x00\x00\x00"))), "corrupt", ""},
		{"WebP bomb", riff(vp8x(0, 60000, 60000)), "too_many_pixels", ""},
		{"WebP longer than the file", append([]byte("RIFF\xff\xff\xff\xffWEBPVP8 "), make([]byte, 40)...), "truncated", ""},
		{"animated WebP", riff(vp8x(webpAnimation, 4, 3), appendRIFF(nil, "ANIM", make([]byte, 6))), "animated", ""},
	}
}

func TestBadInput(t *testing.T) {
	tell(t, badInput(t))
}

// Promise 6: none of it costs more than a small picture does.
func TestBadInputIsCheap(t *testing.T) {
	for _, tt := range badInput(t) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := New(tt.raw, Source{}, Options{})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 512<<10 {
			t.Errorf("%s: %d bytes allocated: %v", tt.story, n, err)
		}
	}
}
