package frame

import "encoding/binary"

// enough is how many bits a fill provides, where the data has them: no single step of decoding takes more. The
// longest is a DC coefficient, with 16 bits of code and 16 of value.
const enough = 32

// jpegBits reads the bits of one stretch of entropy-coded data: up to the next marker. Reading beyond its end gives
// zeros and leaves n negative; since no more bits can come then, it is enough to look at n once for each block.
//
// Loops that must be fast keep acc, pos and n in variables of their own, which Go holds in registers, and use window
// and refill in place of fill.
type jpegBits struct {
	src   []byte
	start int    // where the stretch begins within src
	pos   int    // of the next byte that is not yet in acc
	acc   uint64 // the next bits, from the top
	n     int    // how many of them count; those below are zeros, or bits that the next fill brings again
}

func bitsAt(src []byte, pos int) jpegBits { return jpegBits{src: src, start: pos, pos: pos} }

// window is the next eight bytes, and whether they can be taken as they are. One that is 0xff is either followed by a
// zero, which is not data, or the start of a marker.
func window(src []byte, pos int) (bytes uint64, plain bool) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	if len(src)-pos < 8 {
		return 0, false
	}
	v := binary.BigEndian.Uint64(src[pos:])
	// The usual test for a zero byte, of the complement.
	return v, (^v-ones)&v&tops == 0
}

// refill is the slow way, byte by byte. It stops before a marker, and before the end.
func refill(src []byte, pos int, acc uint64, n int) (pos2 int, acc2 uint64, n2 int) {
	for n <= 56 && pos < len(src) {
		c := src[pos]
		if c == 0xff {
			if pos+1 == len(src) || src[pos+1] != 0 {
				break
			}
			pos++
		}
		pos++
		acc |= uint64(c) << (56 - n)
		n += 8
	}
	return pos, acc, n
}

// more adds what fits into acc, where n is below 32: 32 bits at least, or all that are left.
func more(src []byte, pos int, acc uint64, n int) (pos2 int, acc2 uint64, n2 int) {
	if v, plain := window(src, pos); plain {
		return pos + (63-n)>>3, acc | v>>(uint(n)&63), n | 56
	}
	return refill(src, pos, acc, n)
}

// fill makes the next 32 bits available, or all that are left.
func (b *jpegBits) fill() {
	if b.n < enough {
		b.pos, b.acc, b.n = more(b.src, b.pos, b.acc, b.n)
	}
}

// take reads k bits, at most as many as are left of a fill.
func (b *jpegBits) take(k int) int {
	v := int(b.acc >> 1 >> (63 - k))
	b.acc <<= k
	b.n -= k
	return v
}

// skip passes over any number of bits.
func (b *jpegBits) skip(k int) {
	for k > 0 {
		b.fill()
		step := min(k, enough)
		b.acc <<= step
		b.n -= step
		k -= step
	}
}

// end is the position behind the last byte of which a bit was read.
func (b *jpegBits) end() int {
	pos := b.pos
	for range b.n >> 3 {
		pos--
		// The byte before the stretch is not part of it, whatever it is.
		if b.src[pos] == 0 && pos > b.start && b.src[pos-1] == 0xff {
			pos--
		}
	}
	return pos
}
