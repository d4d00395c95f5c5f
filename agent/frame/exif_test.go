package frame

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

func TestReadEXIF(t *testing.T) {
	for _, o := range []byteOrder{binary.LittleEndian, binary.BigEndian} {
		got := readEXIF(cameraEXIF(o, 6))
		want := exifData{
			orientation: 6, gps: true, makerNote: true, thumbnail: true,
			original: stamp{"2026:11:22 02:18:03", "1239", "+01:00"},
			modified: stamp{dateTime: "2026:11:23 09:00:00"},
		}
		if got != want {
			t.Errorf("%v: got  %+v\nwant %+v", o, got, want)
		}
	}
}

// What is damaged is taken as not there; nothing loops, panics or allocates by what the block claims.
func TestReadEXIFDamaged(t *testing.T) {
	le := binary.LittleEndian
	ifd := func(fields ...field) []byte { return appendIFD([]byte("II*\x00\x08\x00\x00\x00"), le, fields, 0) }
	huge := ifd(ascii(tagDateTime, "2026:11:22 02:18:03"))
	le.PutUint32(huge[8+2+4:], 0xffffffff)
	many := ifd(short(le, tagOrientation, 6))
	le.PutUint16(many[8:], 0xffff)
	late := make([]field, 2000)
	late[1999] = short(le, tagOrientation, 6)
	tests := []struct {
		story       string
		block       []byte
		orientation int
	}{
		{"nothing", nil, 1},
		{"half a header", []byte("II*\x00\x08"), 1},
		{"no byte order", []byte("XX*\x00\x08\x00\x00\x00\x00\x00"), 1},
		{"a directory beyond the end", []byte("II*\x00\xff\xff\xff\xff"), 1},
		{"a directory that points at itself", ifd(long(le, tagEXIFPointer, 8), long(le, tagGPSPointer, 8)), 1},
		{"65535 entries in a directory of one", many, 6},
		{"a value of 4 GB", huge, 1},
		{"more entries than are read", ifd(late...), 1},
		{"a time of 1 MB", ifd(ascii(tagDateTime, strings.Repeat("2", 1<<20))), 1},
		{"orientation 0", ifd(short(le, tagOrientation, 0)), 1},
		{"orientation 9", ifd(short(le, tagOrientation, 9)), 1},
		{"orientation as text", ifd(ascii(tagOrientation, "6")), 1},
		{"orientation as LONG", ifd(long(le, tagOrientation, 8)), 8},
		{"orientation without a value", ifd(field{tagOrientation, typeShort, 0, nil}), 1},
		{"an unknown type", ifd(field{tagOrientation, 99, 1, []byte{6, 0, 0, 0}}), 1},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			var got exifData
			if n := testing.AllocsPerRun(10, func() { got = readEXIF(tt.block) }); n > 20 {
				t.Errorf("%v allocations", n)
			}
			if got.orientation != tt.orientation || got.modified.dateTime != "" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestOrientationEXIF(t *testing.T) {
	for o := 2; o <= 8; o++ {
		block := orientationEXIF(o)
		if readEXIF(block).orientation != o || !isOrientationEXIF(block) {
			t.Errorf("orientation %d is not read back", o)
		}
	}
	if isOrientationEXIF(orientationEXIF(1)) || isOrientationEXIF(append(orientationEXIF(6), 0)) {
		t.Error("a block that is not written here is taken for one that is")
	}
}

// Every orientation is kept by the strip, in every format that can say one: promise 4.
func TestOrientationIsKept(t *testing.T) {
	for o := 1; o <= 8; o++ {
		block := cameraEXIF(binary.BigEndian, uint16(o))
		tiff := bytes.Clone(load(t, "camera.tif"))
		b, ifd0, _ := readTIFFHeader(tiff)
		for f := range b.fields(ifd0) {
			if f.tag == tagOrientation {
				b.order.PutUint16(f.value, uint16(o))
			}
		}
		for name, raw := range map[string][]byte{
			"jpeg": withSegments(load(t, "video-444.jpg"), segment(mAPP1, exifID+"\x00"+string(block))),
			"png":  withChunks(load(t, "gopher-alpha.png"), chunk("eXIf", string(block))),
			"webp": riff(vp8x(webpEXIF, 400, 301), load(t, "rose-lossy.webp")[12:], appendRIFF(nil, "EXIF", block)),
			"webp with the prefix of JPEG": riff(vp8x(webpEXIF, 400, 301), load(t, "rose-lossy.webp")[12:],
				appendRIFF(nil, "EXIF", append([]byte(exifID+"\x00"), block...))),
			"tiff": tiff,
		} {
			f := mustNew(t, raw)
			again := mustNew(t, f.Bytes)
			if f.Orientation != o || again.Orientation != o || (o >= 5) != (f.Width == again.Width && f.Height == pixels(t, f.Bytes).Bounds().Dx()) {
				t.Errorf("%s: orientation %d became %d, then %d", name, o, f.Orientation, again.Orientation)
			}
			if has := bytes.Contains(f.Bytes, orientationEXIF(max(o, 2))); name != "tiff" && has != (o > 1) {
				t.Errorf("%s: orientation %d: block written: %v", name, o, has)
			}
		}
	}
}

func TestCaptureTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones on this machine:", err)
	}
	utc := func(s string) time.Time {
		at, err := time.Parse("2006-01-02T15:04:05.000", s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	mod := utc("2026-11-22T03:00:00.000")
	original := func(dateTime, subSec, offset string) exifData {
		return exifData{original: stamp{dateTime, subSec, offset}}
	}
	tests := []struct {
		story  string
		meta   exifData
		src    Source
		want   time.Time
		source TimeSource
	}{
		{"a camera that knows its zone", original("2026:11:22 02:18:03", "", "+01:00"), Source{mod, nil},
			utc("2026-11-22T01:18:03.000"), TimeEXIF},
		{"its zone wins over the configured one", original("2026:11:22 02:18:03", "", "-05:30"), Source{time.Time{}, berlin},
			utc("2026-11-22T07:48:03.000"), TimeEXIF},
		{"Z is an offset", original("2026:11:22 02:18:03", "", "Z"), Source{mod, berlin}, utc("2026-11-22T02:18:03.000"), TimeEXIF},
		{"no zone: the shop's", original("2026:07:01 12:00:00", "", ""), Source{mod, berlin},
			utc("2026-07-01T10:00:00.000"), TimeEXIFLocal},
		{"no zone, none configured", original("2026:07:01 12:00:00", "", ""), Source{mod, nil},
			utc("2026-07-01T12:00:00.000"), TimeEXIFLocal},
		{"blanks for an unknown zone", original("2026:07:01 12:00:00", "", "   :  "), Source{mod, berlin},
			utc("2026-07-01T10:00:00.000"), TimeEXIFLocal},
		{"an offset that no place on earth has", original("2026:07:01 12:00:00", "", "+23:00"), Source{mod, berlin},
			utc("2026-07-01T10:00:00.000"), TimeEXIFLocal},
		{"a tenth of a second", original("2026:07:01 12:00:00", "1", ""), Source{mod, nil},
			utc("2026-07-01T12:00:00.100"), TimeEXIFLocal},
		{"more digits than are kept", original("2026:07:01 12:00:00", "0129999999999999", ""), Source{mod, nil},
			utc("2026-07-01T12:00:00.012"), TimeEXIFLocal},
		{"no digits", original("2026:07:01 12:00:00", "x1", ""), Source{mod, nil}, utc("2026-07-01T12:00:00.000"), TimeEXIFLocal},
		{"dashes for colons", original("2026-07-01 12:00:00", "", ""), Source{mod, nil},
			utc("2026-07-01T12:00:00.000"), TimeEXIFLocal},
		{"an hour that the clocks leave out", original("2026:03:29 02:30:00", "", ""), Source{mod, berlin},
			utc("2026-03-29T01:30:00.000"), TimeEXIFLocal},
		{"a clock that was never set", original("1970:01:01 00:00:07", "", ""), Source{mod, nil}, mod, TimeMod},
		{"zeros", original("0000:00:00 00:00:00", "", ""), Source{mod, nil}, mod, TimeMod},
		{"the 13th month", original("2026:13:01 00:00:00", "", ""), Source{mod, nil}, mod, TimeMod},
		{"nothing", exifData{}, Source{mod, nil}, mod, TimeMod},
		{"a day ahead of the file is still believed", original("2026:11:23 03:00:00", "", ""), Source{mod, nil},
			mod.Add(24 * time.Hour), TimeEXIFLocal},
		{"more than a day ahead of the file", original("2026:11:23 03:00:01", "", ""), Source{mod, nil}, mod, TimeMod},
		{"a box whose own clock starts at 1970", original("2026:11:22 02:18:03", "", "+01:00"), Source{time.Unix(99, 0), nil},
			utc("2026-11-22T01:18:03.000"), TimeEXIF},
		{"only the time of the file within EXIF", exifData{modified: stamp{dateTime: "2026:07:01 12:00:00"}}, Source{mod, nil},
			utc("2026-07-01T12:00:00.000"), TimeEXIFLocal},
		{"an absurd original, a plausible digitized", exifData{original: stamp{dateTime: "1980:01:01 00:00:00"},
			digitized: stamp{"2026:07:01 12:00:00", "5", "+00:00"}}, Source{mod, nil}, utc("2026-07-01T12:00:00.500"), TimeEXIF},
		{"nobody knows", exifData{}, Source{}, time.Unix(0, 0), TimeMod},
		{"a file from before 1970", exifData{}, Source{time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC), nil}, time.Unix(0, 0), TimeMod},
		{"a file from 1601, as Windows writes no time", exifData{}, Source{time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), nil}, time.Unix(0, 0), TimeMod},
		{"a file from after the last key", exifData{}, Source{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), nil},
			utc("2199-12-31T23:59:59.999"), TimeMod},
		{"a file from 1970 keeps its time", exifData{}, Source{time.UnixMilli(1), nil}, time.UnixMilli(1), TimeMod},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			got, source := captureTime(tt.meta, tt.src)
			if !got.Equal(tt.want) || source != tt.source || got.Location() != time.UTC {
				t.Errorf("got %v from %s, want %v from %s", got, source, tt.want, tt.source)
			}
		})
	}
}
