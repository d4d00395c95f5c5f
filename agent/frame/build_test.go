package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"os"
	"path/filepath"
	"testing"
)

const framesDir = "../../testdata/frames"

func load(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(framesDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pictures are the files in testdata/frames, in a fixed order.
func pictures(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(framesDir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if _, ok := FormatOfExt(filepath.Ext(e.Name())); ok {
			names = append(names, e.Name())
		}
	}
	if len(names) < 30 {
		t.Fatalf("%d pictures in %s, expected more", len(names), framesDir)
	}
	return names
}

func mustNew(t testing.TB, raw []byte) *Frame {
	t.Helper()
	f, err := New(raw, Source{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// codeOf is the code of a rejection, "" for none. An error of another kind breaks promise 7.
func codeOf(t testing.TB, err error) Code {
	t.Helper()
	if err == nil {
		return ""
	}
	var r *Rejection
	if !errors.As(err, &r) || r.Code.Sentence() == "" {
		t.Fatalf("not a rejection with a known code: %#v", err)
	}
	return r.Code
}

// pixels decodes b with the library, without any code of this package.
func pixels(t testing.TB, b []byte) image.Image {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// ascii, short and long are EXIF fields.
func ascii(tag uint16, s string) field {
	return field{tag, typeASCII, uint32(len(s) + 1), append([]byte(s), 0)}
}

func short(o byteOrder, tag, v uint16) field {
	return field{tag, typeShort, 1, o.AppendUint16(nil, v)}
}

func long(o byteOrder, tag uint16, v uint32) field {
	return field{tag, typeLong, 1, o.AppendUint32(nil, v)}
}

func ifdSize(fields []field) int {
	n := 2 + 12*len(fields) + 4
	for _, f := range fields {
		if len(f.value) > 4 {
			n += even(len(f.value))
		}
	}
	return n
}

func appendIFD(out []byte, o byteOrder, fields []field, next uint32) []byte {
	at := len(out) + 2 + 12*len(fields) + 4
	out = o.AppendUint16(out, uint16(len(fields)))
	var values []byte
	for _, f := range fields {
		out = o.AppendUint32(o.AppendUint16(o.AppendUint16(out, f.tag), f.typ), f.count)
		if len(f.value) <= 4 {
			out = append(append(out, f.value...), make([]byte, 4-len(f.value))...)
			continue
		}
		out = o.AppendUint32(out, uint32(at+len(values)))
		values = appendEven(values, f.value)
	}
	return append(o.AppendUint32(out, next), values...)
}

// buildEXIF writes a block as a camera does: IFD0 with pointers to the directories of EXIF and, if there is one, of
// GPS, and then IFD1 with the thumbnail, if there is one.
func buildEXIF(o byteOrder, ifd0, sub, gps []field, thumbnail []byte) []byte {
	pointers := []field{long(o, tagEXIFPointer, 0)}
	if gps != nil {
		pointers = append(pointers, long(o, tagGPSPointer, 0))
	}
	all := append(append([]field{}, ifd0...), pointers...)
	subAt := 8 + ifdSize(all)
	gpsAt := subAt + ifdSize(sub)
	nextAt := gpsAt
	all[len(ifd0)] = long(o, tagEXIFPointer, uint32(subAt))
	if gps != nil {
		nextAt += ifdSize(gps)
		all[len(ifd0)+1] = long(o, tagGPSPointer, uint32(gpsAt))
	}
	next := uint32(0)
	if thumbnail != nil {
		next = uint32(nextAt)
	}
	out := []byte("II*\x00")
	if o == byteOrder(binary.BigEndian) {
		out = []byte("MM\x00*")
	}
	out = appendIFD(o.AppendUint32(out, 8), o, all, next)
	out = appendIFD(out, o, sub, 0)
	if gps != nil {
		out = appendIFD(out, o, gps, 0)
	}
	if thumbnail != nil {
		ifd1 := []field{short(o, 0x0103, 6), long(o, 0x0201, 0), long(o, 0x0202, uint32(len(thumbnail)))}
		ifd1[1] = long(o, 0x0201, uint32(nextAt+ifdSize(ifd1)))
		out = append(appendIFD(out, o, ifd1, 0), thumbnail...)
	}
	return out
}

// secret is what must never be found in a frame.
const secret = "SECRET-of-the-shop"

// cameraEXIF is a block with everything that must not leave the shop.
func cameraEXIF(o byteOrder, orientation uint16) []byte {
	rationals := func(v ...uint32) []byte {
		var b []byte
		for _, n := range v {
			b = o.AppendUint32(o.AppendUint32(b, n), 1)
		}
		return b
	}
	return buildEXIF(o,
		[]field{ascii(0x010f, secret), ascii(0x0110, "Shelf Cam 3"), short(o, tagOrientation, orientation),
			ascii(tagDateTime, "2026:11:23 09:00:00")},
		[]field{ascii(tagOriginal, "2026:11:22 02:18:03"), ascii(tagOffsetOrig, "+01:00"),
			{tagMakerNote, typeUndefined, uint32(len(secret)), []byte(secret)}, ascii(tagSubSecOrig, "1239")},
		[]field{ascii(1, "N"), {2, typeRational, 3, rationals(52, 31, 12)}, ascii(3, "E"),
			{4, typeRational, 3, rationals(13, 24, 18)}},
		[]byte("\xff\xd8"+secret+"\xff\xd9"))
}

// profileForTests is a small display profile with the primaries of sRGB and a gamma of 2.2. Source: ICC.1:2001-04.
func profileForTests() []byte {
	be := binary.BigEndian
	xyz := func(x, y, z uint32) []byte {
		b := append([]byte("XYZ "), 0, 0, 0, 0)
		return be.AppendUint32(be.AppendUint32(be.AppendUint32(b, x), y), z)
	}
	curve := []byte("curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33\x00\x00")
	desc := append([]byte("desc\x00\x00\x00\x00\x00\x00\x00\x05test\x00"), make([]byte, 8+3+67+4)...)
	tags := []struct {
		sig  string
		data []byte
	}{
		{"desc", desc[:92]}, {"cprt", []byte("text\x00\x00\x00\x00none\x00\x00\x00\x00")},
		{"wtpt", xyz(0xf351, 0x10000, 0x116cc)}, {"rXYZ", xyz(0x6fa2, 0x38f5, 0x390)},
		{"gXYZ", xyz(0x6299, 0xb785, 0x18da)}, {"bXYZ", xyz(0x24a0, 0xf84, 0xb6cf)},
		{"rTRC", curve}, {"gTRC", curve}, {"bTRC", curve},
	}
	head := make([]byte, 128)
	copy(head[8:], "\x02\x10\x00\x00mntrRGB XYZ ")
	copy(head[24:], "\x07\xea\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00acsp")
	copy(head[68:], "\x00\x00\xf6\xd6\x00\x01\x00\x00\x00\x00\xd3\x2d")
	out := be.AppendUint32(head, uint32(len(tags)))
	at := 128 + 4 + 12*len(tags)
	var values []byte
	for _, tag := range tags {
		out = append(out, tag.sig...)
		out = be.AppendUint32(be.AppendUint32(out, uint32(at+len(values))), uint32(len(tag.data)))
		values = append(values, tag.data...)
	}
	out = append(out, values...)
	be.PutUint32(out, uint32(len(out)))
	return out
}

// withSegments puts JPEG segments behind SOI.
func withSegments(raw []byte, segments ...[]byte) []byte {
	return append(append([]byte{0xff, mSOI}, bytes.Join(segments, nil)...), raw[2:]...)
}

func segment(marker byte, payload string) []byte { return appendSegment(nil, marker, []byte(payload)) }

// withChunks puts PNG chunks behind IHDR.
func withChunks(raw []byte, chunks ...[]byte) []byte {
	const ihdrEnd = 8 + pngOverhead + 13
	return append(append(bytes.Clone(raw[:ihdrEnd]), bytes.Join(chunks, nil)...), raw[ihdrEnd:]...)
}

func chunk(kind, data string) []byte { return appendChunk(nil, kind, []byte(data)) }

// riff writes a WebP file of chunks.
func riff(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// vp8x is the header of the extended format.
func vp8x(flags byte, width, height int) []byte {
	w, h := width-1, height-1
	return appendRIFF(nil, "VP8X", []byte{flags, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16),
		byte(h), byte(h >> 8), byte(h >> 16)})
}
