package frame

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
)

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	pngOverhead  = 12 // bytes of a chunk beside its data: length, type, CRC
)

// pngFixed are the ancillary chunks that say how samples become colours and how large a pixel is, with the lengths
// that they may have: what has another length holds something else. Source: PNG, third edition, 11.3.
var pngFixed = map[string][]int{
	"cHRM": {32}, "gAMA": {4}, "sRGB": {1}, "sBIT": {1, 2, 3, 4}, "cICP": {4}, "mDCV": {24}, "cLLI": {8},
	"bKGD": {1, 2, 6}, "pHYs": {9},
}

// pngDropped names chunks that are known and not kept. Any other ancillary chunk is dropped as unknown.
var pngDropped = map[string]string{
	"tEXt": dropText, "zTXt": dropText, "iTXt": dropText, "tIME": dropTime,
	"acTL": dropAnimation, "fcTL": dropAnimation, "fdAT": dropAnimation,
}

// pngWalk is one pass over the chunks of a PNG file. Its slices are parts of raw.
type pngWalk struct {
	raw     []byte
	pos     int // of the next byte to read
	lim     limits
	dropped drops

	header  pngHeader
	body    spans // chunks that are kept as they are, without IHDR
	ihdr    int   // the end of IHDR; 0 before it
	exif    []byte
	profile []byte          // a zlib stream
	plain   []byte          // what it holds
	seen    map[string]bool // chunk types that matter: see remembered
	last    string          // type of the chunk before
}

type pngHeader struct {
	width, height int64
	depth, colour byte
	interlaced    bool
}

type pngChunk struct {
	kind       string
	start, end int // of the whole chunk within raw
	data       []byte
}

// parsePNG keeps the critical chunks and what says how to show them. The frames of an animated PNG go, and with
// them the animation: what stays is its default picture, which every decoder shows.
func parsePNG(raw []byte, lim limits) (*layout, error) {
	w := &pngWalk{raw: raw, pos: len(pngSignature), lim: lim, dropped: drops{}, body: spans{raw: raw},
		seen: map[string]bool{}}
	for w.last != "IEND" {
		c, err := w.next()
		if err != nil {
			return nil, err
		}
		if err := w.sort(c); err != nil {
			return nil, err
		}
		w.last = c.kind
		if remembered(c.kind) {
			w.seen[c.kind] = true
		}
	}
	if w.pos < len(raw) {
		w.dropped.add(dropTrailing)
	}
	if !w.seen["IDAT"] {
		return nil, reject(CodeCorrupt, "no pixel data before the end chunk")
	}
	return &layout{
		width: int(w.header.width), height: int(w.header.height), exif: w.exif, dropped: w.dropped,
		profile: w.plain, assemble: w.assemble,
	}, nil
}

// next reads one chunk and checks its CRC.
func (w *pngWalk) next() (pngChunk, error) {
	rest := w.raw[w.pos:]
	if allZero(rest) {
		return pngChunk{}, reject(CodeTruncated, "no end chunk; nothing, or only zeros, from byte %d on", w.pos)
	}
	if len(rest) < pngOverhead {
		return pngChunk{}, reject(CodeTruncated, "the file ends within a chunk, at byte %d", w.pos)
	}
	n, kind := binary.BigEndian.Uint32(rest), string(rest[4:8])
	if !isChunkType(kind) || n > 1<<31-1 {
		return pngChunk{}, reject(CodeCorrupt, "no chunk at byte %d", w.pos)
	}
	if uint64(n) > uint64(len(rest)-pngOverhead) {
		return pngChunk{}, reject(CodeTruncated, "the file ends within chunk %s, at byte %d", kind, w.pos)
	}
	end := 8 + int(n)
	if crc32.ChecksumIEEE(rest[4:end]) != binary.BigEndian.Uint32(rest[end:]) {
		return pngChunk{}, reject(CodeCorrupt, "wrong checksum in chunk %s at byte %d", kind, w.pos)
	}
	c := pngChunk{kind: kind, start: w.pos, end: w.pos + end + 4, data: rest[8:end]}
	w.pos = c.end
	return c, nil
}

