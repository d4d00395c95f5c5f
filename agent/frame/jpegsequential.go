package frame

// sequential reads a block of a baseline or extended sequential picture: T.81, F.2.2.
func (s *jpegScanner) sequential(_ *jpegScanHead, part *jpegPart, x, y int) error {
	diff, err := s.readDC(part.dc)
	if err != nil {
		return err
	}
	part.pred += diff
	if part.index == 0 {
		s.setLuma(x, y, part.pred)
	}
	// Runs of blocks belong to progressive pictures only; that they work here too is image/jpeg's.
	if s.eobRun > 0 {
		s.eobRun--
		return nil
	}
	return s.skipAC(part.ac)
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
	size := int(e >> 8)
	switch {
	case b.n < 0:
		return 0, s.damaged(badShort)
	case size > 16:
		return 0, reject(CodeUnsupported, "JPEG with a DC difference of %d bits", size)
	case size == 0:
		return 0, nil
	}
	v := int32(b.take(size))
	if b.n < 0 {
		return 0, s.damaged(badShort)
	}
	if v < 1<<(size-1) {
		v += -1<<size + 1
	}
	return v, nil
}

// skipAC passes over the AC coefficients of a block. Three quarters of all time are spent in this loop.
func (s *jpegScanner) skipAC(h *jpegHuffman) error {
	src, pos, acc, n := s.bits.src, s.bits.pos, s.bits.acc, s.bits.n
	bad := ""
	for zig := 1; zig < 64; {
		if n < enough {
			if v, plain := window(src, pos); plain {
				acc |= v >> (uint(n) & 63)
				pos += (63 - n) >> 3
				n |= 56
			} else {
				pos, acc, n = refill(src, pos, acc, n)
			}
		}
		e := h.skip[acc>>(64-skipBits)]
		next := zig + int(e>>8)
		if next > 64 && (next < skipEnd || next >= skipEnd+64) {
			// A long code, one that is not for this kind of picture, or the end of the block within the entry.
			var used int
			if used, next, s.eobRun = h.step(acc, zig, 63); used == 0 {
				bad = badCode
				break
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
		bad = badShort
	}
	if bad != "" {
		return s.damaged(bad)
	}
	return nil
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
