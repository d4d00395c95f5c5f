package status

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
)

// shelf draws what a camera before a shelf sees, small and grey, as the agent keeps it.
func shelf(camera string) []byte {
	h := fnv.New64a()
	h.Write([]byte(camera))
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	const width, height, boards = 320, 180, 4
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = uint8(58 + random.IntN(4))
	}
	for board := range boards {
		bottom := (board + 1) * height / boards
		for x := 4; x < width-12; {
			w, h := 9+random.IntN(16), 20+random.IntN(18)
			if random.IntN(8) > 0 { // else there is a gap
				fill(img, image.Rect(x, bottom-6-h, x+w, bottom-6), uint8(90+random.IntN(150)))
				fill(img, image.Rect(x+2, bottom-6-h/2, x+w-2, bottom-2-h/2), uint8(60+random.IntN(190)))
			}
			x += w + 2 + random.IntN(3)
		}
		fill(img, image.Rect(0, bottom-6, width, bottom-2), 170)
		for x := 10; x < width-20; x += 40 {
			fill(img, image.Rect(x, bottom-6, x+14, bottom-1), 235)
		}
	}
	var out bytes.Buffer
	_ = jpeg.Encode(&out, img, &jpeg.Options{Quality: 70})
	return out.Bytes()
}

func fill(img *image.Gray, r image.Rectangle, v uint8) {
	r = r.Intersect(img.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			img.SetGray(x, y, color.Gray{Y: v})
		}
	}
}
