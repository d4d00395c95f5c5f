package frame

import (
	"bytes"
	"encoding/binary"
)

// JPEG markers. Source: ITU-T T.81, table B.1.
const (
	mSOF0  = 0xc0
	mSOF2  = 0xc2
	mDHT   = 0xc4
	mRST0  = 0xd0
	mRST7  = 0xd7
	mSOI   = 0xd8
	mEOI   = 0xd9
	mSOS   = 0xda
	mDQT   = 0xdb
	mDRI   = 0xdd
	mAPP0  = 0xe0
	mAPP1  = 0xe1
	mAPP2  = 0xe2
	mAPP13 = 0xed
	mAPP14 = 0xee
	mAPP15 = 0xef
	mCOM   = 0xfe
)

// jpegWalk is one pass over the segments of a JPEG file. Its slices are parts of raw.
type jpegWalk struct {
	raw     []byte
	pos     int // of the next byte to read
	lim     limits
	dropped drops

	jfif, exif, adobe []byte        // payloads; nil when absent
	icc               jpegProfile   // the parts of the colour profile
	body              spans         // whole segments that are kept as they are, scans with their entropy-coded data
	frame             *jpegFrame    // nil before SOF
	scans             int           // scan headers so far
	scanned           map[byte]bool // by component: whether its first scan was there
}

// parseJPEG keeps what a decoder needs (tables, frame and scan headers, entropy-coded data, JFIF and Adobe
// headers, which decide how components become colours) and the colour profile; every other segment goes.
func parseJPEG(raw []byte, lim limits) (*layout, error) {
	w := &jpegWalk{raw: raw, pos: 2, lim: lim, dropped: drops{}, body: spans{raw: raw}, scanned: map[byte]bool{}}
	for done := false; !done; {
		marker, err := w.nextMarker()
		if err != nil {
			return nil, err
		}
		if done, err = w.step(marker); err != nil {
			return nil, err
		}
	}
	if w.pos < len(raw) {
		w.dropped.add(dropTrailing)
	}
	if err := w.complete(); err != nil {
		return nil, err
	}
	profile, ok := w.icc.join()
	if !ok {
		w.dropped.add(dropICC)
	}
	return &layout{
		width: w.frame.width, height: w.frame.height, exif: w.exif, dropped: w.dropped, profile: profile,
		assemble: func(orientation int) []byte { return w.assemble(orientation, profile) },
	}, nil
}

// nextMarker skips to the next marker and past it. Bytes between segments belong to none; decoders skip them
// with a warning (libjpeg's JWRN_EXTRANEOUS_DATA), and here they are dropped.
func (w *jpegWalk) nextMarker() (byte, error) {
	for {
		i := bytes.IndexByte(w.raw[w.pos:], 0xff)
		if i < 0 {
			return 0, reject(CodeTruncated, "no end-of-image marker in %d bytes", len(w.raw))
		}
		if i > 0 {
			w.dropped.add(dropUnknown)
		}
		w.pos += i
		// Any number of 0xff may precede a marker: T.81, B.1.1.2.
		for w.pos < len(w.raw) && w.raw[w.pos] == 0xff {
			w.pos++
		}
		if w.pos == len(w.raw) {
			return 0, reject(CodeTruncated, "no end-of-image marker in %d bytes", len(w.raw))
		}
		marker := w.raw[w.pos]
		w.pos++
		if marker != 0 {
			return marker, nil
		}
		w.dropped.add(dropUnknown)
	}
}

// step handles one segment; done is true after the end-of-image marker.
func (w *jpegWalk) step(marker byte) (done bool, err error) {
	switch {
	case marker == mEOI:
		return true, nil
	case marker >= mRST0 && marker <= mRST7:
		return false, nil // a restart after the last block: a harmless habit of some encoders
	case marker < mSOF0 || marker == mSOI:
		return false, reject(CodeCorrupt, "marker %#x at byte %d", marker, w.pos-1)
	}
	payload, err := w.payload()
	if err != nil {
		return false, err
	}
	start := w.pos - len(payload) - 4 // of the segment's own 0xff, behind any fill bytes
	switch {
	case marker >= mSOF0 && marker <= mSOF2:
		if err := w.startFrame(marker, payload); err != nil {
			return false, err
		}
	case marker == mSOS:
		if err := w.addScan(payload); err != nil {
			return false, err
		}
		w.skipEntropy()
	case marker == mDHT || marker == mDQT || marker == mDRI:
	case marker >= mAPP0 && marker <= mAPP15 || marker == mCOM:
		w.application(marker, payload)
		return false, nil
	default:
		return false, reject(CodeUnsupported, "JPEG segment of type %#x", marker)
	}
	return false, w.body.add(start, w.pos)
}

// payload reads the length of a segment, and returns its content.
func (w *jpegWalk) payload() ([]byte, error) {
	rest := w.raw[w.pos:]
	if len(rest) < 2 {
		return nil, reject(CodeTruncated, "the file ends within a segment, at byte %d", w.pos)
	}
	n := int(binary.BigEndian.Uint16(rest))
	if n < 2 {
		return nil, reject(CodeCorrupt, "segment of %d bytes at byte %d", n, w.pos)
	}
	if n > len(rest) {
		return nil, reject(CodeTruncated, "the file ends within a segment, at byte %d", w.pos)
	}
	w.pos += n
	return rest[2:n], nil
}

// skipEntropy moves past the entropy-coded data of a scan: to the first marker that is not a restart.
func (w *jpegWalk) skipEntropy() {
	for {
		i := bytes.IndexByte(w.raw[w.pos:], 0xff)
		if i < 0 {
			w.pos = len(w.raw)
			return
		}
		end := w.pos + i
		next := end + 1
		for next < len(w.raw) && w.raw[next] == 0xff {
			next++
		}
		if next == len(w.raw) || isMarker(w.raw[next]) {
			w.pos = end
			return
		}
		w.pos = next + 1
	}
}

// isMarker is whether 0xff and m end a scan: 0xff00 is a byte of data, and restarts are part of a scan.
func isMarker(m byte) bool { return m != 0 && (m < mRST0 || m > mRST7) }

// complete tells whether the picture has all that it announced.
func (w *jpegWalk) complete() error {
	if w.frame == nil {
		return reject(CodeCorrupt, "no frame header before the end-of-image marker")
	}
	for _, c := range w.frame.components {
		if !w.scanned[c.id] {
			return reject(CodeCorrupt, "no scan of component %d before the end-of-image marker", c.id)
		}
	}
	return nil
}
