package frame

import "encoding/binary"

// readHeader reads IHDR. Source: PNG, third edition, 11.2.1. The decoder judges depth and colour type.
func (w *pngWalk) readHeader(c pngChunk) error {
	if len(c.data) != 13 {
		return reject(CodeCorrupt, "header chunk of %d bytes", len(c.data))
	}
	w.header = pngHeader{
		width:      int64(binary.BigEndian.Uint32(c.data)),
		height:     int64(binary.BigEndian.Uint32(c.data[4:])),
		depth:      c.data[8],
		colour:     c.data[9],
		interlaced: c.data[12] != 0,
	}
	w.ihdr = c.end
	return w.lim.check(w.header.width, w.header.height, w.header.memory)
}

// memory bounds what image/png allocates: one byte a pixel for grey and palettes, four for colour, or for grey with
// a transparent value; twice that for 16 bits; and again for the passes of an interlaced picture.
func (h pngHeader) memory() int64 {
	perPixel := int64(4)
	if h.colour == 3 {
		perPixel = 1
	}
	if h.depth == 16 {
		perPixel *= 2
	}
	if h.interlaced {
		perPixel *= 2
	}
	return perPixel * h.width * h.height
}
