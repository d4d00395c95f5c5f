package frame

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var thresholds = Thresholds{Dark: 20, BlownOut: 235, Blurred: 20, Frozen: 4}

// shelf is a picture of packets with labels, as a camera with some sensor noise sees it; the noise is another in each shot.
func shelf(shot int, noise float64, exposure int) *image.Gray {
	layout, sensor := rand.New(rand.NewPCG(5, 6)), rand.New(rand.NewPCG(7, uint64(shot)))
	img := image.NewGray(image.Rect(0, 0, 1280, 720))
	var packets [20][16]int
	for i := range packets {
		for j := range packets[i] {
			packets[i][j] = 60 + layout.IntN(150)
		}
	}
	for y := range 720 {
		for x := range 1280 {
			v := packets[x/64][y/45]
			if x%64 > 40 && y%45 > 20 && y%45 < 30 {
				v = 255 - v
			}
			img.Pix[y*img.Stride+x] = uint8(min(max(float64(v+exposure)+sensor.NormFloat64()*noise, 0), 255))
		}
	}
	return img
}

// smeared is what a lens out of focus makes of a picture: each point becomes a patch.
func smeared(img *image.Gray, radius int) *image.Gray {
	out := image.NewGray(img.Rect)
	small := shrunk(img, img.Rect.Dx()/radius, img.Rect.Dy()/radius).(*image.Gray) //nolint:forcetypeassert // grey stays grey
	w, h := small.Rect.Dx(), small.Rect.Dy()
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			fx, fy := float64(x)/float64(radius), float64(y)/float64(radius)
			x0, y0 := min(int(fx), w-1), min(int(fy), h-1)
			x1, y1 := min(x0+1, w-1), min(y0+1, h-1)
			fx, fy = fx-float64(x0), fy-float64(y0)
			p := func(x, y int) float64 { return float64(small.Pix[y*w+x]) }
			out.Pix[y*out.Stride+x] = uint8((p(x0, y0)*(1-fx)+p(x1, y0)*fx)*(1-fy) + (p(x0, y1)*(1-fx)+p(x1, y1)*fx)*fy)
		}
	}
	return out
}

func flat(v uint8) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, 640, 480))
	for i := range img.Pix {
		img.Pix[i] = v
	}
	return img
}

func coded(t testing.TB, img image.Image, quality int, at time.Time, opts Options) *Frame {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	f, err := New(out.Bytes(), Source{ModTime: at}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		story string
		img   image.Image
		want  []Fault
	}{
		{"a shelf", shelf(1, 4, 0), nil},
		{"with a lens cap on", flat(3), []Fault{Dark}},
		{"at night, with noise", shelf(1, 4, -300), []Fault{Dark}},
		{"in the sun", flat(250), []Fault{BlownOut}},
		{"a little dark", shelf(1, 4, -80), nil},
		{"slightly out of focus", smeared(shelf(1, 4, 0), 8), nil},
		{"far out of focus", smeared(shelf(1, 4, 0), 80), []Fault{Blurred}},
		{"a wall", flat(128), []Fault{Blurred}},
	} {
		t.Run(tt.story, func(t *testing.T) {
			f := coded(t, tt.img, 85, time.Time{}, Options{})
			got := Judge(f.Luma, nil, thresholds)
			if !got.Measured || !slices.Equal(got.Faults, tt.want) {
				t.Errorf("%+v, want %v", got, tt.want)
			}
			if none := Judge(f.Luma, nil, Thresholds{}); none.Faults != nil || none.Brightness != got.Brightness {
				t.Errorf("no thresholds: %+v", none)
			}
		})
	}
}

// Masks are no shadow on the lens.
func TestJudgeOverlooksMasks(t *testing.T) {
	bright := flat(240)
	masks := []Mask{{[]Point{{0, 0}, {1, 0}, {1, 0.8}, {0, 0.8}}, 4, 3}}
	f := coded(t, bright, 85, time.Time{}, Options{Masks: masks})
	if got := Judge(f.Luma, masks, thresholds); !slices.Equal(got.Faults, []Fault{BlownOut}) || got.Brightness != 240 || got.Sharpness != 0 {
		t.Errorf("%+v", got)
	}
	all := []Mask{{[]Point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, 4, 3}}
	if got := Judge(f.Luma, all, thresholds); got.Measured || got.Faults != nil {
		t.Errorf("nothing to be seen is judged: %+v", got)
	}
	if got := Judge(nil, nil, thresholds); got.Measured || got.Faults != nil {
		t.Errorf("no brightness is judged: %+v", got)
	}
}

// row feeds frames to a Sameness.
func row(frames ...*Frame) Sameness {
	var s Sameness
	for _, f := range frames {
		s = s.Next(f)
	}
	return s
}

