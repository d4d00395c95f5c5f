package frame

const (
	// shortBits is the longest code that is found by one look into a table. Nearly all are.
	shortBits = 9
	// skipBits is how many bits jpegHuffman.skip looks at.
	skipBits = 12
)

// jpegHuffman is a Huffman table. What is derived from its definition is made when a scan uses it: a file may define
// a hundred thousand tables that none does. The zero value has no codes.
type jpegHuffman struct {
	counts [16]uint8 // of codes, by length less one
	vals   [256]uint8

	// short, limit and base are valid when ready is set.
	ready bool
	// short is indexed by the next bits: the value above its length in bits, or zero for a longer code.
	short [1 << shortBits]uint16
	// limit is, by length, the first 16 bits that are too large to start with a code of that length.
	limit [17]uint32
	// base is, by length, what makes an index into vals of a code.
	base [17]int32

	// skip is valid when skipReady is set. See makeSkip.
	skipReady bool
	skip      [1 << skipBits]uint16
}

// define reads one table at the start of p, and returns the rest. Source: T.81, B.2.4.2.
func (h *jpegHuffman) define(p []byte) (rest []byte, err error) {
	total, room := 0, 1
	for i := range h.counts {
		h.counts[i] = p[i]
		total += int(p[i])
		if room = 2*room - int(p[i]); room < 0 {
			return nil, reject(CodeCorrupt, "Huffman table with more codes than there are of %d bits", i+1)
		}
	}
	p = p[len(h.counts):]
	switch {
	case total == 0:
		return nil, reject(CodeCorrupt, "Huffman table without codes")
	case total > len(h.vals) || total > len(p):
		return nil, reject(CodeCorrupt, "Huffman table of %d codes", total)
	}
	copy(h.vals[:], p[:total])
	h.ready, h.skipReady = false, false
	return p[total:], nil
}

// prepare derives what lookup needs. Source: T.81, annex C.
func (h *jpegHuffman) prepare() {
	if h.ready {
		return
	}
	clear(h.short[:])
	code, index := int32(0), int32(0)
	for i, n := range h.counts {
		length := i + 1
		code <<= 1
		h.base[length] = index - code
		for range n {
			if length <= shortBits {
				entry := uint16(h.vals[index])<<8 | uint16(length)
				first := code << (shortBits - length)
				for k := range int32(1) << (shortBits - length) {
					h.short[first+k] = entry
				}
			}
			code++
			index++
		}
		h.limit[length] = uint32(code) << (16 - length)
	}
	h.ready = true
}

// lookup decodes the code at the top of acc: its value above its length in bits, or zero where there is no code.
func (h *jpegHuffman) lookup(acc uint64) uint16 {
	if e := h.short[acc>>(64-shortBits)]; e != 0 {
		return e
	}
	return h.long(acc)
}

func (h *jpegHuffman) long(acc uint64) uint16 {
	top := uint32(acc >> 48)
	for length := shortBits + 1; length <= 16; length++ {
		if top < h.limit[length] {
			index := h.base[length] + int32(top>>(16-length))
			return uint16(h.vals[index&0xff])<<8 | uint16(length)
		}
	}
	return 0
}

// What the high byte of an entry of jpegHuffman.skip says beside a number of coefficients.
const (
	skipEnd  = 128 // the block ends, after as many coefficients as are added to this
	skipNone = 255 // the entry says nothing
)

// makeSkip derives the table for passing over AC coefficients of a sequential picture, whose values nobody asks for.
// It is indexed by the next bits. An entry covers all the coefficients whose codes lie within those bits: the high
// byte is how many there are, with the zeros between them, the low byte how many bits they take, values included.
func (h *jpegHuffman) makeSkip() {
	if h.skipReady {
		return
	}
	h.prepare()
	for i := range h.skip {
		h.skip[i] = h.skipEntry(uint64(i) << (64 - skipBits))
	}
	h.skipReady = true
}

func (h *jpegHuffman) skipEntry(acc uint64) uint16 {
	used, passed := 0, 0
	for {
		e := h.lookup(acc << used)
		length, run, size := int(e&0xff), int(e>>12), int(e>>8&15)
		ends := size == 0 && run == 0
		switch {
		case e == 0, used+length > skipBits, size == 0 && run != 15 && run != 0, passed+run+1 > 63 && !ends:
			// The rest of the bits is not a whole code, or one that this table does not know.
			if passed == 0 {
				return skipNone << 8
			}
			return uint16(passed<<8 | used)
		case ends:
			return uint16((skipEnd+passed)<<8 | used + length)
		}
		used += length + size
		passed += run + 1
		if used >= skipBits {
			return uint16(passed<<8 | used)
		}
	}
}
