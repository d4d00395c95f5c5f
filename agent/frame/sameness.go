package frame

import (
	"crypto/sha256"
	"image"
	"slices"
	"time"

	"golang.org/x/image/draw"
)

// Sameness is what is remembered of a camera to see that it delivers the same picture again and again. The zero value
// remembers nothing. It is a value of about 1 KiB: Next returns another one.
//
// Two frames look the same when no cell of a 32 × 32 reduction of their brightness differs by more than a few steps
// of 255: less than sensor noise and coding anew make of a still picture, and less than a packet leaves that is taken
// from a shelf. Frames are held against the first that looked like this, so that daylight, which comes in small steps,
// ends a row. So a row of such frames is a frozen camera, or a scene in which really nothing moves under
// constant light, as in a closed shop at night. Frames that are equal to the byte are certain: no sensor reads out the
// same noise twice.
type Sameness struct {
	sum   [sha256.Size]byte // of the last frame
	at    time.Time
	print thumbprint // of the first frame of the row
	seen  bool       // there is a print
	row   int        // frames that look the same, the last included
	twins int        // frames that are equal to the byte, the last included
}

const (
	printSide  = 32
	printNoise = 3 // of 255; measured in TestSamenessOfNoise
)

type thumbprint [printSide * printSide]uint8

// Next is s after one more frame of the camera. A frame that is the last one, with the same time, is not one more: its
// file was found again.
func (s Sameness) Next(f *Frame) Sameness {
	if s.row > 0 && f.SHA256 == s.sum && f.CapturedAt.Equal(s.at) {
		return s
	}
	print, seen := printOf(f.Luma)
	twin := s.row > 0 && f.SHA256 == s.sum
	alike := twin || seen && s.seen && s.print.like(print)
	if !alike {
		return Sameness{sum: f.SHA256, at: f.CapturedAt, print: print, seen: seen, row: 1, twins: 1}
	}
	s.row++
	s.twins++
	if !twin {
		s.twins = 1
	}
	s.sum, s.at = f.SHA256, f.CapturedAt
	return s
}

// Row is how many frames in a row look the same, the last included.
func (s Sameness) Row() int { return s.row }

// Twins is how many frames in a row are equal to the byte, the last included.
func (s Sameness) Twins() int { return s.twins }

// Frozen is whether the last frame was one too many.
func (s Sameness) Frozen(t Thresholds) bool {
	return s.twins > 1 || t.Frozen > 0 && s.row >= t.Frozen
}

// Faults are those of a judgement and, where the last frame was one too many, Frozen. In the dark all pictures are the same,
// so a dark one is never frozen.
func (s Sameness) Faults(j Judgement, t Thresholds) []Fault {
	faults := slices.Clone(j.Faults)
	if s.Frozen(t) && !slices.Contains(faults, Dark) {
		faults = append(faults, Frozen)
	}
	return faults
}

// mostCells bounds what the scaler holds to 1 MiB, whatever the shape: a picture may be a pixel wide and many millions high.
const mostCells = 1024

func printOf(luma *image.Gray) (p thumbprint, ok bool) {
	if luma == nil {
		return p, false
	}
	size := luma.Rect.Size()
	cells := shrunk(luma, min(size.X, mostCells), min(size.Y, mostCells))
	print := plane(p[:], printSide, image.Rect(0, 0, printSide, printSide))
	draw.BiLinear.Scale(print, print.Rect, cells, cells.Bounds(), draw.Src, nil)
	return p, true
}

func (p thumbprint) like(other thumbprint) bool {
	for i, v := range p {
		if d := int(v) - int(other[i]); d > printNoise || d < -printNoise {
			return false
		}
	}
	return true
}
