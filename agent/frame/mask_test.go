package frame

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// kite is a mask that no turn or mirroring maps onto itself.
var kite = []Point{{0.1, 0.15}, {0.55, 0.05}, {0.35, 0.7}, {0.12, 0.5}}

// inside is the even-odd rule, for polygons that do not cross themselves.
func inside(polygon []Point, x, y float64) bool {
	in := false
	for i, a := range polygon {
		b := polygon[(i+1)%len(polygon)]
		if (a.Y > y) != (b.Y > y) && x < a.X+(b.X-a.X)*(y-a.Y)/(b.Y-a.Y) {
			in = !in
		}
	}
	return in
}

// distance is from a point to the nearest edge, in pixels.
func distance(polygon []Point, x, y, width, height float64) float64 {
	nearest := math.Inf(1)
	for i, a := range polygon {
		b := polygon[(i+1)%len(polygon)]
		ax, ay, bx, by := a.X*width, a.Y*height, b.X*width, b.Y*height
		t := 0.0
		if length := (bx-ax)*(bx-ax) + (by-ay)*(by-ay); length > 0 {
			t = min(1, max(0, ((x-ax)*(bx-ax)+(y-ay)*(by-ay))/length))
		}
		nearest = min(nearest, math.Hypot(x-ax-t*(bx-ax), y-ay-t*(by-ay)))
	}
	return nearest
}

func maskOf(polygon []Point, width, height int) []bool {
	covered := make([]bool, width*height)
	Mask{Polygon: polygon}.spans(width, height, func(y, x0, x1 int) {
		for x := x0; x <= x1; x++ {
			covered[y*width+x] = true
		}
	})
	return covered
}

// Every pixel that any part of the polygon lies in is masked; and not much more.
func TestMaskCoversWhatItTouches(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		width, height := 1+random.IntN(40), 1+random.IntN(40)
		polygon := make([]Point, 3+random.IntN(5))
		for i := range polygon {
			polygon[i] = Point{random.Float64(), random.Float64()}
			if random.IntN(4) == 0 {
				polygon[i] = Point{float64(random.IntN(2)), math.Round(polygon[i].Y*8) / 8}
			}
		}
		covered := maskOf(polygon, width, height)
		w, h := float64(width), float64(height)
		for i, is := range covered {
			x, y := float64(i%width), float64(i/width)
			touched := false
			for s := range 64 {
				px, py := x+(float64(s%8)+0.5)/8, y+(float64(s/8)+0.5)/8
				touched = touched || inside(polygon, px/w, py/h)
			}
			near := inside(polygon, (x+0.5)/w, (y+0.5)/h) || distance(polygon, x+0.5, y+0.5, w, h) < 4
			if touched && !is || is && !near && !insideOut(polygon, (x+0.5)/w, (y+0.5)/h) {
				t.Fatalf("polygon %d: pixel %v, %v of %d x %d: masked %v, touched %v; %v", n, x, y, width, height, is, touched, polygon)
			}
		}
	}
}

// insideOut is where a polygon that crosses itself goes around a place twice.
func insideOut(polygon []Point, x, y float64) bool {
	angle := 0.0
	for i, a := range polygon {
		b := polygon[(i+1)%len(polygon)]
		turn := math.Atan2(b.Y-y, b.X-x) - math.Atan2(a.Y-y, a.X-x)
		angle += math.Remainder(turn, 2*math.Pi)
	}
	return math.Abs(angle) > 1
}

func TestMaskAtTheBorder(t *testing.T) {
	all := []Point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}
	for _, size := range []image.Point{{1, 1}, {7, 3}, {64, 48}} {
		if slices.Contains(maskOf(all, size.X, size.Y), false) {
			t.Errorf("%v: a mask over everything leaves something", size)
		}
	}
	thin := maskOf([]Point{{0.5, 0}, {0.5, 1}, {0.5, 0.5}}, 10, 10)
	for y := range 10 {
		if !thin[y*10+5] || thin[y*10] || thin[y*10+9] {
			t.Errorf("a mask without an area: row %d %v", y, thin[y*10:y*10+10])
		}
	}
}

