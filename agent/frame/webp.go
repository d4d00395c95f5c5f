package frame

import (
	"bytes"
	"encoding/binary"
)

// Flags of a VP8X chunk. Source: RFC 9649, 2.7.
const (
	webpAnimation = 0x02
	webpEXIF      = 0x08
	webpAlpha     = 0x10
	webpICC       = 0x20
)

// webpWalk is one pass over the chunks of a WebP file. Its slices are parts of raw.
type webpWalk struct {
	raw     []byte
	lim     limits
	dropped drops

	extended      []byte // the data of VP8X; nil in the simple format
	profile, exif []byte
	body          spans // the chunks of the picture: ALPH, VP8 or VP8L
	alpha, image  bool  // whether there was such a chunk
	width, height int64
}

// parseWebP keeps the picture and, in the extended format, a valid colour profile and the orientation.
func parseWebP(raw []byte, lim limits) (*layout, error) {
	w := &webpWalk{raw: raw, lim: lim, dropped: drops{}, body: spans{raw: raw}}
	size := uint64(binary.LittleEndian.Uint32(raw[4:])) + 8
	if size > uint64(len(raw)) {
		return nil, reject(CodeTruncated, "%d of %d bytes", len(raw), size)
	}
	if size < uint64(len(raw)) {
		w.dropped.add(dropTrailing)
	}
	for pos, end := 12, int(size); pos < end; {
		next, err := w.chunk(pos, end)
		if err != nil {
			return nil, err
		}
		pos = next
	}
	if !w.image {
		return nil, reject(CodeCorrupt, "no picture in the WebP file")
	}
	return &layout{
		width: int(w.width), height: int(w.height), exif: w.exif, dropped: w.dropped, profile: w.profile,
		assemble: w.assemble,
	}, nil
}

// chunk reads the chunk at pos, and returns where the next one starts: chunks have an even length.
func (w *webpWalk) chunk(pos, end int) (int, error) {
	if end-pos < 8 {
		return 0, reject(CodeCorrupt, "%d bytes are no chunk, at byte %d", end-pos, pos)
	}
	kind, n := string(w.raw[pos:pos+4]), binary.LittleEndian.Uint32(w.raw[pos+4:])
	if uint64(n) > uint64(end-pos-8) {
		return 0, reject(CodeCorrupt, "chunk of %d bytes at byte %d, which leaves only %d", n, pos, end-pos-8)
	}
	data := w.raw[pos+8 : pos+8+int(n)]
	next := pos + 8 + int(n) + int(n&1)
	if next > end && kind != "EXIF" && kind != "XMP " {
		return 0, reject(CodeCorrupt, "chunk at byte %d lacks its padding", pos)
	}
	return next, w.sort(kind, data, pos, next)
}

// sort decides about one chunk.
func (w *webpWalk) sort(kind string, data []byte, pos, next int) error {
	switch {
	case kind == "VP8X":
		if pos != 12 {
			return reject(CodeCorrupt, "VP8X is not the first chunk")
		}
		return w.readExtended(data)
	case kind == "ANIM" || kind == "ANMF":
		return reject(CodeAnimated, "chunk %s", kind)
	case kind == "ALPH" && !w.image && !w.alpha:
		w.alpha = true
		return w.body.add(pos, next)
	case (kind == "VP8 " || kind == "VP8L") && !w.image:
		w.image = true
		if err := w.readSize(kind, data); err != nil {
			return err
		}
		return w.body.add(pos, next)
	case kind == "ICCP":
		profile, ok := validProfile(data)
		if !ok || w.profile != nil || w.extended == nil {
			w.dropped.add(dropICC)
			return nil
		}
		w.profile = profile
	case kind == "EXIF":
		w.keepEXIF(data)
	case kind == "XMP ":
		w.dropped.add(dropXMP)
	default:
		w.dropped.add(dropUnknown)
	}
	return nil
}

// keepEXIF remembers the first block. In the simple format readers do not look for one: it turns nothing.
func (w *webpWalk) keepEXIF(data []byte) {
	// Some writers put the identifier of JPEG before the block.
	block := bytes.TrimPrefix(data, []byte(exifID+"\x00"))
	if w.exif != nil || w.extended == nil || len(block) == 0 || len(block) != len(data) {
		w.dropped.add(dropEXIF)
	}
	if w.exif == nil && w.extended != nil && len(block) > 0 {
		w.exif = block
	}
}

// readExtended reads VP8X: flags, and the size of the canvas less one.
func (w *webpWalk) readExtended(data []byte) error {
	if len(data) != 10 {
		return reject(CodeCorrupt, "VP8X chunk of %d bytes", len(data))
	}
	if data[0]&webpAnimation != 0 {
		return reject(CodeAnimated, "VP8X says so")
	}
	w.extended = data
	w.width, w.height = 1+int64(uint24(data[4:])), 1+int64(uint24(data[7:]))
	return w.lim.check(w.width, w.height, func() int64 { return 2 * w.width * w.height })
}

// readSize reads the header of the pixel data. Source: RFC 6386, 9.1; RFC 9649, 3.4.
func (w *webpWalk) readSize(kind string, data []byte) error {
	var width, height int64
	perPixel := int64(2)
	switch {
	case kind == "VP8 " && len(data) >= 10 && data[0]&1 == 0 && string(data[3:6]) == "\x9d\x01\x2a":
		width = int64(binary.LittleEndian.Uint16(data[6:]) & 0x3fff)
		height = int64(binary.LittleEndian.Uint16(data[8:]) & 0x3fff)
	case kind == "VP8L" && len(data) >= 5 && data[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(data[1:])
		width, height = 1+int64(bits&0x3fff), 1+int64(bits>>14&0x3fff)
		perPixel = 14
	default:
		return reject(CodeCorrupt, "no picture header in chunk %s", kind)
	}
	if w.extended != nil && (width != w.width || height != w.height) {
		return reject(CodeCorrupt, "the picture has %d x %d pixels, its canvas %d x %d", width, height, w.width, w.height)
	}
	if w.alpha {
		perPixel = 14 // the alpha channel is decoded as a lossless picture of its own
	}
	w.width, w.height = width, height
	return w.lim.check(width, height, func() int64 { return perPixel * width * height })
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// assemble writes the chunks in the order that RFC 9649 demands, with flags that are true.
func (w *webpWalk) assemble(orientation int) []byte {
	out := make([]byte, 0, w.body.size()+len(w.profile)+128)
	out = append(out, "RIFF\x00\x00\x00\x00WEBP"...)
	if w.extended != nil {
		head := bytes.Clone(w.extended)
		head[0] &= webpAlpha
		head[1], head[2], head[3] = 0, 0, 0
		if w.profile != nil {
			head[0] |= webpICC
		}
		if orientation > 1 {
			head[0] |= webpEXIF
		}
		out = appendRIFF(out, "VP8X", head)
	}
	if w.profile != nil {
		out = appendRIFF(out, "ICCP", w.profile)
	}
	out = w.body.appendTo(out)
	if orientation > 1 {
		out = appendRIFF(out, "EXIF", orientationEXIF(orientation))
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

func appendRIFF(out []byte, kind string, data []byte) []byte {
	out = append(out, kind...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(data)))
	out = append(out, data...)
	if len(data)%2 != 0 {
		out = append(out, 0)
	}
	return out
}
