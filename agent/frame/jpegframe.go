package frame

import (
	"encoding/binary"
	"slices"
)

// jpegFrame is a frame header: what decides how a picture is stored, and how much memory it takes.
type jpegFrame struct {
	width, height         int
	baseline, progressive bool // neither: extended sequential
	components            []jpegComponent
}

type jpegComponent struct {
	id    byte
	h, v  int  // sampling factors: 1, 2 or 4
	quant byte // its quantization table, 0 to 3
}

// startFrame takes SOF0 to SOF2.
func (w *jpegWalk) startFrame(marker byte, p []byte) error {
	if w.frame != nil {
		return reject(CodeCorrupt, "two frame headers")
	}
	f, err := readJPEGFrame(marker, p)
	if err != nil {
		return err
	}
	w.frame = f
	return w.lim.check(int64(f.width), int64(f.height), f.memory)
}

// readJPEGFrame reads SOF0 to SOF2. It takes what image/jpeg takes, so that what is uploaded can be decoded in Go.
// Source: ITU-T T.81, B.2.2.
func readJPEGFrame(marker byte, p []byte) (*jpegFrame, error) {
	if len(p) < 6 || len(p) != 6+3*int(p[5]) {
		return nil, reject(CodeCorrupt, "frame header of %d bytes", len(p))
	}
	if p[0] != 8 {
		return nil, reject(CodeUnsupported, "JPEG with %d bits per sample", p[0])
	}
	f := &jpegFrame{
		height: int(binary.BigEndian.Uint16(p[1:])), width: int(binary.BigEndian.Uint16(p[3:])),
		baseline: marker == mSOF0, progressive: marker == mSOF2,
	}
	if f.height == 0 {
		// T.81 lets the number of lines follow the first scan (DNL), which decoders do not implement.
		return nil, reject(CodeUnsupported, "JPEG without a height in its header")
	}
	switch p[5] {
	case 1, 3, 4:
	default:
		return nil, reject(CodeUnsupported, "JPEG with %d components", p[5])
	}
	for c := p[6:]; len(c) > 0; c = c[3:] {
		if err := f.addComponent(jpegComponent{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15), quant: c[2]}); err != nil {
			return nil, err
		}
	}
	return f, f.checkSampling()
}

func (f *jpegFrame) addComponent(c jpegComponent) error {
	if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
		return reject(CodeCorrupt, "sampling factors %d x %d", c.h, c.v)
	}
	if c.quant > 3 {
		return reject(CodeCorrupt, "quantization table %d", c.quant)
	}
	if f.component(c.id) >= 0 {
		return reject(CodeCorrupt, "two components %d", c.id)
	}
	f.components = append(f.components, c)
	return nil
}

// component is the index of the component with this identifier; -1 when there is none.
func (f *jpegFrame) component(id byte) int {
	return slices.IndexFunc(f.components, func(c jpegComponent) bool { return c.id == id })
}

// checkSampling refuses what image/jpeg does not know. What passes has its first component at full size.
func (f *jpegFrame) checkSampling() error {
	c := f.components
	known := true
	for _, c := range c {
		known = known && c.h != 3 && c.v != 3
	}
	switch first := c[0]; len(c) {
	case 1:
		// A picture of one component is stored block by block, whatever its factors are: T.81, A.2.2.
		c[0].h, c[0].v = 1, 1
	case 3:
		known = known && first.v != 4 && c[1].h == c[2].h && c[1].v == c[2].v &&
			first.h%c[1].h == 0 && first.v%c[1].v == 0
	case 4:
		known = known && (first.h == 1 || first.h == 2) && first.v == first.h && c[1].h*c[1].v*c[2].h*c[2].v == 1 &&
			c[3].h == first.h && c[3].v == first.v
	}
	if !known {
		return reject(CodeUnsupported, "JPEG with rare sampling factors")
	}
	return nil
}

// units is the number of MCUs across and down. Pictures are stored in whole ones.
func (f *jpegFrame) units() (across, down int) {
	h, v := 8*f.components[0].h, 8*f.components[0].v
	return (f.width + h - 1) / h, (f.height + v - 1) / v
}

// memory is what scanJPEG allocates: a byte for each block of the first component; when progressive, four more for
// its DC coefficient, and eight for the history of each block.
func (f *jpegFrame) memory() int64 {
	across, down := f.units()
	units := int64(across) * int64(down)
	blocks := int64(0)
	for _, c := range f.components {
		blocks += units * int64(c.h*c.v)
	}
	first := units * int64(f.components[0].h*f.components[0].v)
	if f.progressive {
		return 5*first + 8*blocks
	}
	return first
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
