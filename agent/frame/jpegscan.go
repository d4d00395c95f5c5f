package frame

import (
	"bytes"
	"image"
)

// scanJPEG reads every coefficient of a JPEG picture, as a decoder does, and makes no pixels of them: what follows,
// the inverse transform and the conversion of colours, cannot fail. It takes what image/jpeg takes, and refuses what
// that refuses. On two points it is stricter: a Huffman table must not have more codes than there can be, and a
// picture must have pixels.
//
// luma is the brightness at an eighth of the width and height: each byte is the mean of a block of 8 × 8 pixels, which
// is what a DC coefficient says. It is as stored, before any orientation is applied. It is nil for pictures whose
// first component is not brightness: RGB and CMYK.
//
// The memory it takes is that of jpegFrame.memory. Its time is linear in len(b), and in the pixels for each scan,
// whose number the caller limits.
func scanJPEG(b []byte, lim limits) (width, height int, luma *image.Gray, err error) {
	s := &jpegScanner{src: b, lim: lim}
	if !bytes.HasPrefix(b, []byte{0xff, mSOI}) {
		return 0, 0, nil, reject(CodeCorrupt, "no start-of-image marker")
	}
	for s.pos = 2; ; {
		marker, err := s.marker()
		if err != nil {
			return 0, 0, nil, err
		}
		if marker == mEOI {
			break
		}
		if err := s.segment(marker); err != nil {
			return 0, 0, nil, err
		}
	}
	if err := s.finish(); err != nil {
		return 0, 0, nil, err
	}
	return s.frame.width, s.frame.height, s.luma, nil
}

// jpegScanner is one pass over a JPEG file.
type jpegScanner struct {
	src []byte
	pos int // of the next byte, between scans
	lim limits

	frame    *jpegFrame      // nil before SOF
	dcStep   [4]int32        // the first value of each quantization table; 0 where there is none
	dc, ac   [4]*jpegHuffman // nil before DHT
	interval int             // MCUs between restarts; 0 for none
	jfif     bool            // the last APP0 was JFIF
	adobe    []byte          // the last Adobe segment; nil before it
	scanned  bool            // there was a scan

	bits   jpegBits
	eobRun int // blocks that are still to be passed over: T.81, G.1.2.2

	luma    *image.Gray // of the first component, whatever that is; nil before SOS
	dcs     []int32     // DC coefficients of the first component; progressive only
	history [4][]uint64 // by component and block, a bit for each coefficient that is not zero; progressive only
}

// marker skips to the next marker that has a segment, or to the end of the image.
func (s *jpegScanner) marker() (byte, error) {
	for {
		// Bytes that belong to no segment follow a scan that holds more data than there are blocks. Decoders skip
		// them, and so does the walk that made this file.
		i := bytes.IndexByte(s.src[s.pos:], 0xff)
		if i < 0 {
			break
		}
		s.pos += i + 1
		if s.pos < len(s.src) && s.src[s.pos] == 0 {
			s.pos++
			continue
		}
		for s.pos < len(s.src) && s.src[s.pos] == 0xff {
			s.pos++
		}
		if s.pos == len(s.src) {
			break
		}
		m := s.src[s.pos]
		s.pos++
		if m < mRST0 || m > mRST7 {
			return m, nil
		}
	}
	return 0, reject(CodeCorrupt, "no end-of-image marker")
}

