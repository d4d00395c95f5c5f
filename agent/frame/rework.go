package frame

import (
	"bytes"
	"cmp"
	"image"
	"slices"
)

// What Frame.Reworked can name.
const (
	ReworkedMasked  = "masked"  // masks were filled
	ReworkedUpright = "upright" // the orientation was applied to the pixels
	ReworkedScaled  = "scaled"  // it was made smaller
	ReworkedEncoded = "encoded" // its pixels were coded anew
)

// reworkMemory is an upper bound of what working on a picture takes, in bytes per pixel, for formats other than JPEG: a
// canvas of 4, and 12 for what is written, while its buffer grows.
const reworkMemory = 16

// mayRework is whether there can be a picture whose pixels these options change.
func (o Options) mayRework() bool {
	return len(o.Masks) > 0 || o.LongestEdge > 0 || o.Output != "" || o.Quality > 0
}

// reworks is whether the pixels of this picture must be coded anew; width and height are upright.
func (o Options) reworks(f Format, width, height int) bool {
	w, h := fitted(width, height, o.LongestEdge)
	return len(o.Masks) > 0 || w != width || h != height ||
		o.Output != "" && o.Output != f || o.Quality > 0 && o.target(f) == JPEG
}

// target is the format in which a picture is coded anew.
func (o Options) target(f Format) Format {
	if o.Output != "" {
		f = o.Output
	}
	if c := f.codec(); c == nil || c.encode == nil {
		return JPEG
	}
	return f
}

// rework makes Bytes of the picture's pixels. The order is what promise 8 rests on: masks are checked before anything is
// decoded, and filled before anything is made of the pixels but turning them, because masks are given upright.
func (f *Frame) rework(c *codec, l *layout, opts Options) error {
	if err := checkMasks(opts.Masks, f.Width, f.Height); err != nil {
		return err
	}
	stored, err := c.canvas(l, opts.limits())
	if err != nil {
		return err
	}
	picture := turned(stored, f.Orientation)
	for _, m := range opts.Masks {
		blacken(picture, m)
	}
	width, height := fitted(f.Width, f.Height, opts.LongestEdge)
	picture = shrunk(picture, width, height)
	f.noteRework(len(opts.Masks) > 0, f.Orientation > 1, width != f.Width || height != f.Height)
	f.Width, f.Height, f.Orientation = width, height, 1
	f.Format = opts.target(c.format)
	return f.encode(picture, l, opts)
}

func (f *Frame) noteRework(masked, turned, scaled bool) {
	for _, r := range []struct {
		done bool
		name string
	}{{masked, ReworkedMasked}, {turned, ReworkedUpright}, {scaled, ReworkedScaled}, {true, ReworkedEncoded}} {
		if r.done {
			f.Reworked = append(f.Reworked, r.name)
		}
	}
}

// canvas decodes what the layout keeps.
func (c *codec) canvas(l *layout, lim limits) (canvas, error) {
	clean := l.assemble(1)
	if c.format == JPEG {
		// The scan comes first: a file that is damaged is rejected in the same words whether or not there are masks.
		luma, err := c.verifySize(clean, lim, l.width, l.height)
		if err != nil {
			return nil, err
		}
		if err := lim.check(int64(l.width), int64(l.height), func() int64 { return jpegReworkMemory(clean, luma != nil) }); err != nil {
			return nil, err
		}
	}
	img, err := c.decode(bytes.NewReader(clean))
	if err != nil {
		return nil, decodeError(err)
	}
	if err := c.sameSize(img.Bounds().Dx(), img.Bounds().Dy(), l.width, l.height); err != nil {
		return nil, err
	}
	return newCanvas(img), nil
}

// jpegReworkMemory is an upper bound, in bytes, of what working on a JPEG takes: the samples that image/jpeg decodes, with
// their coefficients when progressive; a copy in RGB where it has no brightness component; and a canvas and what is
// written.
func jpegReworkMemory(clean []byte, ycc bool) int64 {
	f := sofOf(clean)
	across, down := f.units()
	samples := int64(0)
	for _, c := range f.components {
		samples += 64 * int64(across) * int64(down) * int64(c.h*c.v)
	}
	if f.progressive {
		samples *= 5
	}
	perPixel := int64(5)
	if !ycc {
		perPixel = 13
	}
	return samples + perPixel*int64(f.width)*int64(f.height)
}

// sofOf finds the frame header of a file that has been scanned.
func sofOf(clean []byte) *jpegFrame {
	for pos := 2; ; {
		marker, n := clean[pos+1], int(clean[pos+2])<<8|int(clean[pos+3])
		if marker >= mSOF0 && marker <= mSOF2 {
			f, err := readJPEGFrame(marker, clean[pos+4:pos+2+n])
			if err != nil {
				panic(err) // it was read before
			}
			return f
		}
		pos += 2 + n
	}
}

// encode writes the picture in Format and takes the result the way of every file: so that it is proven to decode, and is
// what New would make of it again.
func (f *Frame) encode(picture canvas, l *layout, opts Options) error {
	quality := min(cmp.Or(max(opts.Quality, 0), DefaultQuality), 100)
	if f.Format == JPEG {
		f.Quality = quality
	}
	c := f.Format.codec()
	profile := l.profile
	if profile != nil && !profileFits(profile, picture) {
		profile = nil
		l.dropped.add(dropICC)
	}
	encoded, err := c.encode(picture, quality)
	if err != nil {
		return reject(CodeUnsupported, "the picture cannot be written as %s: %v", f.Format, err)
	}
	written, err := c.parse(c.dress(encoded, profile), opts.limits())
	if err != nil {
		return err
	}
	f.Bytes = written.assemble(1)
	f.Luma, err = c.verifySize(f.Bytes, opts.limits(), f.Width, f.Height)
	return err
}

// profileFits is whether a profile describes the colours of a canvas. Source: ICC.1:2022, 7.2.6: the data colour space.
func profileFits(profile []byte, c canvas) bool {
	space := "RGB "
	if _, grey := c.(*image.Gray); grey {
		space = "GRAY"
	}
	return slices.Equal(profile[16:20], []byte(space))
}
