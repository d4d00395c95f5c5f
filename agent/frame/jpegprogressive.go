package frame

import "math/bits"

// Progressive pictures come in several passes. What a pass means depends on which coefficients the passes before it
// have made other than zero, and on nothing else: that is what jpegPart.history holds. Source: T.81, annex G.

// dcFirst reads the first bits of a DC coefficient.
func (s *jpegScanner) dcFirst(head *jpegScanHead, part *jpegPart, x, y int) error {
	diff, err := s.readDC(part.dc)
	part.pred += diff
	if part.index == 0 {
		s.dcs[y*part.stride+x] = part.pred << head.low
	}
	return err
}

// dcRefine reads one more bit of a DC coefficient.
func (s *jpegScanner) dcRefine(head *jpegScanHead, part *jpegPart, x, y int) error {
	s.bits.fill()
	bit := int32(s.bits.take(1))
	if s.bits.n < 0 {
		return s.damaged(badShort)
	}
	if part.index == 0 {
		s.dcs[y*part.stride+x] |= bit << head.low
	}
	return nil
}

// acFirst reads the first bits of a band of AC coefficients: G.1.2.2.
func (s *jpegScanner) acFirst(head *jpegScanHead, part *jpegPart, x, y int) error {
	if s.eobRun > 0 {
		s.eobRun--
		return nil
	}
	b := &s.bits
	made := uint64(0)
	for zig := head.first; zig <= head.last; {
		b.fill()
		e := part.ac.lookup(b.acc)
		length, run, size := int(e&0xff), int(e>>12), int(e>>8&15)
		if size > 0 && zig+run <= head.last {
			zig += run
			made |= 1 << zig
			zig++
			b.acc <<= length + size
			b.n -= length + size
			continue
		}
		used, next, eobRun := part.ac.step(b.acc, zig, head.last)
		if used == 0 {
			return s.damaged(badCode)
		}
		b.take(used)
		zig, s.eobRun = next, eobRun
	}
	part.history[y*part.stride+x] |= made
	if b.n < 0 {
		return s.damaged(badShort)
	}
	return nil
}

// acRefine reads one more bit of each coefficient of a band that is not zero, and the first of those that become so:
// G.1.2.3.
func (s *jpegScanner) acRefine(head *jpegScanHead, part *jpegPart, x, y int) error {
	b := &s.bits
	made := &part.history[y*part.stride+x]
	zig := head.first
	for s.eobRun == 0 && zig <= head.last {
		b.fill()
		e := part.ac.lookup(b.acc)
		length, run, size := int(e&0xff), int(e>>12), int(e>>8&15)
		if e == 0 || size > 1 {
			return s.damaged(badCode)
		}
		b.take(length)
		if size == 0 && run < 15 {
			s.eobRun = 1<<run + b.take(run)
			break
		}
		b.take(size) // the sign
		at := nthZero(*made, zig, run)
		if at > head.last {
			return s.damaged(badBand)
		}
		b.skip(bits.OnesCount64(*made & band(zig, at)))
		*made |= uint64(size) << at
		zig = at + 1
	}
	if s.eobRun > 0 {
		s.eobRun--
		b.skip(bits.OnesCount64(*made & band(zig, head.last)))
	}
	if b.n < 0 {
		return s.damaged(badShort)
	}
	return nil
}

// band is a mask of the bits from first to last; none when last is less.
func band(first, last int) uint64 {
	return ^uint64(0) << first & (1<<(last+1) - 1)
}

// nthZero is the place of a zero bit at or behind from, behind n others; 64 when there is none.
func nthZero(mask uint64, from, n int) int {
	zeros := ^mask & (^uint64(0) << from)
	for range n {
		zeros &= zeros - 1
	}
	return bits.TrailingZeros64(zeros)
}