// segment handles one segment, a scan with its entropy-coded data.
func (s *jpegScanner) segment(marker byte) error {
	if len(s.src)-s.pos < 2 {
		return reject(CodeCorrupt, "the file ends within a segment")
	}
	n := int(s.src[s.pos])<<8 | int(s.src[s.pos+1])
	if n < 2 || n > len(s.src)-s.pos {
		return reject(CodeCorrupt, "segment of %d bytes at byte %d", n, s.pos)
	}
	p := s.src[s.pos+2 : s.pos+n]
	s.pos += n
	switch {
	case marker >= mSOF0 && marker <= mSOF2:
		return s.startFrame(marker, p)
	case marker == mDHT:
		return s.defineHuffman(p)
	case marker == mDQT:
		return s.defineQuant(p)
	case marker == mDRI:
		if len(p) != 2 {
			return reject(CodeCorrupt, "restart interval of %d bytes", len(p))
		}
		s.interval = int(p[0])<<8 | int(p[1])
	case marker == mSOS:
		return s.scan(p)
	case marker == mAPP0 && len(p) >= len(jfifID):
		s.jfif = has(p, jfifID)
	case marker == mAPP14 && len(p) >= adobeLen && has(p, adobeID):
		s.adobe = p
	case marker >= mAPP0 && marker <= mAPP15 || marker == mCOM:
	case marker < mSOF0:
		return reject(CodeCorrupt, "marker %#x", marker)
	default:
		return reject(CodeUnsupported, "JPEG segment of type %#x", marker)
	}
	return nil
}

func (s *jpegScanner) startFrame(marker byte, p []byte) (err error) {
	if s.frame != nil {
		return reject(CodeCorrupt, "two frame headers")
	}
	if s.frame, err = readJPEGFrame(marker, p); err != nil {
		return err
	}
	return s.lim.check(int64(s.frame.width), int64(s.frame.height), s.frame.memory)
}

// defineHuffman reads the tables of a DHT segment. Source: T.81, B.2.4.2.
func (s *jpegScanner) defineHuffman(p []byte) (err error) {
	for len(p) > 0 {
		if len(p) < 17 {
			return reject(CodeCorrupt, "Huffman table of %d bytes", len(p))
		}
		class, id := p[0]>>4, p[0]&15
		if class > 1 || !s.tableExists(id) {
			return reject(CodeCorrupt, "Huffman table %#x", p[0])
		}
		at := &s.dc[id]
		if class == 1 {
			at = &s.ac[id]
		}
		if *at == nil {
			*at = new(jpegHuffman)
		}
		if p, err = (*at).define(p[1:]); err != nil {
			return err
		}
	}
	return nil
}

// tableExists is whether a Huffman table can have this number. Source: T.81, table B.5.
func (s *jpegScanner) tableExists(id byte) bool {
	return id <= 1 || id <= 3 && (s.frame == nil || !s.frame.baseline)
}

// defineQuant reads the tables of a DQT segment. Source: T.81, B.2.4.1.
func (s *jpegScanner) defineQuant(p []byte) error {
	for len(p) > 0 {
		id, size := p[0]&15, 64
		wide := p[0]>>4 == 1
		if wide {
			size = 128
		}
		if id > 3 || p[0]>>4 > 1 {
			return reject(CodeCorrupt, "quantization table %#x", p[0])
		}
		if p = p[1:]; len(p) == 0 {
			return nil // a name without a table, which image/jpeg lets pass
		}
		if len(p) < size {
			return reject(CodeCorrupt, "quantization table of %d bytes", len(p))
		}
		s.dcStep[id] = int32(p[0])
		if wide {
			s.dcStep[id] = int32(p[0])<<8 | int32(p[1])
		}
		p = p[size:]
	}
	return nil
}

// finish judges the picture as a whole.
func (s *jpegScanner) finish() error {
	if !s.scanned {
		return reject(CodeCorrupt, "no scan before the end-of-image marker")
	}
	n := len(s.frame.components)
	if n == 4 && s.adobe == nil {
		return reject(CodeUnsupported, "JPEG with 4 components, and no Adobe segment to say which colours they are")
	}
	if s.dcs != nil {
		s.fillLuma()
	}
	if n == 4 || n == 3 && s.isRGB() {
		s.luma = nil
	}
	return nil
}

// isRGB is the rule that image/jpeg and libjpeg follow.
func (s *jpegScanner) isRGB() bool {
	if s.jfif {
		return false
	}
	if s.adobe != nil && s.adobe[adobeLen-1] == 0 {
		return true
	}
	c := s.frame.components
	return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
}
