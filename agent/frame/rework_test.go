package frame

import (
	"bytes"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// uprightPixels turns a stored picture by the words of EXIF, slowly, and without any code of this package: over black.
func uprightPixels(img image.Image, orientation int) (width, height int, at func(x, y int) [3]int) {
	size := img.Bounds().Size()
	width, height = size.X, size.Y
	if orientation >= 5 {
		width, height = height, width
	}
	return width, height, func(u, v int) [3]int {
		x, y := [...]func() (int, int){
			1: func() (int, int) { return u, v }, 2: func() (int, int) { return width - 1 - u, v },
			3: func() (int, int) { return width - 1 - u, height - 1 - v }, 4: func() (int, int) { return u, height - 1 - v },
			5: func() (int, int) { return v, u }, 6: func() (int, int) { return v, width - 1 - u },
			7: func() (int, int) { return height - 1 - v, width - 1 - u }, 8: func() (int, int) { return height - 1 - v, u },
		}[orientation]()
		r, g, b, _ := img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y).RGBA()
		return [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}
	}
}

func apart(a, b [3]int) int {
	most := 0
	for i := range a {
		most = max(most, max(a[i]-b[i], b[i]-a[i]))
	}
	return most
}

// ringing is what a coder may make of flat black beside a bright edge: it is made of what lies outside the mask.
func ringing(f Format) int {
	if f == JPEG {
		return 40
	}
	return 0
}

// TestP5_MasksAreBurnedIn: for every picture in testdata that is a frame, in every format, orientation and way of storing
// colours, what the polygon goes around is black, and the rest is the upright picture.
func TestP5_MasksAreBurnedIn(t *testing.T) {
	formats := map[Format]int{}
	orientations := map[int]int{}
	for _, name := range pictures(t) {
		raw := load(t, name)
		plain, err := New(raw, Source{}, Options{})
		if err != nil {
			continue
		}
		formats[plain.Format]++
		orientations[plain.Orientation]++
		for _, output := range []Format{"", JPEG} {
			t.Run(name+" "+string(output), func(t *testing.T) {
				opts := Options{Masks: []Mask{{kite, plain.Width, plain.Height},
					{[]Point{{0.7, 0.8}, {0.95, 0.8}, {0.95, 0.98}, {0.7, 0.98}}, plain.Width, plain.Height}}, Output: output, Quality: 95}
				f, err := New(raw, Source{}, opts)
				if err != nil {
					t.Fatal(err)
				}
				decoded := pixels(t, f.Bytes)
				original, err := plain.Format.codec().decode(bytes.NewReader(plain.Bytes))
				if err != nil {
					t.Fatal(err)
				}
				checkMasked(t, f, decoded, opts.Masks)
				checkRest(t, f, decoded, original, plain.Orientation, opts.Masks)
				if bytes.Contains(f.Bytes, []byte("SECRET")) {
					t.Error("what a camera wrote is still there")
				}
				twice := mustNew(t, f.Bytes)
				if !bytes.Equal(twice.Bytes, f.Bytes) || twice.Stripped != nil || twice.Orientation != 1 {
					t.Errorf("there is more in it than the picture: %v", twice.Stripped)
				}
			})
		}
	}
	if len(formats) != len(codecs) || len(orientations) != 8 {
		t.Errorf("only %v, %v", formats, orientations)
	}
}

func checkMasked(t *testing.T, f *Frame, decoded image.Image, masks []Mask) {
	t.Helper()
	seen := 0
	for y := range f.Height {
		for x := range f.Width {
			for _, m := range masks {
				if !inside(m.Polygon, (float64(x)+0.5)/float64(f.Width), (float64(y)+0.5)/float64(f.Height)) {
					continue
				}
				seen++
				r, g, b, a := decoded.At(x, y).RGBA()
				if got := [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}; apart(got, [3]int{}) > ringing(f.Format) || a != 0xffff {
					t.Fatalf("pixel %d, %d within the mask is %v", x, y, got)
				}
			}
		}
	}
	if seen < f.Width*f.Height/10 {
		t.Fatalf("only %d masked pixels", seen)
	}
	if !slices.Contains(f.Reworked, ReworkedMasked) {
		t.Errorf("it does not say so: %v", f.Reworked)
	}
}

