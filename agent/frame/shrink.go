package frame

import "image"

// fitted is the size of a picture whose longest edge is at most longest pixels. 0 is no limit.
func fitted(width, height, longest int) (w, h int) {
	edge := max(width, height)
	if longest <= 0 || edge <= longest {
		return width, height
	}
	scaled := func(n int) int { return max(1, (2*n*longest+edge)/(2*edge)) }
	return scaled(width), scaled(height)
}

// shrunk is the picture at a smaller size: each pixel is the mean of the area that it covers.
//
// This is arithmetic of whole numbers, row by row: the same on every processor, and without memory of its own. The
// scalers of golang.org/x/image/draw were measured on 8 megapixels to 1600 × 900: this takes 29 ms and 2 MB;
// ApproxBiLinear 38 ms and 6 MB, and looks at four pixels of the many that become one, so that the stripes of a price
// tag turn into others; CatmullRom 840 ms and 117 MB, which a small box does not have.
func shrunk(c canvas, width, height int) canvas {
	size := c.Bounds().Size()
	if size.X == width && size.Y == height {
		return c
	}
	rect := image.Rect(0, 0, width, height)
	switch c := c.(type) {
	case *image.Gray:
		out := image.NewGray(rect)
		shrink(plane{out.Pix, out.Stride, width, height}, plane{c.Pix, c.Stride, size.X, size.Y}, 1)
		return out
	case *image.YCbCr:
		out := image.NewYCbCr(rect, image.YCbCrSubsampleRatio420)
		shrink(plane{out.Y, out.YStride, width, height}, plane{c.Y, c.YStride, size.X, size.Y}, 1)
		across, down := c.COffset(size.X-1, 0)+1, c.COffset(0, size.Y-1)/c.CStride+1
		small := image.Pt((width+1)/2, (height+1)/2)
		shrink(plane{out.Cb, out.CStride, small.X, small.Y}, plane{c.Cb, c.CStride, across, down}, 1)
		shrink(plane{out.Cr, out.CStride, small.X, small.Y}, plane{c.Cr, c.CStride, across, down}, 1)
		return out
	case *image.RGBA:
		out := image.NewRGBA(rect)
		shrink(plane{out.Pix, out.Stride, width, height}, plane{c.Pix, c.Stride, size.X, size.Y}, 4)
		return out
	default:
		panic("frame: a canvas that cannot be scaled")
	}
}

// plane is samples, row by row.
type plane struct {
	pix           []byte
	stride        int // bytes from row to row
	width, height int // in pixels
}

// cover is which pixels become one, along one axis: those from first to last, of which the two at the ends count only
// in part. A pixel in between counts as many times as there are pixels in the result.
type cover struct {
	first, last         int
	firstPart, lastPart uint64 // lastPart is 0 when first is last
}

func covers(from, to int) []cover {
	list := make([]cover, to)
	for i := range list {
		begin, end := i*from, (i+1)*from // in parts of a pixel
		c := cover{first: begin / to, last: (end - 1) / to}
		c.firstPart, c.lastPart = uint64(end-begin), 0
		if c.first != c.last {
			c.firstPart, c.lastPart = uint64((c.first+1)*to-begin), uint64(end-c.last*to)
		}
		list[i] = c
	}
	return list
}

// shrink averages src into dst; a pixel is n neighbouring bytes. The largest sum is 255 for each pixel of src.
func shrink(dst, src plane, n int) {
	across, down := covers(src.width, dst.width), covers(src.height, dst.height)
	row := make([]uint64, n*dst.width)
	sums := make([]uint64, n*dst.width)
	area := uint64(src.width) * uint64(src.height)
	reduced := -1 // the row of src that row holds
	for y, c := range down {
		clear(sums)
		for from := c.first; from <= c.last; from++ {
			if from != reduced {
				reduceRow(row, src.pix[from*src.stride:], across, n)
				reduced = from
			}
			part := uint64(dst.height)
			switch from {
			case c.first:
				part = c.firstPart
			case c.last:
				part = c.lastPart
			}
			for i, v := range row {
				sums[i] += part * v
			}
		}
		out := dst.pix[y*dst.stride:]
		for i, sum := range sums {
			out[i] = uint8((sum + area/2) / area)
		}
	}
}

// reduceRow sums one row, each sample as often as it counts.
func reduceRow(row []uint64, src []byte, across []cover, n int) {
	whole := uint64(len(across))
	for i, c := range across {
		for k := range n {
			var inner uint64
			for x := c.first + 1; x < c.last; x++ {
				inner += uint64(src[x*n+k])
			}
			sum := c.firstPart*uint64(src[c.first*n+k]) + whole*inner
			if c.lastPart > 0 {
				sum += c.lastPart * uint64(src[c.last*n+k])
			}
			row[i*n+k] = sum
		}
	}
}
