package frame

import (
	"bytes"
	"encoding/binary"
)

// Sizes and offsets in a BMP file, in bytes. Source: Microsoft, BITMAPFILEHEADER, BITMAPINFOHEADER and
// BITMAPV5HEADER; offsets count from the start of the file.
const (
	bmpFileHeader = 14
	bmpInfoHeader = 40
	bmpV4Header   = 108
	bmpV5Header   = 124

	bmpOffFileSize  = 2
	bmpOffReserved  = 6
	bmpOffPixels    = 10
	bmpOffUsed      = 46
	bmpOffSpace     = bmpFileHeader + 56
	bmpOffProfile   = bmpFileHeader + 112 // its place, counted from byte 14, and its size
	bmpSpaceLinked  = 0x4c494e4b          // "LINK": the profile is the path of a file
	bmpSpaceEmbed   = 0x4d424544          // "MBED"
	bmpSpaceDefault = 0x73524742          // "sRGB"
)

// bmpWalk is what the headers of a BMP file say. Its slices are parts of raw.
type bmpWalk struct {
	raw             []byte
	width, height   int64
	header          int    // file header and information header, in bytes
	pixels, palette []byte // as stored
	profile         []byte
}

// parseBMP keeps headers, palette and pixels, without the gaps between them, and an embedded colour profile.
func parseBMP(raw []byte, lim limits) (*layout, error) {
	if len(raw) < bmpFileHeader+bmpInfoHeader {
		return nil, reject(CodeTruncated, "%d bytes, less than the header", len(raw))
	}
	info := binary.LittleEndian.Uint32(raw[bmpFileHeader:])
	if info != bmpInfoHeader && info != bmpV4Header && info != bmpV5Header {
		return nil, reject(CodeUnsupported, "BMP header of %d bytes", info)
	}
	w := &bmpWalk{raw: raw, header: bmpFileHeader + int(info)}
	if len(raw) < w.header {
		return nil, reject(CodeTruncated, "%d bytes, less than the header", len(raw))
	}
	bits := int64(binary.LittleEndian.Uint16(raw[28:]))
	if err := w.readSize(lim, bits); err != nil {
		return nil, err
	}
	if err := w.locate(bits); err != nil {
		return nil, err
	}
	l := &layout{width: int(w.width), height: int(w.height), dropped: drops{}, assemble: w.assemble}
	w.readProfile(l.dropped)
	l.profile = w.profile
	return l, nil
}

func (w *bmpWalk) readSize(lim limits, bits int64) error {
	w.width = int64(int32(binary.LittleEndian.Uint32(w.raw[18:])))
	w.height = int64(int32(binary.LittleEndian.Uint32(w.raw[22:])))
	if w.height < 0 {
		w.height = -w.height // rows from the top down
	}
	switch bits {
	case 1, 2, 4, 8, 24, 32:
	default:
		return reject(CodeUnsupported, "BMP with %d bits per pixel", bits)
	}
	perPixel := int64(4)
	if bits <= 8 {
		perPixel = 1
	}
	return lim.check(w.width, w.height, func() int64 { return perPixel * w.width * w.height })
}

// locate finds palette and pixels. A palette of a picture with 24 or 32 bits is a hint for old screens: it goes.
func (w *bmpWalk) locate(bits int64) error {
	entries := int64(0)
	if bits <= 8 {
		entries = int64(binary.LittleEndian.Uint32(w.raw[bmpOffUsed:]))
		if entries == 0 || entries > 1<<bits {
			entries = 1 << bits // the decoder refuses a larger one
		}
	}
	paletteEnd := int64(w.header) + 4*entries
	start := int64(binary.LittleEndian.Uint32(w.raw[bmpOffPixels:]))
	if start < paletteEnd {
		return reject(CodeCorrupt, "pixels at byte %d, within the header", start)
	}
	row := (w.width*bits + 31) / 32 * 4
	end := start + row*w.height
	if end > int64(len(w.raw)) {
		return reject(CodeTruncated, "%d of %d bytes", len(w.raw), end)
	}
	w.palette, w.pixels = w.raw[w.header:paletteEnd], w.raw[start:end]
	return nil
}

// readProfile finds an embedded profile, and names what will be missing.
func (w *bmpWalk) readProfile(dropped drops) {
	rest := len(w.raw) - w.header - len(w.palette) - len(w.pixels)
	if w.header == bmpFileHeader+bmpV5Header {
		space := binary.LittleEndian.Uint32(w.raw[bmpOffSpace:])
		at := bmpFileHeader + uint64(binary.LittleEndian.Uint32(w.raw[bmpOffProfile:]))
		size := uint64(binary.LittleEndian.Uint32(w.raw[bmpOffProfile+4:]))
		if space == bmpSpaceEmbed && at <= uint64(len(w.raw)) && size <= uint64(len(w.raw))-at {
			w.profile, _ = validProfile(w.raw[at : at+size])
		}
		if space == bmpSpaceLinked || space == bmpSpaceEmbed && w.profile == nil {
			dropped.add(dropICC)
		}
	}
	if rest != len(w.profile) {
		dropped.add(dropTrailing)
	}
}

// assemble writes the parts without gaps, and headers that fit.
func (w *bmpWalk) assemble(int) []byte {
	head := bytes.Clone(w.raw[:w.header])
	pixels := w.header + len(w.palette)
	end := pixels + len(w.pixels)
	put := func(off int, v uint32) { binary.LittleEndian.PutUint32(head[off:], v) }
	put(bmpOffFileSize, uint32(end+len(w.profile)))
	put(bmpOffReserved, 0)
	put(bmpOffPixels, uint32(pixels))
	if len(w.palette) == 0 {
		put(bmpOffUsed, 0)
	}
	if w.header == bmpFileHeader+bmpV5Header {
		space := binary.LittleEndian.Uint32(head[bmpOffSpace:])
		put(bmpOffProfile, 0)
		put(bmpOffProfile+4, 0)
		put(bmpOffProfile+8, 0) // reserved
		switch {
		case w.profile != nil:
			put(bmpOffProfile, uint32(end-bmpFileHeader))
			put(bmpOffProfile+4, uint32(len(w.profile)))
		case space == bmpSpaceLinked || space == bmpSpaceEmbed:
			put(bmpOffSpace, bmpSpaceDefault)
		}
	}
	out := make([]byte, 0, end+len(w.profile))
	out = append(append(append(out, head...), w.palette...), w.pixels...)
	return append(out, w.profile...)
}