// checkRest compares what is well outside the masks with the picture as it was, on average: coding changes each pixel.
func checkRest(t *testing.T, f *Frame, decoded, original image.Image, orientation int, masks []Mask) {
	t.Helper()
	width, height, at := uprightPixels(original, orientation)
	if width != f.Width || height != f.Height || f.Orientation != 1 {
		t.Fatalf("%d x %d, orientation %d; want %d x %d upright", f.Width, f.Height, f.Orientation, width, height)
	}
	_, grey := decoded.(*image.Gray)
	sum, n := 0, 0
	for y := range height {
		for x := range width {
			px, py, w, h := float64(x)+0.5, float64(y)+0.5, float64(width), float64(height)
			if slices.ContainsFunc(masks, func(m Mask) bool {
				return inside(m.Polygon, px/w, py/h) || distance(m.Polygon, px, py, w, h) < 18
			}) {
				continue
			}
			r, g, b, _ := decoded.At(x, y).RGBA()
			got, want := [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}, at(x, y)
			if grey {
				want = [3]int{want[0], want[0], want[0]}
			}
			sum += apart(got, want)
			n++
		}
	}
	if n > 0 && sum/n > 16 {
		t.Errorf("outside the masks, pixels differ by %d on average", sum/n)
	}
}

// TestP5_DamageNeverUncovers: whatever bit falls over, there is a masked frame or none.
func TestP5_DamageNeverUncovers(t *testing.T) {
	for _, name := range []string{"camera.jpg", "orientation-6.jpg", "small-progressive.jpg", "gopher-palette.png", "gopher-fax.tif",
		"rose-v5.bmp", "camera.tif"} {
		raw := load(t, name)
		plain := mustNew(t, raw)
		step := max(1, len(raw)/200)
		for at := 0; at < len(raw); at += step {
			f, err := New(flipped(raw, at), Source{}, Options{Masks: []Mask{{kite, plain.Width, plain.Height}}})
			if codeOf(t, err) != "" {
				continue
			}
			checkMasked(t, f, pixels(t, f.Bytes), []Mask{{kite, 1, 1}})
		}
	}
}

// TestP5_NoPixelsNoFrame: a decoder that fails, in whatever way, lets nothing through.
func TestP5_NoPixelsNoFrame(t *testing.T) {
	for story, decode := range map[string]func(io.Reader) (image.Image, error){
		"it panics":           func(io.Reader) (image.Image, error) { panic("index out of range") },
		"it fails":            func(io.Reader) (image.Image, error) { return nil, errors.New("no") },
		"it decodes too much": func(io.Reader) (image.Image, error) { return image.NewGray(image.Rect(0, 0, 151, 103)), nil },
	} {
		c := *JPEG.codec()
		c.decode = decode
		f, err := c.frame(load(t, "video.jpg"), Source{}, Options{Masks: []Mask{{kite, 150, 103}}}.withDefaults())
		if got := codeOf(t, err); got != CodeCorrupt || f != nil {
			t.Errorf("%s: code %q, frame %v", story, got, f)
		}
	}
}