func TestMaskMismatch(t *testing.T) {
	raw := load(t, "orientation-6.jpg") // upright 103 x 150
	for _, tt := range []struct {
		story string
		mask  Mask
		held  bool
	}{
		{"drawn on this picture", Mask{kite, 103, 150}, false},
		{"drawn at twice the size", Mask{kite, 206, 300}, false},
		{"within the tolerance", Mask{kite, 104, 150}, false},
		{"beyond it", Mask{kite, 105, 150}, true},
		{"drawn for the picture on its side", Mask{kite, 150, 103}, true},
		{"without a shape", Mask{kite, 0, 0}, true},
		{"a negative shape", Mask{kite, -103, -150}, true},
		{"two corners", Mask{kite[:2], 103, 150}, true},
		{"none", Mask{nil, 103, 150}, true},
		{"a corner outside", Mask{[]Point{{0, 0}, {1.1, 0}, {1, 1}}, 103, 150}, true},
		{"a corner that is no number", Mask{[]Point{{0, 0}, {math.NaN(), 0}, {1, 1}}, 103, 150}, true},
		{"pixels for parts", Mask{[]Point{{0, 0}, {50, 0}, {50, 70}}, 103, 150}, true},
	} {
		t.Run(tt.story, func(t *testing.T) {
			good := Mask{kite, 103, 150}
			_, err := New(raw, Source{}, Options{Masks: []Mask{good, tt.mask}})
			if got := codeOf(t, err); (got == CodeMaskMismatch) != tt.held || got != "" && !tt.held {
				t.Errorf("code %q: %v", got, err)
			}
		})
	}
}

// EXIF says where the first row and the first column of the stored picture are in the upright one.
func TestTurned(t *testing.T) {
	sides := []struct{ row, column string }{
		{"top", "left"}, {"top", "right"}, {"bottom", "right"}, {"bottom", "left"},
		{"left", "top"}, {"right", "top"}, {"right", "bottom"}, {"left", "bottom"},
	}
	const rowMark, columnMark = 100, 200
	grey := image.NewGray(image.Rect(0, 0, 5, 3))
	for i := range grey.Pix {
		switch {
		case i > 0 && i < 5:
			grey.Pix[i] = rowMark
		case i > 0 && i%5 == 0:
			grey.Pix[i] = columnMark
		}
	}
	colour := image.NewRGBA(grey.Rect)
	ycc := image.NewYCbCr(grey.Rect, image.YCbCrSubsampleRatio420)
	copy(ycc.Y, grey.Pix)
	for i := range grey.Pix {
		copy(colour.Pix[4*i:], []byte{grey.Pix[i], grey.Pix[i], grey.Pix[i], 255})
	}
	for i := range ycc.Cb {
		ycc.Cb[i], ycc.Cr[i] = 128, 128
	}
	for i, side := range sides {
		for _, c := range []canvas{grey, colour, ycc} {
			t.Run(fmt.Sprintf("%d %T", i+1, c), func(t *testing.T) {
				got := turned(c, i+1)
				b := got.Bounds()
				at := func(side string) image.Point { // the middle of a side
					switch side {
					case "top":
						return image.Pt(b.Dx()/2, 0)
					case "bottom":
						return image.Pt(b.Dx()/2, b.Dy()-1)
					case "left":
						return image.Pt(0, b.Dy()/2)
					default:
						return image.Pt(b.Dx()-1, b.Dy()/2)
					}
				}
				value := func(p image.Point) uint32 { r, _, _, _ := got.At(p.X, p.Y).RGBA(); return r >> 8 }
				if value(at(side.row)) != rowMark || value(at(side.column)) != columnMark {
					t.Errorf("%v: first row not %s, or first column not %s: %v", b, side.row, side.column, got)
				}
			})
		}
	}
}
