package frame

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// story is one file of one format: a code of rejection, or what was stripped and a part of what is kept.
type story struct {
	story string
	raw   []byte
	want  string // a Code, or the names of Frame.Stripped, with spaces
	keeps string
}

func tell(t *testing.T, stories []story) {
	t.Helper()
	for _, tt := range stories {
		t.Run(tt.story, func(t *testing.T) {
			f, err := New(tt.raw, Source{}, Options{})
			got := string(codeOf(t, err))
			if err == nil {
				got = strings.Join(f.Stripped, " ")
				if bytes.Contains(f.Bytes, []byte(secret)) || !bytes.Contains(f.Bytes, []byte(tt.keeps)) {
					t.Errorf("kept the wrong parts: %q", f.Bytes[:min(400, len(f.Bytes))])
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}

func TestPNG(t *testing.T) {
	raw := load(t, "gopher-alpha.png")
	idat := bytes.Index(raw, []byte("IDAT")) - 4
	n := int(binary.BigEndian.Uint32(raw[idat:]))
	halves := append(chunk("IDAT", string(raw[idat+8:idat+8+n/2])), chunk("IDAT", string(raw[idat+8+n/2:idat+8+n]))...)
	interrupted := append(chunk("IDAT", string(raw[idat+8:idat+8+n/2])), chunk("tEXt", "a\x00b")...)
	interrupted = append(interrupted, chunk("IDAT", string(raw[idat+8+n/2:idat+8+n]))...)
	with := func(middle []byte) []byte {
		return bytes.Join([][]byte{raw[:idat], middle, raw[idat+pngOverhead+n:]}, nil)
	}
	head, end := raw[:8], chunk("IEND", "")
	tell(t, []story{
		{"a gamma", withChunks(raw, chunk("gAMA", "\x00\x00\xb1\x8f")), "", "gAMA"},
		{"text that says it is a gamma", withChunks(raw, chunk("gAMA", secret)), "unknown", ""},
		{"two resolutions", withChunks(raw, chunk("pHYs", "\x00\x00\x0b\x13\x00\x00\x0b\x13\x01"), chunk("pHYs", "123456789")),
			"unknown", "pHYs\x00\x00\x0b\x13"},
		{"a private chunk", withChunks(raw, chunk("prVt", secret)), "unknown", ""},
		{"XMP", withChunks(raw, chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+secret)), "xmp", ""},
		{"a damaged comment", withChunks(raw, flipped(chunk("tEXt", "Comment\x00"+secret), 12)), "corrupt", ""},
		{"a profile that is none", withChunks(raw, chunk("iCCP", "name\x00\x00"+secret)), "icc", ""},
		{"two EXIF chunks", withChunks(raw, chunk("eXIf", string(orientationEXIF(3))), chunk("eXIf", secret)), "exif",
			string(orientationEXIF(3))},
		{"pixel data in two chunks", with(halves), "", ""},
		{"pixel data with text in between", with(interrupted), "corrupt", ""},
		{"an unknown critical chunk", withChunks(raw, chunk("CgBI", "")), "unsupported", ""},
		{"no header", append(bytes.Clone(head), end...), "corrupt", ""},
		{"two headers", withChunks(raw, raw[8:33]), "corrupt", ""},
		{"no pixels", append(bytes.Clone(raw[:33]), end...), "corrupt", ""},
		{"half of the pixels, properly ended", with(chunk("IDAT", string(raw[idat+8:idat+8+n/2]))), "corrupt", ""},
		{"zeros to the end", append(bytes.Clone(raw[:len(raw)-20]), make([]byte, 20)...), "corrupt", ""},
		{"zeros instead of a chunk", append(bytes.Clone(raw[:idat]), make([]byte, 4096)...), "truncated", ""},
		{"something else instead of a chunk", append(bytes.Clone(raw[:idat]), "\x00\x00\x00\x00 no chunk at all"...), "corrupt", ""},
	})
}

// The name of a profile is free text, and so is what follows the end of its stream.
func TestPNGProfile(t *testing.T) {
	f := mustNew(t, load(t, "camera.png"))
	if !bytes.Contains(f.Bytes, []byte("iCCPicc\x00\x00")) {
		t.Error("the profile was dropped")
	}
	if again := mustNew(t, f.Bytes); !bytes.Equal(again.Bytes, f.Bytes) {
		t.Error("the profile changed when it was kept twice")
	}
}

func TestWebP(t *testing.T) {
	lossy, alpha := load(t, "rose-lossy.webp"), load(t, "rose-alpha.webp")
	picture := lossy[12:]
	profile := appendRIFF(nil, "ICCP", profileForTests())
	exif := appendRIFF(nil, "EXIF", orientationEXIF(6))
	tell(t, []story{
		{"a profile", riff(vp8x(webpICC, 400, 301), profile, picture), "", "VP8X\x0a\x00\x00\x00\x20"},
		{"flags that promise what is not there", riff(vp8x(webpICC|webpEXIF|4, 400, 301), picture), "",
			"VP8X\x0a\x00\x00\x00\x00"},
		{"an orientation that is in the wrong place", riff(vp8x(0, 400, 301), exif, picture), "", string(exif)},
		{"an orientation without a flag", riff(vp8x(0, 400, 301), picture, exif), "", "VP8X\x0a\x00\x00\x00\x08"},
		{"EXIF in the simple format, where nobody reads it", riff(picture, exif), "exif", ""},
		{"two EXIF chunks", riff(vp8x(0, 400, 301), picture, exif, appendRIFF(nil, "EXIF", []byte(secret))), "exif", string(exif)},
		{"a profile that is none", riff(vp8x(webpICC, 400, 301), appendRIFF(nil, "ICCP", []byte(secret)), picture), "icc", ""},
		{"a second picture", riff(picture, picture), "unknown", ""},
		{"alpha that is kept", alpha, "", "ALPH"},
		{"bytes behind the end", append(bytes.Clone(lossy), secret...), "trailing", ""},
		{"an animation without a flag", riff(vp8x(0, 400, 301), appendRIFF(nil, "ANMF", []byte(secret)), picture), "animated", ""},
		{"a canvas of another size", riff(vp8x(0, 401, 301), picture), "corrupt", ""},
		{"a huge picture on a small canvas", riff(vp8x(0, 4, 3), appendRIFF(nil, "VP8L", []byte("\x2f\xff\xff\xff\x0f"))),
			"corrupt", ""},
		{"no picture", riff(vp8x(0, 400, 301)), "corrupt", ""},
		{"a chunk beyond the end", riff(picture[:len(picture)-100]), "corrupt", ""},
		{"an end within a chunk header", riff(picture, []byte("XMP")), "corrupt", ""},
		{"a picture that is none", riff(appendRIFF(nil, "VP8 ", []byte(secret))), "corrupt", ""},
		{"a short extended header", riff(appendRIFF(nil, "VP8X", []byte{0})), "corrupt", ""},
		{"an extended header behind the picture", riff(picture, vp8x(0, 400, 301)), "corrupt", ""},
	})
}

func TestBMP(t *testing.T) {
	le := binary.LittleEndian
	raw, v5 := load(t, "video.bmp"), load(t, "rose-v5.bmp")
	gap := bytes.Join([][]byte{raw[:54], []byte(secret), raw[54:]}, nil)
	le.PutUint32(gap[bmpOffPixels:], uint32(54+len(secret)))
	linked := append(bytes.Clone(v5), "C:\\"+secret...)
	le.PutUint32(linked[bmpOffSpace:], bmpSpaceLinked)
	le.PutUint32(linked[bmpOffProfile:], uint32(len(v5)-bmpFileHeader))
	le.PutUint32(linked[bmpOffProfile+4:], uint32(len(secret)+3))
	embedded := append(bytes.Clone(v5), profileForTests()...)
	le.PutUint32(embedded[bmpOffSpace:], bmpSpaceEmbed)
	le.PutUint32(embedded[bmpOffProfile:], uint32(len(v5)-bmpFileHeader))
	le.PutUint32(embedded[bmpOffProfile+4:], uint32(len(profileForTests())))
	notes := bytes.Clone(raw)
	copy(notes[bmpOffReserved:], "\x00\x00\x00\x00")
	topDown := bytes.Clone(raw)
	le.PutUint32(topDown[22:], ^uint32(103)+1)
	compressed := bytes.Clone(raw)
	le.PutUint32(compressed[30:], 1)
	sixteen := bytes.Clone(raw)
	le.PutUint16(sixteen[28:], 16)
	inHeader := bytes.Clone(raw)
	le.PutUint32(inHeader[bmpOffPixels:], 20)
	flat := bytes.Clone(raw)
	le.PutUint32(flat[22:], 0)
	tell(t, []story{
		{"a gap before the pixels", gap, "trailing", ""},
		{"bytes behind the pixels", append(bytes.Clone(raw), secret...), "trailing", ""},
		{"a profile that is the path of a file", linked, "icc trailing", "BGRs"},
		{"an embedded profile", embedded, "", "acsp"},
		{"rows from the top down", topDown, "", ""},
		{"run lengths", compressed, "unsupported", ""},
		{"16 bits", sixteen, "unsupported", ""},
		{"pixels within the header", inHeader, "corrupt", ""},
		{"no rows", flat, "corrupt", ""},
		{"an end within the pixels", raw[:len(raw)-1], "truncated", ""},
	})
}

func TestTIFF(t *testing.T) {
	le := binary.LittleEndian
	strip := strings.Repeat("\x80", 16*16)
	build := func(extra ...field) []byte {
		fields := append([]field{short(le, tagWidth, 16), short(le, tagLength, 16), short(le, tagBitsPerSample, 8),
			short(le, tagCompression, 1), short(le, tagPhotometric, 1), long(le, tagStripOffsets, 8),
			short(le, tagRowsPerStrip, 16), long(le, tagStripCounts, 256)}, extra...)
		return appendIFD(append([]byte("II*\x00\x08\x01\x00\x00"), strip...), le, fields, 0)
	}
	overlap := func() []byte {
		offsets := le.AppendUint32(le.AppendUint32(nil, 8), 8)
		counts := le.AppendUint32(le.AppendUint32(nil, 250), 250)
		return appendIFD(append([]byte("II*\x00\x08\x01\x00\x00"), strip...), le, []field{
			short(le, tagWidth, 16), short(le, tagLength, 16), short(le, tagBitsPerSample, 8), short(le, tagPhotometric, 1),
			{tagStripOffsets, typeLong, 2, offsets}, short(le, tagRowsPerStrip, 8), {tagStripCounts, typeLong, 2, counts}}, 0)
	}
	profile := profileForTests()
	tell(t, []story{
		{"a plain picture", build(), "", strip},
		{"a profile", build(field{tagProfile, typeUndefined, uint32(len(profile)), profile}), "", string(profile)},
		{"a profile that is none", build(ascii(tagProfile, secret)), "icc", ""},
		{"a field of a maker", build(ascii(40000, secret)), "unknown", ""},
		{"text that says it is a resolution", build(ascii(tagPlanar, secret)), "corrupt", ""},
		{"a field with far too many values", build(field{tagPlanar, typeShort, 17, make([]byte, 34)}), "corrupt", ""},
		{"a field outside the file", replaced(build(field{282, typeRational, 1, []byte("\x48\x00\x00\x00\x01\x00\x00\x00")}),
			"\x1a\x01\x05\x00\x01\x00\x00\x00", "\x1a\x01\x05\x00\x10\x00\x00\x00"), "truncated", ""},
		{"fields that are not sorted", build(short(le, 266, 1)), "corrupt", ""},
		{"a field that is there twice", build(short(le, tagPlanar, 1), short(le, tagPlanar, 1)), "corrupt", ""},
		{"strips that share their bytes", overlap(), "corrupt", ""},
		{"JPEG within TIFF", replaced(build(), "\x03\x01\x03\x00\x01\x00\x00\x00\x01\x00", "\x03\x01\x03\x00\x01\x00\x00\x00\x07\x00"),
			"unsupported", ""},
		{"a directory at the end of the world", []byte("MM\x00*\xff\xff\xff\xff"), "truncated", ""},
		{"an empty directory", []byte("MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"), "corrupt", ""},
	})
}
