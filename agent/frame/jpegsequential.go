package frame

// sequential reads a block of a baseline or extended sequential picture: T.81, F.2.2. Nearly all time is spent here.
func (s *jpegScanner) sequential(_ *jpegScanHead, part *jpegPart, x, y int) error {
	src, pos, acc, n := s.bits.src, s.bits.pos, s.bits.acc, s.bits.n
	if n < enough {
		pos, acc, n = more(src, pos, acc, n)
	}
	e := part.dc.lookup(acc)
	length, size := uint(e&0xff), uint(e>>8)
	switch {
	case e == 0:
		return s.damaged(badCode)
	case size > 16:
		return reject(CodeUnsupported, "JPEG with a DC difference of %d bits", size)
	}
	part.pred += difference(acc<<(length&63), size)
	acc <<= (length + size) & 63
	n -= int(length + size)
	if part.index == 0 {
		s.setLuma(x, y, part.pred)
	}
	// Runs of blocks belong to progressive pictures only; that they work here too is image/jpeg's.
	zig := 1
	if s.eobRun > 0 {
		s.eobRun--
		zig = 64
	}
	for zig < 64 {
		if n < enough { // more, in place: the call would cost an eighth of all time
			if v, plain := window(src, pos); plain {
				acc |= v >> (uint(n) & 63)
				pos += (63 - n) >> 3
				n |= 56
			} else {
				pos, acc, n = refill(src, pos, acc, n)
			}
		}
		e := part.ac.skip[acc>>(64-skipBits)]
		next := zig + int(e>>8)
		if next > 64 && (next < skipEnd || next >= skipEnd+64) {
			// A long code, one that is not for this kind of picture, or the end of the block within the entry.
			var used int
			if used, next, s.eobRun = part.ac.step(acc, zig, 63); used == 0 {
				return s.damaged(badCode)
			}
			acc <<= uint(used) & 63
			n -= used
			zig = next
			continue
		}
		acc <<= e & 63
		n -= int(e & 63)
		zig = next
	}
	s.bits.pos, s.bits.acc, s.bits.n = pos, acc, n
	if n < 0 {
		return s.damaged(badShort)
	}
	return nil
}

// difference reads the value of a DC coefficient, of size bits at the top of acc: T.81, F.2.2.1.
func difference(acc uint64, size uint) int32 {
	v := int32(acc >> 1 >> (63 - size&63))
	if v < 1<<size>>1 {
		v += -1<<size + 1
	}
	return v
}

// readDC reads the difference of a DC coefficient to the one before.
func (s *jpegScanner) readDC(h *jpegHuffman) (diff int32, err error) {
	b := &s.bits
	b.fill()
	e := h.lookup(b.acc)
	if e == 0 {
		return 0, s.damaged(badCode)
	}
	b.take(int(e & 0xff))
	size := uint(e >> 8)
	if size > 16 {
		return 0, reject(CodeUnsupported, "JPEG with a DC difference of %d bits", size)
	}
	diff = difference(b.acc, size)
	b.take(int(size))
	if b.n < 0 {
		return 0, s.damaged(badShort)
	}
	return diff, nil
}

// step reads one AC code and passes over its value. next is the coefficient behind it, or beyond last when the block
// has ended; eobRun is how many blocks end with it. used is in bits, and 0 when there is no such code.
// Source: T.81, F.2.2.2 and G.1.2.2.
func (h *jpegHuffman) step(acc uint64, zig, last int) (used, next, eobRun int) {
	e := h.lookup(acc)
	length, run, size := int(e&0xff), int(e>>12), int(e>>8&15)
	switch {
	case e == 0:
		return 0, 0, 0
	case size > 0 && zig+run > last:
		// The value of a coefficient behind the last one is not read: image/jpeg's way.
		return length, last + 1, 0
	case size > 0:
		return length + size, zig + run + 1, 0
	case run == 15:
		return length, zig + 16, 0
	}
	extra := int(acc << length >> 1 >> (63 - run))
	return length + run, last + 1, 1<<run + extra - 1
}