// The lossless way is left only for what the options say.
func TestRework(t *testing.T) {
	up := func(names ...string) []string { return append(names, ReworkedEncoded) }
	for _, tt := range []struct {
		story         string
		file          string
		opts          Options
		format        Format
		width, height int
		reworked      []string
	}{
		{"nothing is asked for", "camera.jpg", Options{}, JPEG, 103, 150, nil},
		{"the picture is small enough", "camera.jpg", Options{LongestEdge: 150}, JPEG, 103, 150, nil},
		{"it is too large, and on its side", "camera.jpg", Options{LongestEdge: 100}, JPEG, 69, 100, up(ReworkedUpright, ReworkedScaled)},
		{"JPEG is wanted and there", "video.jpg", Options{Output: JPEG}, JPEG, 150, 103, nil},
		{"JPEG is wanted", "video.png", Options{Output: JPEG}, JPEG, 150, 103, up()},
		{"from a TIFF on its side", "camera.tif", Options{Output: JPEG}, JPEG, 103, 150, up(ReworkedUpright)},
		{"a quality is wanted", "video.jpg", Options{Quality: 50}, JPEG, 150, 103, up()},
		{"a quality is no matter for PNG", "video.png", Options{Quality: 50}, PNG, 150, 103, nil},
		{"a smaller PNG stays one", "video.png", Options{LongestEdge: 75}, PNG, 75, 52, up(ReworkedScaled)},
		{"a smaller grey JPEG", "video-grey.jpg", Options{LongestEdge: 75}, JPEG, 75, 52, up(ReworkedScaled)},
		{"a smaller BMP", "video.bmp", Options{LongestEdge: 75}, BMP, 75, 52, up(ReworkedScaled)},
		{"a smaller TIFF of 16 bits", "video-16bit.tif", Options{LongestEdge: 75}, TIFF, 75, 52, up(ReworkedScaled)},
		{"WebP is left alone", "rose-lossy.webp", Options{LongestEdge: 400, Output: WebP}, WebP, 400, 301, nil},
		{"a smaller WebP is a JPEG", "rose-lossy.webp", Options{LongestEdge: 200}, JPEG, 200, 151, up(ReworkedScaled)},
		{"nobody writes WebP", "video.png", Options{Output: WebP}, JPEG, 150, 103, up()},
		{"one pixel", "video.jpg", Options{LongestEdge: 1}, JPEG, 1, 1, up(ReworkedScaled)},
	} {
		t.Run(tt.story, func(t *testing.T) {
			raw := load(t, tt.file)
			f, err := New(raw, Source{}, tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			img := pixels(t, f.Bytes)
			if f.Format != tt.format || f.Width != tt.width || f.Height != tt.height || !slices.Equal(f.Reworked, tt.reworked) {
				t.Errorf("%s %d x %d %v", f.Format, f.Width, f.Height, f.Reworked)
			}
			if w, h := upright(img.Bounds().Dx(), img.Bounds().Dy(), f.Orientation); w != tt.width || h != tt.height {
				t.Errorf("the picture has %d x %d", w, h)
			}
			if tt.reworked == nil && !bytes.Equal(f.Bytes, mustNew(t, raw).Bytes) {
				t.Error("its bytes were changed")
			}
			if again, err := New(raw, Source{}, tt.opts); err != nil || !reflect.DeepEqual(f, again) {
				t.Error("promise 5: not the same frame again")
			}
		})
	}
}

// TestReworkIsTheSameEverywhere holds the bytes, and so the identity, of a frame that was coded anew. When a new toolchain
// codes otherwise, a file that lies in the capture folder across that update, and was queued before it, becomes a second
// object; that is all. Note it in the release and put the new digest here.
func TestReworkIsTheSameEverywhere(t *testing.T) {
	f, err := New(load(t, "orientation-6.jpg"), Source{}, Options{Masks: []Mask{{kite, 103, 150}}, LongestEdge: 64})
	if err != nil {
		t.Fatal(err)
	}
	const want = "ecb8d624af4803b977e2b1c119db97ce0bf2ed5f0d096804ff6825b83adb05c6"
	if got := hex.EncodeToString(f.SHA256[:]); got != want {
		t.Errorf("the digest is %s", got)
	}
}

func TestReworkKeepsTheProfile(t *testing.T) {
	profile := profileForTests()
	of := func(raw []byte) []byte {
		f := mustNew(t, raw)
		l, err := f.Format.codec().parse(f.Bytes, Options{}.withDefaults().limits())
		if err != nil {
			t.Fatal(err)
		}
		return l.profile
	}
	for _, name := range []string{"camera.jpg", "camera.png", "camera.tif", "camera.webp"} {
		for _, output := range []Format{"", JPEG, PNG, BMP, TIFF} {
			f, err := New(load(t, name), Source{}, Options{Quality: 80, LongestEdge: 64, Output: output})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(of(f.Bytes), profile) || slices.Contains(f.Stripped, dropICC) {
				t.Errorf("%s as %q: the profile is lost", name, output)
			}
		}
	}
	for _, name := range []string{"video-cmyk.jpg", "video-grey.jpg"} {
		raw := withSegments(load(t, name), segment(mAPP2, profileID+"\x01\x01"+strings.Replace(string(profile), "RGB ", "CMYK", 1)))
		f, err := New(raw, Source{}, Options{Quality: 80})
		if err != nil {
			t.Fatal(err)
		}
		if of(f.Bytes) != nil || !slices.Contains(f.Stripped, dropICC) {
			t.Errorf("%s keeps a profile of other colours", name)
		}
	}
}

// What does not fit into the memory that is allowed is rejected before it is taken.
func TestReworkMemory(t *testing.T) {
	for _, name := range []string{"video.jpg", "video-progressive.jpg", "video-cmyk.jpg", "video.png", "rose-lossy.webp"} {
		raw := load(t, name)
		plain := mustNew(t, raw)
		opts := Options{MaxMemory: 5 * int64(plain.Width) * int64(plain.Height)}
		if name == "rose-lossy.webp" || name == "video.png" {
			opts.MaxMemory *= 2
		}
		if _, err := New(raw, Source{}, opts); err != nil {
			t.Fatal(err)
		}
		opts.Quality, opts.Output = 80, JPEG
		_, err := New(raw, Source{}, opts)
		if got := codeOf(t, err); got != CodeTooManyPixels {
			t.Errorf("%s: code %q: %v", name, got, err)
		}
		opts.MaxMemory *= 6
		if _, err = New(raw, Source{}, opts); err != nil {
			t.Error(err)
		}
	}
}

// The colours of a lossy WebP are those of the picture that it was made from.
func TestWebPColours(t *testing.T) {
	f, err := New(load(t, "rose-lossy.webp"), Source{}, Options{Output: JPEG})
	if err != nil {
		t.Fatal(err)
	}
	img := pixels(t, f.Bytes)
	if r, g, b, _ := img.At(5, 290).RGBA(); min(r, g, b) < 0xfc00 {
		t.Errorf("the white background is %x %x %x", r>>8, g>>8, b>>8)
	}
	if f.Luma.GrayAt(1, 36).Y < 250 {
		t.Errorf("its brightness is %d", f.Luma.GrayAt(1, 36).Y)
	}
	source := pixels(t, load(t, "rose.png"))
	var off [3]int
	n := 0
	for y := range 300 {
		for x := range 400 {
			r, g, b, a := source.At(x, y).RGBA()
			if a != 0xffff {
				continue
			}
			u, v, w, _ := img.At(x, y).RGBA()
			for i, d := range [3]int{int(u) - int(r), int(v) - int(g), int(w) - int(b)} {
				off[i] += d
			}
			n++
		}
	}
	for i := range off {
		if d := off[i] / n / 256; d > 3 || d < -3 {
			t.Errorf("colour %d is off by %d on average", i, d)
		}
	}
}

// canvases are one grey picture in each of the ways in which pictures are worked on.
func canvases(rect image.Rectangle, at func(x, y int) uint8) map[string]canvas {
	grey, rgb := image.NewGray(rect), image.NewRGBA(rect)
	all := map[string]canvas{"grey": grey, "RGB": rgb}
	for y := range rect.Max.Y {
		for x := range rect.Max.X {
			v := at(x, y)
			grey.SetGray(x, y, color.Gray{v})
			rgb.SetRGBA(x, y, color.RGBA{v, v, v, 255})
		}
	}
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio411} {
		ycc := image.NewYCbCr(rect, ratio)
		for i := range ycc.Cb {
			ycc.Cb[i], ycc.Cr[i] = 128, 128
		}
		copy(ycc.Y, grey.Pix)
		all[ratio.String()] = ycc
	}
	return all
}

