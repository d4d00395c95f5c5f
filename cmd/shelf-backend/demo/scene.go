package demo

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
)

// The picture's size, and what is on it.
const (
	width, height  = 800, 600
	shelves        = 4
	productsAShelf = 10
)

// scene is a shelf whose products are bought and put back. Each picture differs from all before: the sensor
// is noisy.
type scene struct {
	random   *rand.Rand
	colours  [shelves][productsAShelf]color.RGBA
	soldOut  [shelves][productsAShelf]bool
	pictures int
}

func newScene(seed uint64) *scene {
	s := &scene{random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // pictures, not secrets
	for shelf := range s.colours {
		for i := range s.colours[shelf] {
			s.colours[shelf][i] = color.RGBA{uint8(60 + s.random.IntN(190)), uint8(60 + s.random.IntN(190)), uint8(60 + s.random.IntN(190)), 255}
		}
	}
	return s
}

// next draws the shelf as it is now, as a JPEG without any metadata.
func (s *scene) next() ([]byte, error) {
	shelf, product := s.random.IntN(shelves), s.random.IntN(productsAShelf)
	s.soldOut[shelf][product] = !s.soldOut[shelf][product]
	s.pictures++

	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	fill(picture, picture.Bounds(), color.RGBA{225, 222, 214, 255})
	for shelf := range shelves {
		s.drawShelf(picture, shelf)
	}
	s.addNoise(picture)
	var out bytes.Buffer
	err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: 78})
	return out.Bytes(), err
}

func (s *scene) drawShelf(picture *image.RGBA, shelf int) {
	top, bottom := shelf*height/shelves, (shelf+1)*height/shelves
	fill(picture, image.Rect(0, bottom-14, width, bottom), color.RGBA{120, 110, 100, 255})
	for i := range productsAShelf {
		left := i * width / productsAShelf
		// The price tag stays when the product is gone.
		fill(picture, image.Rect(left+14, bottom-12, left+50, bottom-3), color.RGBA{250, 250, 245, 255})
		if s.soldOut[shelf][i] {
			continue
		}
		box := image.Rect(left+6, top+18+(i*7)%25, left+width/productsAShelf-6, bottom-15)
		fill(picture, box, s.colours[shelf][i])
		label := box.Inset(box.Dx() / 5)
		fill(picture, label, color.RGBA{245, 245, 240, 255})
		fill(picture, image.Rect(label.Min.X+4, label.Min.Y+8, label.Max.X-4, label.Min.Y+14), color.RGBA{40, 40, 40, 255})
	}
}

func (s *scene) addNoise(picture *image.RGBA) {
	for i := 0; i < len(picture.Pix); i += 4 {
		noise := int(s.random.Uint32()%9) - 4
		for c := range 3 {
			picture.Pix[i+c] = uint8(min(max(int(picture.Pix[i+c])+noise, 0), 255))
		}
	}
}

func fill(picture *image.RGBA, area image.Rectangle, c color.RGBA) {
	draw.Draw(picture, area, image.NewUniform(c), image.Point{}, draw.Src)
}