// remembered keeps the set of types small: a file may invent a new one for every chunk.
func remembered(kind string) bool {
	_, fixed := pngFixed[kind]
	return fixed || kind == "IHDR" || kind == "IDAT" || kind == "iCCP"
}

func isChunkType(kind string) bool {
	for i := range len(kind) {
		if c := kind[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// sort decides about one chunk.
func (w *pngWalk) sort(c pngChunk) error {
	if (c.kind == "IHDR") == w.seen["IHDR"] {
		return reject(CodeCorrupt, "header chunk missing, or there twice, at byte %d", c.start)
	}
	switch c.kind {
	case "IHDR":
		return w.readHeader(c)
	case "IDAT":
		if w.seen["IDAT"] && w.last != "IDAT" {
			return reject(CodeCorrupt, "pixel data is interrupted by chunk %s", w.last)
		}
		return w.body.add(c.start, c.end)
	case "PLTE", "tRNS":
		return w.body.add(c.start, c.end) // the decoder judges their lengths, number and order
	case "IEND":
		if len(c.data) != 0 {
			return reject(CodeCorrupt, "end chunk of %d bytes", len(c.data))
		}
		return w.body.add(c.start, c.end)
	case "eXIf":
		w.keepEXIF(c.data)
		return nil
	case "iCCP":
		w.keepProfile(c.data)
		return nil
	}
	return w.ancillary(c)
}

func (w *pngWalk) ancillary(c pngChunk) error {
	if c.kind[0]&0x20 == 0 {
		return reject(CodeUnsupported, "critical PNG chunk %s", c.kind)
	}
	for _, n := range pngFixed[c.kind] {
		if n == len(c.data) && !w.seen[c.kind] && !w.seen["IDAT"] {
			return w.body.add(c.start, c.end)
		}
	}
	name, known := pngDropped[c.kind]
	if !known {
		name = dropUnknown
	}
	if c.kind == "iTXt" && has(c.data, "XML:com.adobe.xmp\x00") {
		name = dropXMP
	}
	w.dropped.add(name)
	return nil
}

func (w *pngWalk) keepEXIF(block []byte) {
	if w.exif != nil || len(block) == 0 {
		w.dropped.add(dropEXIF)
		return
	}
	w.exif = block
}

// keepProfile keeps the compressed profile of an iCCP chunk as it is, but neither its name, which is free text,
// nor what follows the end of the stream.
func (w *pngWalk) keepProfile(data []byte) {
	name, rest, found := bytes.Cut(data, []byte{0})
	if !found || len(name) > 79 || len(rest) < 1 || rest[0] != 0 || w.seen["iCCP"] || w.seen["IDAT"] {
		w.dropped.add(dropICC)
		return
	}
	stream := bytes.NewReader(rest[1:])
	plain, ok := inflateProfile(stream)
	if !ok {
		w.dropped.add(dropICC)
		return
	}
	w.plain = plain
	w.profile = rest[1 : len(rest)-stream.Len()]
}

// inflateProfile reads a zlib stream to its end, and not beyond: a bytes.Reader is read byte by byte.
func inflateProfile(stream *bytes.Reader) ([]byte, bool) {
	z, err := zlib.NewReader(stream)
	if err != nil {
		return nil, false
	}
	p, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil {
		return nil, false
	}
	profile, ok := validProfile(p)
	return profile, ok && len(profile) == len(p)
}

// assemble writes the profile and the orientation directly behind the header: both must precede the pixels, and
// the profile the palette.
func (w *pngWalk) assemble(orientation int) []byte {
	out := make([]byte, 0, len(pngSignature)+w.body.size()+len(w.profile)+128)
	out = append(out, w.raw[:w.ihdr]...)
	if w.profile != nil {
		out = appendChunk(out, "iCCP", append([]byte("icc\x00\x00"), w.profile...))
	}
	if orientation > 1 {
		out = appendChunk(out, "eXIf", orientationEXIF(orientation))
	}
	return w.body.appendTo(out)
}

func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	start := len(out)
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start:]))
}
