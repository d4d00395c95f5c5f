package frame

import (
	"bytes"
	"image"
	"testing"
)

// TestThumbnailIsTheUprightPicture: for every picture in testdata that has a brightness, each quarter of the thumbnail is as
// bright as that quarter of the picture as it is shown.
func TestThumbnailIsTheUprightPicture(t *testing.T) {
	seen := map[int]int{}
	for _, name := range pictures(t) {
		f, err := New(load(t, name), Source{}, Options{})
		if err != nil || f.Luma == nil || min(f.Width, f.Height) < 64 {
			continue
		}
		seen[f.Orientation]++
		small := Thumbnail(f, 32)
		if w, h := small.Rect.Dx(), small.Rect.Dy(); max(w, h) > 32 || (w > h) != (f.Width > f.Height) && f.Width != f.Height {
			t.Errorf("%s: %d x %d of %d x %d", name, w, h, f.Width, f.Height)
		}
		img, err := f.Format.codec().decode(bytes.NewReader(f.Bytes))
		if err != nil {
			t.Fatal(err)
		}
		width, height, at := uprightPixels(img, f.Orientation)
		bright := func(x, y int) int {
			c := at(x, y)
			return int(weighed(uint32(c[0]), uint32(c[1]), uint32(c[2])))
		}
		for quarter := range 4 {
			want := quarterMean(image.Pt(width, height), quarter, bright)
			got := quarterMean(small.Rect.Size(), quarter, func(x, y int) int { return int(small.GrayAt(x, y).Y) })
			if d := want - got; d > 12 || d < -12 {
				t.Errorf("%s (orientation %d): quarter %d has a brightness of %d, want %d", name, f.Orientation, quarter, got, want)
			}
		}
	}
	if len(seen) < 8 {
		t.Errorf("orientations that were seen: %v", seen)
	}
}

func quarterMean(size image.Point, quarter int, bright func(x, y int) int) int {
	sum, n := 0, 0
	for y := quarter / 2 * size.Y / 2; y < (quarter/2+1)*size.Y/2; y++ {
		for x := quarter % 2 * size.X / 2; x < (quarter%2+1)*size.X/2; x++ {
			sum += bright(x, y)
			n++
		}
	}
	return sum / n
}

// TestP5_WhatIsMaskedIsNotInTheThumbnail: whoever sees the page sees no more than what leaves the shop.
func TestP5_WhatIsMaskedIsNotInTheThumbnail(t *testing.T) {
	for _, name := range []string{"video.jpg", "orientation-6.jpg", "video.png"} {
		plain, err := New(load(t, name), Source{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		left := Mask{[]Point{{0, 0}, {0.5, 0}, {0.5, 1}, {0, 1}}, plain.Width, plain.Height}
		f, err := New(load(t, name), Source{}, Options{Masks: []Mask{left}})
		if err != nil {
			t.Fatal(err)
		}
		small := Thumbnail(f, 320)
		width := small.Rect.Dx()
		for y := range small.Rect.Dy() {
			for x := range width/2 - 1 {
				if v := small.GrayAt(x, y).Y; v > 8 {
					t.Fatalf("%s: %d at %d, %d, which is masked", name, v, x, y)
				}
			}
		}
		right := quarterMean(small.Rect.Size(), 1, func(x, y int) int { return int(small.GrayAt(x, y).Y) })
		if right < 20 {
			t.Errorf("%s: nothing is left to be seen", name)
		}
	}
	if cmyk, err := New(load(t, "video-cmyk.jpg"), Source{}, Options{}); err != nil || Thumbnail(cmyk, 320) != nil {
		t.Errorf("a picture without brightness: %v", err)
	}
}