// level is the brightness of a grey pixel.
func level(t *testing.T, c canvas, x, y int) int {
	t.Helper()
	r, g, b, a := c.At(x, y).RGBA()
	if got := [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}; a != 0xffff || apart(got, [3]int{got[0], got[0], got[0]}) > 0 {
		t.Fatalf("%T: pixel %d, %d is %v, opacity %x", c, x, y, got, a)
	}
	return int(r >> 8)
}

func TestShrink(t *testing.T) {
	rect := image.Rect(0, 0, 331, 203)
	random := rand.New(rand.NewPCG(3, 4))
	noise := make([]uint8, rect.Max.X*rect.Max.Y)
	for i := range noise {
		noise[i] = uint8(random.UintN(256))
	}
	for _, tt := range []struct {
		story         string
		at            func(x, y int) uint8
		width, height int
		want          func(x, y int) int
		tolerance     int
	}{
		{"nothing to do", func(x, y int) uint8 { return noise[331*y+x] }, 331, 203, func(x, y int) int { return int(noise[331*y+x]) }, 0},
		{"a wall stays a wall", func(int, int) uint8 { return 77 }, 100, 61, func(int, int) int { return 77 }, 0},
		{"next to nothing is left", func(int, int) uint8 { return 77 }, 1, 1, func(int, int) int { return 77 }, 0},
		{"a shade stays where it is", func(x, y int) uint8 { return uint8(x/2 + y/4) }, 100, 61,
			func(x, y int) int { return int(3.31*(float64(x)+0.5)/2 + 3.33*(float64(y)+0.5)/4) }, 2},
		// A scaler that passes over pixels sees white here, or black, or stripes that are not there.
		{"a bar code becomes grey, by 2", func(x, _ int) uint8 { return uint8(255 * (x % 2)) }, 166, 102, func(int, int) int { return 127 }, 20},
		{"a bar code becomes grey, by 3.3", func(x, _ int) uint8 { return uint8(255 * (x % 2)) }, 100, 61, func(int, int) int { return 127 }, 20},
		{"a bar code becomes grey, by 7", func(x, _ int) uint8 { return uint8(255 * (x % 2)) }, 47, 29, func(int, int) int { return 127 }, 20},
		{"a grille becomes grey, by 4", func(_, y int) uint8 { return uint8(255 * (y % 2)) }, 83, 51, func(int, int) int { return 127 }, 20},
	} {
		for kind, c := range canvases(rect, tt.at) {
			small := shrunk(c, tt.width, tt.height)
			if reflect.TypeOf(small) != reflect.TypeOf(c) || small.Bounds() != image.Rect(0, 0, tt.width, tt.height) {
				t.Fatalf("%s, %s: became %T of %v", tt.story, kind, small, small.Bounds())
			}
			worst := 0
			for y := range tt.height {
				for x := range tt.width {
					d := level(t, small, x, y) - tt.want(x, y)
					worst = max(worst, d, -d)
				}
			}
			if worst > tt.tolerance {
				t.Errorf("%s, %s: off by %d", tt.story, kind, worst)
			}
		}
	}
}

