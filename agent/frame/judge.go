package frame

import (
	"image"
	"math"
)

// Fault is something about a picture that a person should see to at the camera. The picture is a frame all the same.
type Fault string

// The faults.
const (
	Dark     Fault = "dark"
	BlownOut Fault = "blown_out"
	Blurred  Fault = "blurred"
	Frozen   Fault = "frozen"
)

// Faults lists every Fault, in the order in which they are named.
func Faults() []Fault { return []Fault{Dark, BlownOut, Blurred, Frozen} }

// Thresholds say from where on a picture has a fault. The zero value finds none.
type Thresholds struct {
	// Dark and BlownOut are of the mean brightness, 0 to 255: below the one, above the other. 0 is never.
	Dark, BlownOut int
	// Blurred is of the sharpness: below it. 0 is never. See Judgement.
	Blurred int
	// Frozen is how many frames in a row must look the same; see Sameness. 0 leaves it at those that are equal to the
	// byte.
	Frozen int
}

// Judgement is what was measured of a picture.
type Judgement struct {
	// Measured is false when there was nothing to measure: no brightness, or next to nothing beside the masks. The
	// numbers are then 0 and the faults none.
	Measured bool
	// Brightness is the mean, 0 to 255.
	Brightness int
	// Sharpness is the variance of the Laplacian, which is how much neighbours differ, at an eighth of the picture's
	// size. Photographs of 1920 pixels have 150 to 1800 whatever they show; behind a lens out of focus, where a point
	// becomes a patch of 30 pixels, less than 20. Weak blur, which an eighth does not show, does not change it.
	Sharpness int
	// Faults are in the order of Faults. Frozen is never among them: it takes more than one picture to see that.
	Faults []Fault
}

// leastCells is how much must be visible, in blocks of 8 × 8 pixels, for a judgement.
const leastCells = 16

// Judge measures a picture by its Frame.Luma. What the masks cover does not count; they are the ones that the frame was
// made with, so that it is upright when there are any.
//
// A picture that is dark or blown out is not called blurred: without light there is nothing to be sharp.
func Judge(luma *image.Gray, masks []Mask, t Thresholds) Judgement {
	if luma == nil {
		return Judgement{}
	}
	hidden := hiddenCells(luma.Rect.Size(), masks)
	brightness, cells := meanOf(luma, hidden)
	if cells < leastCells {
		return Judgement{}
	}
	j := Judgement{Measured: true, Brightness: int(math.Round(brightness)), Sharpness: int(math.Round(laplacian(luma, hidden)))}
	switch {
	case j.Brightness < t.Dark:
		j.Faults = append(j.Faults, Dark)
	case t.BlownOut > 0 && j.Brightness > t.BlownOut:
		j.Faults = append(j.Faults, BlownOut)
	case j.Sharpness < t.Blurred:
		j.Faults = append(j.Faults, Blurred)
	}
	return j
}

// hiddenCells tells the bytes of a luma of this size that masks reach; nil for no masks.
func hiddenCells(size image.Point, masks []Mask) []bool {
	if len(masks) == 0 {
		return nil
	}
	hidden := make([]bool, size.X*size.Y)
	for _, m := range masks {
		m.spans(size.X, size.Y, func(y, x0, x1 int) {
			for x := x0; x <= x1; x++ {
				hidden[y*size.X+x] = true
			}
		})
	}
	return hidden
}

func meanOf(luma *image.Gray, hidden []bool) (mean float64, cells int) {
	sum := 0
	for i, v := range luma.Pix[:luma.Rect.Dx()*luma.Rect.Dy()] {
		if hidden == nil || !hidden[i] {
			sum += int(v)
			cells++
		}
	}
	return float64(sum) / float64(max(cells, 1)), cells
}

// laplacian is the variance of four times a cell less its neighbours, over the cells that have four visible ones. The
// sums are of whole numbers, so that every processor measures the same.
func laplacian(luma *image.Gray, hidden []bool) float64 {
	width, height := luma.Rect.Dx(), luma.Rect.Dy()
	var sum, squares, n int64
	for y := 1; y < height-1; y++ {
		for x := 1; x < width-1; x++ {
			i := y*width + x
			if hidden != nil && (hidden[i] || hidden[i-1] || hidden[i+1] || hidden[i-width] || hidden[i+width]) {
				continue
			}
			p := luma.Pix
			v := 4*int64(p[i]) - int64(p[i-1]) - int64(p[i+1]) - int64(p[i-width]) - int64(p[i+width])
			sum += v
			squares += v * v
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(squares)/float64(n) - float64(sum)/float64(n)*(float64(sum)/float64(n))
}
