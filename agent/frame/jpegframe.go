package frame

import "encoding/binary"

// jpegFrame is a frame header: what decides how a picture is stored, and how much memory it takes.
type jpegFrame struct {
	width, height int
	progressive   bool
	components    []jpegComponent
}

type jpegComponent struct {
	id   byte
	h, v int64 // sampling factors, 1 to 4
}

// startFrame reads SOF0 to SOF2. Source: ITU-T T.81, B.2.2.
func (w *jpegWalk) startFrame(marker byte, p []byte) error {
	if w.frame != nil {
		return reject(CodeCorrupt, "two frame headers")
	}
	if len(p) < 6 || len(p) != 6+3*int(p[5]) {
		return reject(CodeCorrupt, "frame header of %d bytes", len(p))
	}
	if p[0] != 8 {
		return reject(CodeUnsupported, "JPEG with %d bits per sample", p[0])
	}
	f := &jpegFrame{
		height: int(binary.BigEndian.Uint16(p[1:])), width: int(binary.BigEndian.Uint16(p[3:])),
		progressive: marker == mSOF2,
	}
	if f.height == 0 {
		// T.81 lets the number of lines follow the first scan (DNL), which decoders do not implement.
		return reject(CodeUnsupported, "JPEG without a height in its header")
	}
	for c := p[6:]; len(c) > 0; c = c[3:] {
		comp := jpegComponent{id: c[0], h: int64(c[1] >> 4), v: int64(c[1] & 15)}
		if comp.h < 1 || comp.h > 4 || comp.v < 1 || comp.v > 4 {
			return reject(CodeCorrupt, "sampling factors %d x %d", comp.h, comp.v)
		}
		f.components = append(f.components, comp)
	}
	switch len(f.components) {
	case 1, 3, 4:
	default:
		return reject(CodeUnsupported, "JPEG with %d components", len(f.components))
	}
	w.frame = f
	return w.lim.check(int64(f.width), int64(f.height), f.memory)
}

// memory bounds what image/jpeg allocates: one byte a sample; when progressive, four more for its coefficient;
// four bytes a pixel each for CMYK and for the RGB that it may be made from.
func (f *jpegFrame) memory() int64 {
	hmax, vmax := int64(1), int64(1)
	for _, c := range f.components {
		hmax, vmax = max(hmax, c.h), max(vmax, c.v)
	}
	// Pictures are stored in whole units of 8 × 8 blocks of each component.
	across := (int64(f.width) + 8*hmax - 1) / (8 * hmax)
	down := (int64(f.height) + 8*vmax - 1) / (8 * vmax)
	var samples int64
	for _, c := range f.components {
		samples += across * down * 64 * c.h * c.v
	}
	need := samples
	if f.progressive {
		need += 4 * samples
	}
	if len(f.components) == 4 {
		need += 4 * int64(f.width) * int64(f.height)
	}
	return need
}

// maxScans limits the passes over a picture. Encoders write about ten; a scan of a few bytes can cost a decoder a walk
// over every pixel, so that a small file of many scans would keep it busy for hours.
const maxScans = 100

// addScan notes which components a scan brings. Only the first pass over the DC coefficients counts: without it
// a progressive picture has no value for a pixel, only corrections of one. Source: T.81, B.2.3 and G.1.1.
func (w *jpegWalk) addScan(p []byte) error {
	if w.scans++; w.scans > maxScans {
		return reject(CodeUnsupported, "JPEG of more than %d scans", maxScans)
	}
	if len(p) < 1 || len(p) != 4+2*int(p[0]) {
		return reject(CodeCorrupt, "scan header of %d bytes", len(p))
	}
	n := int(p[0])
	spectralStart, approxHigh := p[1+2*n], p[3+2*n]>>4
	if w.frame != nil && w.frame.progressive && (spectralStart != 0 || approxHigh != 0) {
		return nil
	}
	for i := range n {
		w.scanned[p[1+2*i]] = true
	}
	return nil
}
