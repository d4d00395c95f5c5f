package frame

import (
	"math"
	"slices"
)

// Mask is a part of the picture that must not leave the shop: a till, a door, a desk. New blackens it before anything
// else is made of the pixels.
type Mask struct {
	// Polygon has at least three corners; the last is joined to the first. What its edges go around is masked, and so
	// is every pixel that an edge touches, and one pixel more.
	Polygon []Point
	// Width and Height are of the picture that the mask was drawn on, or anything of the same shape: 16 and 9. A frame
	// of another shape is held back: the camera was turned, or its format was changed, and the mask would cover
	// something else.
	Width, Height int
}

// Point is a place in the upright picture: 0, 0 is its upper left corner, 1, 1 its lower right one.
type Point struct{ X, Y float64 }

// shapeTolerance is how far the shapes of a mask and of a frame may differ: 1920 × 1088, as cameras with blocks of 16
// lines write it, still is 16:9.
const shapeTolerance = 0.01

// checkMasks holds back what cannot be masked for certain. width and height are upright.
func checkMasks(masks []Mask, width, height int) error {
	for i, m := range masks {
		if err := m.check(i+1, width, height); err != nil {
			return err
		}
	}
	return nil
}

func (m Mask) check(number, width, height int) error {
	if len(m.Polygon) < 3 || slices.ContainsFunc(m.Polygon, Point.outside) {
		return reject(CodeMaskMismatch, "mask %d is no polygon within the picture", number)
	}
	if m.Width <= 0 || m.Height <= 0 {
		return reject(CodeMaskMismatch, "mask %d does not say which shape of picture it was drawn for", number)
	}
	wanted, got := float64(m.Width)/float64(m.Height), float64(width)/float64(height)
	if math.Abs(got/wanted-1) > shapeTolerance {
		return reject(CodeMaskMismatch, "mask %d was drawn for %d x %d, the picture has %d x %d",
			number, m.Width, m.Height, width, height)
	}
	return nil
}

// outside is also true for what is no number.
func (p Point) outside() bool { return !(p.X >= 0 && p.X <= 1 && p.Y >= 0 && p.Y <= 1) }

// spans calls fill for runs of pixels, from x0 to x1, both included, that together are the mask in a picture of
// width × height. Runs may overlap.
//
// A pixel that meets the polygon either lies inside it, with its centre, or is crossed by an edge. So a row is made of
// the runs between the edges at the height of its centres, and of the shadows of the edges that pass. The margin of
// one pixel, which covers what the colours of neighbours share, is a wider shadow.
func (m Mask) spans(width, height int, fill func(y, x0, x1 int)) {
	edges := m.edges(float64(width), float64(height))
	run := func(y int, from, to float64) {
		x0, x1 := max(int(math.Floor(from))-1, 0), min(int(math.Floor(to))+1, width-1)
		if x0 <= x1 {
			fill(y, x0, x1)
		}
	}
	var crossings []crossing
	for y := range height {
		top, bottom := float64(y)-1, float64(y)+2
		crossings = crossings[:0]
		for _, e := range edges {
			if from, to, ok := e.shadow(top, bottom); ok {
				run(y, from, to)
			}
			if x, ok := e.at(float64(y) + 0.5); ok {
				crossings = append(crossings, crossing{x, e.down})
			}
		}
		slices.SortFunc(crossings, crossing.compare)
		winding := 0
		for i, c := range crossings {
			if winding != 0 {
				run(y, crossings[i-1].x, c.x)
			}
			winding += c.down
		}
	}
}

// edge goes downwards: y0 <= y1. down is 1 if it did so in the polygon, and -1 otherwise.
type edge struct {
	x0, y0, x1, y1 float64 // in pixels
	down           int
}

type crossing struct {
	x    float64
	down int
}

func (c crossing) compare(other crossing) int {
	switch {
	case c.x < other.x:
		return -1
	case c.x > other.x:
		return 1
	}
	return 0
}

func (m Mask) edges(width, height float64) []edge {
	edges := make([]edge, len(m.Polygon))
	last := m.Polygon[len(m.Polygon)-1]
	for i, p := range m.Polygon {
		e := edge{last.X * width, last.Y * height, p.X * width, p.Y * height, 1}
		if e.y0 > e.y1 {
			e = edge{e.x1, e.y1, e.x0, e.y0, -1}
		}
		edges[i], last = e, p
	}
	return edges
}

// at is where the edge crosses a height. Half-open, so that two edges that meet there count once.
func (e edge) at(y float64) (x float64, ok bool) {
	if y < e.y0 || y >= e.y1 {
		return 0, false
	}
	return e.x0 + (e.x1-e.x0)*(y-e.y0)/(e.y1-e.y0), true
}

// shadow is how far the edge reaches across between two heights.
func (e edge) shadow(top, bottom float64) (from, to float64, ok bool) {
	if e.y1 < top || e.y0 > bottom {
		return 0, 0, false
	}
	a, b := e.x0, e.x1
	if e.y0 < top {
		a = e.x0 + (e.x1-e.x0)*(top-e.y0)/(e.y1-e.y0)
	}
	if e.y1 > bottom {
		b = e.x0 + (e.x1-e.x0)*(bottom-e.y0)/(e.y1-e.y0)
	}
	return min(a, b), max(a, b), true
}
