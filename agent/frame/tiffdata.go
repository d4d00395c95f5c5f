package frame

import "slices"

// blockSize is the size of a strip or tile in pixels. A tile may exceed the picture; a bound keeps what follows
// from overflowing, and the decoder refuses what is larger.
func (w *tiffWalk) blockSize(width, height int64) (bw, bh int64) {
	if tw := int64(w.value(tagTileWidth, 0)); tw > 0 {
		w.tiled = true
		return min(tw, 1<<20), min(max(int64(w.value(tagTileLength, 0)), 1), 1<<20)
	}
	rows := int64(w.value(tagRowsPerStrip, 0))
	if rows == 0 || rows > height {
		rows = height
	}
	return width, rows
}

// maxBlocks limits the strips or tiles of one picture: the decoder's work for each does not depend on its size.
const maxBlocks = 1 << 16

// locate finds the strips or tiles. Their total must not exceed the file: blocks that share bytes would make a small
// file large, and no camera writes them.
func (w *tiffWalk) locate(width, height int64) error {
	if w.value(tagPlanar, 1) != 1 && w.fields[tagBitsPerSample].count > 1 {
		return reject(CodeUnsupported, "TIFF with one plane per colour")
	}
	bw, bh := w.blockSize(width, height)
	blocks := ((width + bw - 1) / bw) * ((height + bh - 1) / bh)
	if blocks > maxBlocks {
		return reject(CodeUnsupported, "TIFF of %d strips", blocks)
	}
	offsets, counts := w.fields[tagStripOffsets], w.fields[tagStripCounts]
	if w.tiled {
		offsets, counts = w.fields[tagTileOffsets], w.fields[tagTileCounts]
	}
	if offsets.value == nil || counts.value == nil {
		return reject(CodeTruncated, "the list of strips lies outside the file, or is missing")
	}
	if int64(offsets.count) < blocks || int64(counts.count) < blocks {
		return reject(CodeCorrupt, "%d strips for %d", min(offsets.count, counts.count), blocks)
	}
	size := uint64(len(w.block.data))
	var total uint64
	for i := range int(blocks) {
		off, ok1 := w.block.uint(offsets, i)
		n, ok2 := w.block.uint(counts, i)
		if !ok1 || !ok2 {
			return reject(CodeCorrupt, "strip %d has no place", i)
		}
		if uint64(off)+uint64(n) > size {
			return reject(CodeTruncated, "strip %d lies outside the file", i)
		}
		if total += uint64(n); total > size {
			return reject(CodeCorrupt, "strips that overlap")
		}
		w.data = append(w.data, span{int(off), int(off) + int(n)})
	}
	return nil
}

// assemble writes a file with one directory, in the byte order that it had: header, directory, values that do not
// fit into it, strips. Everything starts at an even offset, as TIFF 6.0 demands.
func (w *tiffWalk) assemble(orientation int) []byte {
	fields := slices.Clone(w.kept)
	offsetTag, countTag := uint16(tagStripOffsets), uint16(tagStripCounts)
	if w.tiled {
		offsetTag, countTag = tagTileOffsets, tagTileCounts
	}
	counts := make([]byte, 0, 4*len(w.data))
	for _, s := range w.data {
		counts = w.block.order.AppendUint32(counts, uint32(s.to-s.from))
	}
	offsets := make([]byte, len(counts)) // filled below, when the place of the first strip is known
	blocks := uint32(len(w.data))
	fields = append(fields, field{offsetTag, typeLong, blocks, offsets}, field{countTag, typeLong, blocks, counts})
	if orientation > 1 {
		short := w.block.order.AppendUint16(nil, uint16(orientation))
		fields = append(fields, field{tagOrientation, typeShort, 1, short})
	}
	if w.profile != nil {
		fields = append(fields, field{tagProfile, typeUndefined, uint32(len(w.profile)), w.profile})
	}
	slices.SortFunc(fields, func(a, b field) int { return int(a.tag) - int(b.tag) })

	at := 8 + 2 + 12*len(fields) + 4
	for _, f := range fields {
		if len(f.value) > 4 {
			at += even(len(f.value))
		}
	}
	for i, s := range w.data {
		w.block.order.PutUint32(offsets[4*i:], uint32(at))
		at += even(s.to - s.from)
	}
	return w.write(fields, at)
}

// write lays out what assemble has placed; size is that of the file, in bytes.
func (w *tiffWalk) write(fields []field, size int) []byte {
	order := w.block.order
	out := append(make([]byte, 0, size), w.block.data[:4]...)
	out = order.AppendUint32(out, 8)
	out = order.AppendUint16(out, uint16(len(fields)))
	at := 8 + 2 + 12*len(fields) + 4
	for _, f := range fields {
		out = order.AppendUint16(out, f.tag)
		out = order.AppendUint16(out, f.typ)
		out = order.AppendUint32(out, f.count)
		if len(f.value) <= 4 {
			out = append(append(out, f.value...), make([]byte, 4-len(f.value))...)
			continue
		}
		out = order.AppendUint32(out, uint32(at))
		at += even(len(f.value))
	}
	out = order.AppendUint32(out, 0)
	for _, f := range fields {
		if len(f.value) > 4 {
			out = appendEven(out, f.value)
		}
	}
	for _, s := range w.data {
		if len(out)%2 != 0 {
			out = append(out, 0)
		}
		out = append(out, w.block.data[s.from:s.to]...)
	}
	return out
}

func even(n int) int { return n + n&1 }

func appendEven(out, b []byte) []byte {
	out = append(out, b...)
	if len(b)%2 != 0 {
		out = append(out, 0)
	}
	return out
}
