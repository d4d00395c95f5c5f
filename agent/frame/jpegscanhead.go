package frame

import "image"

// jpegScanHead is a scan header. Source: T.81, B.2.3.
type jpegScanHead struct {
	parts     []jpegPart
	first     int // coefficient, in zigzag order
	last      int // coefficient
	high, low int // successive approximation: bit positions; high is 0 in the first pass over a band
}

// jpegPart is a component within a scan.
type jpegPart struct {
	index   int // of the component in the frame
	h, v    int
	stride  int          // blocks in a row, with those that fill up the last MCU
	dc, ac  *jpegHuffman // never nil
	pred    int32        // the last DC coefficient
	history []uint64     // jpegScanner.history; progressive AC only
}

// noCodes stands for a table that was not defined. It is never changed.
var noCodes jpegHuffman

// scanHead reads a scan header, with the rules of image/jpeg.
func (s *jpegScanner) scanHead(p []byte) (*jpegScanHead, error) {
	if s.frame == nil {
		return nil, reject(CodeCorrupt, "a scan before the frame header")
	}
	if len(p) < 6 || len(p) != 4+2*int(p[0]) || int(p[0]) > len(s.frame.components) {
		return nil, reject(CodeCorrupt, "scan header of %d bytes", len(p))
	}
	parts, tail := p[1:1+2*int(p[0])], p[1+2*int(p[0]):]
	head := &jpegScanHead{last: 63}
	across, _ := s.frame.units()
	blocks := 0
	for q := parts; len(q) > 0; q = q[2:] {
		part, err := s.part(head, q[0], q[1]>>4, q[1]&15)
		if err != nil {
			return nil, err
		}
		part.stride = across * part.h
		blocks += part.h * part.v
		head.parts = append(head.parts, part)
	}
	if len(s.frame.components) > 1 && blocks > 10 {
		return nil, reject(CodeCorrupt, "%d blocks in one unit", blocks)
	}
	if !s.frame.progressive {
		return head, nil // the tail says what cannot be otherwise, and is not looked at
	}
	head.first, head.last, head.high, head.low = int(tail[0]), int(tail[1]), int(tail[2]>>4), int(tail[2]&15)
	return head, head.check()
}

func (s *jpegScanner) part(head *jpegScanHead, id, dc, ac byte) (jpegPart, error) {
	i := s.frame.component(id)
	if i < 0 {
		return jpegPart{}, reject(CodeCorrupt, "a scan of component %d, which the frame does not have", id)
	}
	for _, other := range head.parts {
		if other.index == i {
			return jpegPart{}, reject(CodeCorrupt, "a scan with component %d twice", id)
		}
	}
	if !s.tableExists(dc) || !s.tableExists(ac) {
		return jpegPart{}, reject(CodeCorrupt, "a scan with Huffman tables %d and %d", dc, ac)
	}
	c := s.frame.components[i]
	part := jpegPart{index: i, h: c.h, v: c.v, dc: &noCodes, ac: &noCodes}
	if t := s.dc[dc]; t != nil {
		part.dc = t
	}
	if t := s.ac[ac]; t != nil {
		part.ac = t
	}
	return part, nil
}

// check judges the choices of a progressive scan. Source: T.81, G.1.1.1.
func (h *jpegScanHead) check() error {
	switch {
	case h.first == 0 && h.last != 0, h.first > h.last, h.last > 63:
		return reject(CodeCorrupt, "a scan of coefficients %d to %d", h.first, h.last)
	case h.first != 0 && len(h.parts) != 1:
		return reject(CodeCorrupt, "a scan of the details of %d components", len(h.parts))
	case h.high != 0 && h.high != h.low+1:
		return reject(CodeCorrupt, "a scan that refines bit %d after bit %d", h.low, h.high)
	}
	return nil
}

// allocate makes what the scan writes to, if no scan before it did. The frame header was checked against the limits.
func (s *jpegScanner) allocate(head *jpegScanHead) {
	across, down := s.frame.units()
	if s.luma == nil {
		s.luma = image.NewGray(image.Rect(0, 0, (s.frame.width+7)/8, (s.frame.height+7)/8))
	}
	if !s.frame.progressive {
		return
	}
	for i := range head.parts {
		part := &head.parts[i]
		blocks := across * down * part.h * part.v
		if part.index == 0 && s.dcs == nil {
			s.dcs = make([]int32, blocks)
		}
		if head.first > 0 && s.history[part.index] == nil {
			s.history[part.index] = make([]uint64, blocks)
		}
		part.history = s.history[part.index]
	}
}
