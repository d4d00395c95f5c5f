package frame

import (
	"image"
	"image/color"
	"image/draw"
)

// canvas is a picture that is being worked on: *image.Gray, *image.YCbCr or *image.RGBA without transparency, with its
// upper left corner at 0, 0.
type canvas image.Image

// newCanvas takes a decoded picture over; it may change it. Transparent parts become black, and samples of 16 bits lose
// their lower half.
func newCanvas(img image.Image) canvas {
	b := img.Bounds()
	switch img := img.(type) {
	case *image.Gray:
		return img
	case *image.YCbCr:
		return img
	case *image.Gray16:
		grey := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
		for y := range b.Dy() {
			row := img.Pix[y*img.Stride:]
			for x := range b.Dx() {
				grey.Pix[y*grey.Stride+x] = row[2*x]
			}
		}
		return grey
	case *image.RGBA:
		if img.Opaque() {
			return img
		}
	}
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Rect, image.NewUniform(color.Black), image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, img, b.Min, draw.Over)
	return out
}

// blacken fills a mask.
func blacken(c canvas, m Mask) {
	size := c.Bounds().Size()
	switch c := c.(type) {
	case *image.Gray:
		m.spans(size.X, size.Y, func(y, x0, x1 int) { clear(c.Pix[y*c.Stride+x0 : y*c.Stride+x1+1]) })
	case *image.YCbCr:
		m.spans(size.X, size.Y, func(y, x0, x1 int) {
			clear(c.Y[c.YOffset(x0, y) : c.YOffset(x1, y)+1])
			// A sample of colour may serve pixels on both sides of the edge; none of what is behind the mask may stay.
			for i := c.COffset(x0, y); i <= c.COffset(x1, y); i++ {
				c.Cb[i], c.Cr[i] = 128, 128
			}
		})
	case *image.RGBA:
		m.spans(size.X, size.Y, func(y, x0, x1 int) {
			row := c.Pix[c.PixOffset(x0, y) : c.PixOffset(x1, y)+4]
			clear(row)
			for i := 3; i < len(row); i += 4 {
				row[i] = 0xff
			}
		})
	default:
		panic("frame: a canvas that cannot be masked")
	}
}

// turned is the picture with its orientation applied: upright.
func turned(c canvas, orientation int) canvas {
	if orientation <= 1 {
		return c
	}
	size := c.Bounds().Size()
	width, height := upright(size.X, size.Y, orientation)
	rect := image.Rect(0, 0, width, height)
	switch c := c.(type) {
	case *image.Gray:
		out := image.NewGray(rect)
		turn(rect, orientation, size, func(to, x, y int) { out.Pix[to] = c.Pix[y*c.Stride+x] })
		return out
	case *image.YCbCr:
		// Mirrored samples that serve several pixels would serve others where the size is odd.
		out := image.NewYCbCr(rect, image.YCbCrSubsampleRatio444)
		turn(rect, orientation, size, func(to, x, y int) {
			from := c.COffset(x, y)
			out.Y[to], out.Cb[to], out.Cr[to] = c.Y[y*c.YStride+x], c.Cb[from], c.Cr[from]
		})
		return out
	case *image.RGBA:
		out := image.NewRGBA(rect)
		turn(rect, orientation, size, func(to, x, y int) {
			copy(out.Pix[4*to:4*to+4], c.Pix[c.PixOffset(x, y):])
		})
		return out
	default:
		panic("frame: a canvas that cannot be turned")
	}
}

// turn calls move for each pixel of the upright picture, counted row by row, with the place that it is stored at.
// Source: EXIF 2.32, 4.6.4, Orientation: which sides of the upright picture the first row and column are.
func turn(upright image.Rectangle, orientation int, stored image.Point, move func(to, x, y int)) {
	right, bottom := stored.X-1, stored.Y-1
	to := 0
	for v := range upright.Max.Y {
		for u := range upright.Max.X {
			x, y := u, v
			if orientation >= 5 {
				x, y = v, u
			}
			switch orientation {
			case 2, 7, 8, 3:
				x = right - x
			}
			switch orientation {
			case 3, 4, 6, 7:
				y = bottom - y
			}
			move(to, x, y)
			to++
		}
	}
}
