package frame

import (
	"bytes"
	"strings"
)

// The EXIF tags that are read. Source: EXIF 2.32, 4.6.
const (
	tagOrientation  = 0x0112
	tagDateTime     = 0x0132
	tagEXIFPointer  = 0x8769
	tagGPSPointer   = 0x8825
	tagOriginal     = 0x9003
	tagDigitized    = 0x9004
	tagOffset       = 0x9010
	tagOffsetOrig   = 0x9011
	tagOffsetDigit  = 0x9012
	tagMakerNote    = 0x927c
	tagSubSec       = 0x9290
	tagSubSecOrig   = 0x9291
	tagSubSecDigit  = 0x9292
	maxTimeFieldLen = 64 // bytes; the longest that EXIF defines is 20, sub-seconds may have any length
)

// exifData is the little of EXIF that is of use here.
type exifData struct {
	orientation               int // 1 to 8
	gps, makerNote, thumbnail bool
	original, digitized       stamp
	modified                  stamp
}

// stamp is one of the three times of EXIF, as written: date and time, fraction of a second, offset from UTC.
type stamp struct{ dateTime, subSec, offset string }

// readEXIF reads an EXIF block, from its byte order mark on. It follows two pointers and no chain, so that a loop
// costs nothing; what is damaged or outside the block is taken as not there.
func readEXIF(data []byte) exifData {
	meta := exifData{orientation: 1}
	b, ifd0, ok := readTIFFHeader(data)
	if !ok {
		return meta
	}
	for f := range b.fields(ifd0) {
		switch v, isUint := b.uint(f, 0); {
		case f.tag == tagOrientation && isUint && v >= 1 && v <= 8:
			meta.orientation = int(v)
		case f.tag == tagDateTime:
			meta.modified.dateTime = text(f)
		case f.tag == tagGPSPointer:
			meta.gps = true
		case f.tag == tagEXIFPointer && isUint:
			meta.readSub(b, v)
		}
	}
	// The second directory of an EXIF block describes the thumbnail.
	meta.thumbnail = b.next(ifd0) != 0
	return meta
}

// readSub reads the directory with the camera's own fields.
func (m *exifData) readSub(b tiffBlock, off uint32) {
	for f := range b.fields(off) {
		switch f.tag {
		case tagOriginal:
			m.original.dateTime = text(f)
		case tagSubSecOrig:
			m.original.subSec = text(f)
		case tagOffsetOrig:
			m.original.offset = text(f)
		case tagDigitized:
			m.digitized.dateTime = text(f)
		case tagSubSecDigit:
			m.digitized.subSec = text(f)
		case tagOffsetDigit:
			m.digitized.offset = text(f)
		case tagSubSec:
			m.modified.subSec = text(f)
		case tagOffset:
			m.modified.offset = text(f)
		case tagMakerNote:
			m.makerNote = true
		}
	}
}

// text is the value of an ASCII field up to its NUL, or "" when it is too long to be a time.
func text(f field) string {
	if f.typ != typeASCII || len(f.value) > maxTimeFieldLen {
		return ""
	}
	s, _, _ := bytes.Cut(f.value, []byte{0})
	return strings.TrimSpace(string(s))
}

// orientationEXIF is the smallest EXIF block that says how to show the picture: a little-endian header and one
// directory with one SHORT.
func orientationEXIF(orientation int) []byte {
	return []byte{
		'I', 'I', '*', 0, 8, 0, 0, 0,
		1, 0,
		0x12, 0x01, typeShort, 0, 1, 0, 0, 0, byte(orientation), 0, 0, 0,
		0, 0, 0, 0,
	}
}

func isOrientationEXIF(block []byte) bool {
	o := readEXIF(block).orientation
	return o > 1 && bytes.Equal(block, orientationEXIF(o))
}

// upright is the size of a picture as it is shown: orientations 5 to 8 lie on their side.
func upright(width, height, orientation int) (w, h int) {
	if orientation >= 5 {
		return height, width
	}
	return width, height
}
