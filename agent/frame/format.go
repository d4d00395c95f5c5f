package frame

import (
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// Format is the encoding of a picture, named as the configuration names it.
type Format string

// The formats that a frame can have.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	BMP  Format = "bmp"
	TIFF Format = "tiff"
	WebP Format = "webp"
)

// codec is all that differs from format to format.
type codec struct {
	format      Format
	exts        []string // the first is the one that keys and payload names use
	contentType string
	magics      []string // a file starts with one of these; '?' stands for any byte

	// parse walks the structure of a whole file and says what may be kept of it. It must call limits.check
	// before it allocates anything by the picture's size, and must not decode pixels.
	parse func(raw []byte, lim limits) (*layout, error)
	// verify reads every pixel of what the layout has assembled, within the same limits. luma is what Frame.Luma says.
	verify func(clean []byte, lim limits) (width, height int, luma *image.Gray, err error)
	// decode makes pixels of what the layout has assembled.
	decode func(io.Reader) (image.Image, error)
	// encode writes a canvas; nil where there is no encoder. dress puts a colour profile into what encode has written.
	encode func(c canvas, quality int) ([]byte, error)
	dress  func(encoded, profile []byte) []byte
}

var codecs = []codec{
	{
		format: JPEG, exts: []string{"jpg", "jpeg", "jpe", "jfif"}, contentType: "image/jpeg",
		magics: []string{"\xff\xd8\xff"},
		parse:  parseJPEG, verify: scanJPEG, decode: jpeg.Decode, encode: encodeJPEG, dress: dressJPEG,
	},
	{
		format: PNG, exts: []string{"png"}, contentType: "image/png", magics: []string{pngSignature},
		parse: parsePNG, verify: decoding(png.Decode), decode: png.Decode, encode: encodePNG, dress: dressPNG,
	},
	{
		format: BMP, exts: []string{"bmp", "dib"}, contentType: "image/bmp",
		magics: []string{"BM????\x00\x00\x00\x00????"},
		parse:  parseBMP, verify: decoding(bmp.Decode), decode: bmp.Decode, encode: encodeBMP, dress: dressBMP,
	},
	{
		format: TIFF, exts: []string{"tif", "tiff"}, contentType: "image/tiff",
		magics: []string{"II*\x00", "MM\x00*"},
		parse:  parseTIFF, verify: decoding(tiff.Decode), decode: tiff.Decode, encode: encodeTIFF, dress: dressTIFF,
	},
	{
		format: WebP, exts: []string{"webp"}, contentType: "image/webp", magics: []string{"RIFF????WEBP"},
		parse: parseWebP, verify: decoding(decodeWebP), decode: decodeWebP,
	},
}

// Formats lists every Format.
func Formats() []Format {
	return []Format{JPEG, PNG, BMP, TIFF, WebP}
}

// Ext is the file name extension, without a dot: "jpg", "png", "bmp", "tif" or "webp"; "" for an unknown format.
func (f Format) Ext() string {
	if c := f.codec(); c != nil {
		return c.exts[0]
	}
	return ""
}

// ContentType is the media type, such as "image/jpeg"; "" for an unknown format.
func (f Format) ContentType() string {
	if c := f.codec(); c != nil {
		return c.contentType
	}
	return ""
}

func (f Format) codec() *codec {
	for i := range codecs {
		if codecs[i].format == f {
			return &codecs[i]
		}
	}
	return nil
}

// FormatOfExt is the format that an extension stands for: "jpg" and ".JPEG" are both JPEG. Names are hints for
// people; New never asks for one.
func FormatOfExt(ext string) (Format, bool) {
	ext = strings.ToLower(strings.TrimPrefix(ext, "."))
	for _, c := range codecs {
		if slices.Contains(c.exts, ext) {
			return c.format, true
		}
	}
	return "", false
}

// sniff finds the codec by content.
func sniff(raw []byte) (*codec, error) {
	for i := range codecs {
		for _, magic := range codecs[i].magics {
			if !startsLike(raw, magic) {
				continue
			}
			if len(raw) < len(magic) {
				return nil, reject(CodeTruncated, "%d bytes that start like %s", len(raw), codecs[i].format)
			}
			return &codecs[i], nil
		}
	}
	return nil, reject(CodeUnknownFormat, "%s", guess(raw))
}

// startsLike compares as many bytes as both have.
func startsLike(raw []byte, magic string) bool {
	for i := range min(len(raw), len(magic)) {
		if magic[i] != '?' && raw[i] != magic[i] {
			return false
		}
	}
	return true
}

// strangers are files that cameras and transfers really leave in a picture folder. Naming them saves a drive.
var strangers = []struct{ magic, name string }{
	{"GIF8", "looks like a GIF picture"},
	{"????ftypheic", "looks like a HEIC picture"},
	{"????ftypavif", "looks like an AVIF picture"},
	{"????ftyp", "looks like an MP4 video or a HEIF picture"},
	{"RIFF????AVI ", "looks like an AVI video"},
	{"%PDF-", "looks like a PDF document"},
	{"<", "looks like a web page: the camera may have answered with an error or a login page"},
	{"{", "looks like JSON: the camera may have answered with an error"},
	{"PK\x03\x04", "looks like a ZIP archive"},
	{"\x1f\x8b", "looks like a gzip archive"},
}

func guess(raw []byte) string {
	for _, s := range strangers {
		if len(raw) >= len(s.magic) && startsLike(raw, s.magic) {
			return s.name
		}
	}
	return "its first bytes belong to no format that is known here"
}
