package frame

import "image"

// lumaOf is what Frame.Luma says, of a decoded picture: each byte the mean brightness of a block of 8 × 8 pixels, of
// fewer at the right and lower edge. Transparent parts count as black.
func lumaOf(img image.Image) *image.Gray {
	size := img.Bounds().Size()
	out := image.NewGray(image.Rect(0, 0, (size.X+7)/8, (size.Y+7)/8))
	sums := make([]uint32, out.Rect.Max.X)
	bright := brightnessOf(img)
	for by := range out.Rect.Max.Y {
		clear(sums)
		rows := min(8, size.Y-8*by)
		for y := 8 * by; y < 8*by+rows; y++ {
			for x := range size.X {
				sums[x/8] += uint32(bright(x, y))
			}
		}
		for bx, sum := range sums {
			n := uint32(rows * min(8, size.X-8*bx))
			out.Pix[by*out.Stride+bx] = uint8((sum + n/2) / n)
		}
	}
	return out
}

// brightnessOf returns a function for the brightness of the pixel at x, y, counted from the picture's corner.
func brightnessOf(img image.Image) func(x, y int) uint8 {
	b := img.Bounds()
	switch img := img.(type) {
	case *image.Gray:
		return func(x, y int) uint8 { return img.Pix[y*img.Stride+x] }
	case *image.YCbCr:
		return func(x, y int) uint8 { return img.Y[y*img.YStride+x] }
	case *image.RGBA:
		return func(x, y int) uint8 {
			p := img.Pix[y*img.Stride+4*x:]
			return weighed(uint32(p[0]), uint32(p[1]), uint32(p[2]))
		}
	case *image.NRGBA:
		return func(x, y int) uint8 {
			p := img.Pix[y*img.Stride+4*x:]
			a := uint32(p[3])
			return weighed(uint32(p[0])*a/255, uint32(p[1])*a/255, uint32(p[2])*a/255)
		}
	case image.RGBA64Image:
		return func(x, y int) uint8 {
			c := img.RGBA64At(b.Min.X+x, b.Min.Y+y)
			return weighed(uint32(c.R>>8), uint32(c.G>>8), uint32(c.B>>8))
		}
	}
	return func(x, y int) uint8 {
		r, g, blue, _ := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
		return weighed(r>>8, g>>8, blue>>8)
	}
}

// weighed is the Y of YCbCr. Source: ITU-T T.871, 7.
func weighed(r, g, b uint32) uint8 { return uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16) }