func minute(n int) time.Time { return time.Date(2026, 11, 22, 1, n, 0, 0, time.UTC) }

func TestSameness(t *testing.T) {
	base := shelf(0, 3, 0)
	frames := func(n int, of func(i int) image.Image) []*Frame {
		list := make([]*Frame, n)
		for i := range list {
			list[i] = coded(t, of(i), 85, minute(i), Options{})
		}
		return list
	}
	without := func(x, y, side, change int) image.Image { // a packet is taken
		img := image.NewGray(base.Rect)
		copy(img.Pix, shelf(100+x, 3, 0).Pix)
		for v := y; v < y+side; v++ {
			for u := x; u < x+side; u++ {
				img.SetGray(u, v, color.Gray{uint8(max(0, int(img.GrayAt(u, v).Y)-change))})
			}
		}
		return img
	}
	for _, tt := range []struct {
		story      string
		frames     []*Frame
		row, twins int
		frozen     bool
	}{
		{"one frame", frames(1, func(int) image.Image { return base }), 1, 1, false},
		{"two that are equal to the byte", frames(2, func(int) image.Image { return base }), 2, 2, true},
		{"three that differ by noise", frames(3, func(i int) image.Image { return shelf(i, 3, 0) }), 3, 1, false},
		{"four that differ by noise", frames(4, func(i int) image.Image { return shelf(i, 3, 0) }), 4, 1, true},
		{"a packet of 40 pixels is taken", append(frames(4, func(i int) image.Image { return shelf(i, 3, 0) }),
			coded(t, without(310, 200, 40, 40), 85, minute(9), Options{})), 1, 1, false},
		{"one of 20", append(frames(4, func(i int) image.Image { return shelf(i, 3, 0) }),
			coded(t, without(310, 200, 20, 40), 85, minute(9), Options{})), 1, 1, false},
		{"the sun rises, one step in four frames", frames(21, func(i int) image.Image { return shelf(i, 3, 4*(i/4)) }), 1, 1, false},
		{"the sun rises", frames(13, func(i int) image.Image { return shelf(i, 3, 2*i) }), 1, 1, false},
		{"people walk by", frames(6, func(i int) image.Image { return without(100*i, 300, 90, 60) }), 1, 1, false},
	} {
		t.Run(tt.story, func(t *testing.T) {
			s := row(tt.frames...)
			if s.Row() != tt.row || s.Twins() != tt.twins || s.Frozen(thresholds) != tt.frozen {
				t.Errorf("row %d, twins %d, frozen %v", s.Row(), s.Twins(), s.Frozen(thresholds))
			}
			if s.Frozen(Thresholds{}) != (tt.twins > 1) {
				t.Error("without a threshold, only what is equal to the byte is frozen")
			}
			if last := tt.frames[len(tt.frames)-1]; s.Next(last) != s {
				t.Error("a frame that is found again counts twice")
			}
		})
	}
}

// A picture without brightness is still known by its bytes.
func TestSamenessWithoutLuma(t *testing.T) {
	frames := func(names ...string) []*Frame {
		var list []*Frame
		for i, name := range names {
			f, err := New(load(t, name), Source{ModTime: minute(i)}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, f)
		}
		return list
	}
	if s := row(frames("video-cmyk.jpg", "video-cmyk.jpg")...); s.Twins() != 2 || s.Row() != 2 {
		t.Errorf("%d, %d", s.Row(), s.Twins())
	}
	if s := row(frames("video-cmyk.jpg", "video-rgb.jpg", "video.jpg")...); s.Row() != 1 {
		t.Errorf("%d", s.Row())
	}
}

// How far the prints of a still scene lie apart: the worst of sensor noise and of coding anew.
func TestSamenessOfNoise(t *testing.T) {
	for _, tt := range []struct {
		noise   float64
		quality int
	}{{0, 50}, {1, 50}, {4, 85}, {10, 85}, {10, 50}, {16, 70}} {
		var first thumbprint
		most := 0
		for n := range 6 {
			f := coded(t, shelf(n, tt.noise, 0), tt.quality+n%2, minute(n), Options{})
			p, _ := printOf(f.Luma)
			if n == 0 {
				first = p
			}
			for i := range p {
				most = max(most, int(p[i])-int(first[i]), int(first[i])-int(p[i]))
			}
		}
		t.Logf("noise of %v, quality %d: %d steps", tt.noise, tt.quality, most)
		if most > printNoise {
			t.Errorf("noise of %v, quality %d: %d steps, more than the %d that pass for noise", tt.noise, tt.quality, most, printNoise)
		}
	}
}
