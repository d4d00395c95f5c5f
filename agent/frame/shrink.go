package frame

import (
	"image"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// fitted is the size of a picture whose longest edge is at most longest pixels. 0 is no limit.
func fitted(width, height, longest int) (w, h int) {
	edge := max(width, height)
	if longest <= 0 || edge <= longest {
		return width, height
	}
	part := func(n int) int { return max(1, (2*n*longest+edge)/(2*edge)) }
	return part(width), part(height)
}

// shrunk is the picture at another size. The brightness and the colours of a YCbCr picture are scaled apart, which spares
// it the way through RGB, and the box the memory for one.
func shrunk(c canvas, width, height int) canvas {
	size := c.Bounds().Size()
	if size.X == width && size.Y == height {
		return c
	}
	to := image.Rect(0, 0, width, height)
	switch c := c.(type) {
	case *image.Gray:
		out := image.NewGray(to)
		scaleGray(out, c)
		return out
	case *image.YCbCr:
		out := image.NewYCbCr(to, image.YCbCrSubsampleRatio420)
		scaleGray(plane(out.Y, out.YStride, to), plane(c.Y, c.YStride, c.Rect))
		half := image.Rect(0, 0, (width+1)/2, (height+1)/2)
		colours := image.Rect(0, 0, c.COffset(size.X-1, 0)+1, c.COffset(0, size.Y-1)/c.CStride+1)
		scaleGray(plane(out.Cb, out.CStride, half), plane(c.Cb, c.CStride, colours))
		scaleGray(plane(out.Cr, out.CStride, half), plane(c.Cr, c.CStride, colours))
		return out
	case *image.RGBA:
		out := image.NewRGBA(to)
		scale(out, to, c)
		return out
	default:
		panic("frame: a canvas that cannot be scaled")
	}
}

// plane is samples of one kind as a picture.
func plane(pix []byte, stride int, rect image.Rectangle) *image.Gray {
	return &image.Gray{Pix: pix, Stride: stride, Rect: rect}
}

// scale draws what part shows of src, scaled to fill whole.
//
// The kernel widens when it shrinks, so that every pixel counts, and the stripes of a price tag do not turn into others.
// Transform and not Scale: that holds 32 bytes for each pixel of a picture scaled across only, which is 110 MB for 8
// megapixels to 1600 × 900, and this nothing.
func scale(part *image.RGBA, whole image.Rectangle, src image.Image) {
	from := src.Bounds()
	across, down := float64(whole.Dx())/float64(from.Dx()), float64(whole.Dy())/float64(from.Dy())
	draw.BiLinear.Transform(part, f64.Aff3{across, 0, 0, 0, down, 0}, src, from, draw.Src, nil)
}

// scaleGray goes through bands of RGBA: into any other picture, draw is many times as slow.
func scaleGray(dst, src *image.Gray) {
	const rows = 16
	band := image.NewRGBA(image.Rect(0, 0, dst.Rect.Max.X, rows))
	for y := 0; y < dst.Rect.Max.Y; y += rows {
		band.Rect.Min.Y, band.Rect.Max.Y = y, min(y+rows, dst.Rect.Max.Y)
		scale(band, dst.Rect, src)
		for i := range band.Rect.Dx() * band.Rect.Dy() {
			dst.Pix[y*dst.Stride+i] = band.Pix[4*i]
		}
	}
}