func TestLumaAtTheEdges(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {8, 8}, {9, 17}} {
		img := image.NewGray(image.Rectangle{Max: size})
		for i := range img.Pix {
			img.Pix[i] = 200
		}
		luma := lumaOf(img)
		if luma.Rect.Max != image.Pt((size.X+7)/8, (size.Y+7)/8) || slices.ContainsFunc(luma.Pix, func(v uint8) bool { return v != 200 }) {
			t.Errorf("%v: %v", size, luma)
		}
	}
}

func TestLumaOfEveryFormat(t *testing.T) {
	want := mustNew(t, load(t, "video.jpg")).Luma
	for _, name := range []string{"video.png", "video.bmp", "video.tif", "video-16bit.tif"} {
		got := mustNew(t, load(t, name)).Luma
		if got.Rect != want.Rect {
			t.Fatalf("%s: %v", name, got.Rect)
		}
		for y := range want.Rect.Max.Y - 1 { // JPEG pads the last row and column, and counts what it pads
			for x := range want.Rect.Max.X - 1 {
				if a, b := int(got.GrayAt(x, y).Y), int(want.GrayAt(x, y).Y); a-b > 12 || b-a > 12 {
					t.Errorf("%s: %d, %d is %d, and %d in the JPEG", name, x, y, a, b)
				}
			}
		}
	}
}

// FuzzMasks: whatever the bytes are, there is a masked frame or none, and it is whole.
func FuzzMasks(f *testing.F) {
	for _, name := range pictures(f) {
		f.Add(load(f, name))
	}
	small := Options{MaxPixels: 1 << 18, MaxMemory: 8 << 20}
	f.Fuzz(func(t *testing.T, raw []byte) {
		plain, err := New(raw, Source{}, small)
		if codeOf(t, err) != "" {
			return
		}
		opts := small
		opts.Masks = []Mask{{kite, plain.Width, plain.Height}}
		opts.LongestEdge = 200
		masked, err := New(raw, Source{}, opts)
		if codeOf(t, err) != "" {
			return
		}
		again, err := New(masked.Bytes, Source{}, Options{})
		if err != nil || !bytes.Equal(again.Bytes, masked.Bytes) || again.Stripped != nil {
			t.Fatalf("what was made is no frame: %v", err)
		}
		if masked.Width < 40 || masked.Height < 40 {
			return // beside the edges there is nothing left to look at
		}
		img := pixels(t, masked.Bytes)
		// The middle of the kite, far from the pixels outside, which a scaler and an encoder mix in at the edges.
		r, g, b, _ := img.At(masked.Width*28/100, masked.Height*35/100).RGBA()
		if got := [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}; apart(got, [3]int{}) > ringing(masked.Format) {
			t.Fatalf("the middle of the mask is %v", got)
		}
	})
}
