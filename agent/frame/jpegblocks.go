package frame

// jpegBlock reads one block of a scan: block x, y of its component.
type jpegBlock func(head *jpegScanHead, part *jpegPart, x, y int) error

// scan reads a scan header and the entropy-coded data behind it.
func (s *jpegScanner) scan(p []byte) error {
	head, err := s.scanHead(p)
	if err != nil {
		return err
	}
	s.allocate(head)
	s.scanned = true
	s.bits = bitsAt(s.src, s.pos)
	if len(head.parts) == 1 {
		err = s.single(head, s.prepare(head))
	} else {
		err = s.interleaved(head, s.prepare(head))
	}
	s.pos = s.bits.end()
	return err
}

// prepare chooses how blocks are read, and derives the tables for it.
func (s *jpegScanner) prepare(head *jpegScanHead) jpegBlock {
	for _, part := range head.parts {
		switch {
		case !s.frame.progressive:
			part.dc.prepare()
			part.ac.makeSkip()
		case head.first > 0:
			part.ac.prepare()
		case head.high == 0:
			part.dc.prepare()
		}
	}
	switch {
	case !s.frame.progressive:
		return s.sequential
	case head.first > 0 && head.high > 0:
		return s.acRefine
	case head.first > 0:
		return s.acFirst
	case head.high > 0:
		return s.dcRefine
	}
	return s.dcFirst
}

// interleaved reads a scan of several components: for each MCU, the blocks of one after those of the other.
func (s *jpegScanner) interleaved(head *jpegScanHead, block jpegBlock) error {
	across, down := s.frame.units()
	for unit := range across * down {
		if err := s.restart(head, unit); err != nil {
			return err
		}
		left, top := unit%across, unit/across
		for i := range head.parts {
			part := &head.parts[i]
			for y := range part.v {
				for x := range part.h {
					if err := block(head, part, left*part.h+x, top*part.v+y); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// single reads a scan of one component: row by row, without the blocks that only fill up the last MCU.
//
// As image/jpeg does, it takes every h × v blocks for an MCU, where T.81 (A.2.2) says that in such a scan each block
// is one, and it measures each component by the size of the whole picture. Both matter only for files with
// restarts or factors that are rare.
func (s *jpegScanner) single(head *jpegScanHead, block jpegBlock) error {
	across, down := s.frame.units()
	part := &head.parts[0]
	x, y := 0, 0
	for unit := range across * down {
		if err := s.restart(head, unit); err != nil {
			return err
		}
		for range part.h * part.v {
			if 8*x < s.frame.width && 8*y < s.frame.height {
				if err := block(head, part, x, y); err != nil {
					return err
				}
			}
			if x++; x == part.stride {
				x, y = 0, y+1
			}
		}
	}
	return nil
}

// restart passes the marker that is due before this MCU, if there is one. Source: T.81, F.2.1.3.1 and G.1.2.2.
func (s *jpegScanner) restart(head *jpegScanHead, unit int) error {
	if s.interval == 0 || unit == 0 || unit%s.interval != 0 {
		return nil
	}
	pos := s.bits.end()
	want := byte(mRST0 + (unit/s.interval-1)%8)
	// Behind a damaged stretch, decoders look for the restart that is due, and for no other marker.
	for {
		if len(s.src)-pos < 2 {
			return reject(CodeCorrupt, "no restart after unit %d", unit)
		}
		a, b := s.src[pos], s.src[pos+1]
		if a == 0xff && b == want {
			break
		}
		if a == 0xff && b != 0 && b != 0xff {
			return reject(CodeCorrupt, "marker %#x in place of a restart after unit %d", b, unit)
		}
		pos++
		if b != 0xff {
			pos++
		}
	}
	s.bits = bitsAt(s.src, pos+2)
	s.eobRun = 0
	for i := range head.parts {
		head.parts[i].pred = 0
	}
	return nil
}

// Reasons for which a block cannot be read.
const (
	badCode  = "no such Huffman code"
	badShort = "the data ends within a block"
	badBand  = "a coefficient behind the last one"
)

func (s *jpegScanner) damaged(what string) error {
	return reject(CodeCorrupt, "%s, near byte %d", what, s.bits.pos)
}
