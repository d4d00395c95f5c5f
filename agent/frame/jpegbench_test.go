package frame

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/jpeg"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// shelfJPEG is a made photograph, too large to be kept in the repository: rows of boxes with sharp edges, soft shading,
// and the grain of a sensor, which is what most bits of a photograph are spent on. grain is in levels of 255.
func shelfJPEG(t testing.TB, width, height, quality int, grain float64) []byte {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	seed := uint32(1)
	noise := func() float64 { // about normal: the sum of four even ones
		sum := 0.0
		for range 4 {
			seed = seed*1664525 + 1013904223
			sum += float64(seed>>8) / (1 << 24)
		}
		return grain * (sum - 2)
	}
	box := func(x, y int) int { return (x/61)*7919 + (y/83)*104729 }
	for y := range height {
		for x := range width {
			shade := 40*math.Sin(float64(x)/170) + 25*math.Cos(float64(y)/90)
			v := 118 + shade + float64(box(x, y)%67) + noise()
			img.Y[y*img.YStride+x] = uint8(min(max(v, 0), 255))
		}
	}
	for y := range height / 2 {
		for x := range width / 2 {
			img.Cb[y*img.CStride+x] = uint8(118 + box(2*x, 2*y)%21)
			img.Cr[y*img.CStride+x] = uint8(min(max(120+float64(box(2*x, 2*y)%17)+noise()/2, 0), 255))
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// photographs for benchmarks: made ones and, where they are installed, those of Debian's mate-backgrounds.
func photographs(b *testing.B) map[string][]byte {
	b.Helper()
	all := map[string][]byte{
		"2Mpx":        shelfJPEG(b, 1920, 1080, 85, 12),
		"8Mpx":        shelfJPEG(b, 3840, 2160, 85, 12),
		"8Mpx-grainy": shelfJPEG(b, 3840, 2160, 95, 24),
		"18Mpx":       shelfJPEG(b, 5184, 3456, 85, 12),
	}
	for _, name := range []string{
		"nature/Storm.jpg", "nature/Dune.jpg", "nature/LadyBird.jpg",
		"abstract/Elephants_3840x2160.jpg", "abstract/Elephants_5640x3172.jpg",
	} {
		raw, err := os.ReadFile(filepath.Join("/usr/share/backgrounds/mate", name))
		if err != nil {
			skipped("a real photograph: "+err.Error(), "mate-backgrounds")
			continue
		}
		all[filepath.Base(name)] = raw
	}
	return all
}

// skipped says what is not measured. A benchmark that only has others below it cannot log.
func skipped(what, debian string) { fmt.Printf("SKIPPED: %s (Debian: %s)\n", what, debian) }

// peers are programs of libjpeg-turbo, where they are installed: djpeg decodes every pixel, jpegtran reads every
// coefficient and strips the metadata, as New does. Each run is a process of its own, a millisecond or two.
var peers = map[string][]string{
	"djpeg":    {"djpeg", "-outfile", os.DevNull},
	"jpegtran": {"jpegtran", "-copy", "none", "-outfile", os.DevNull},
}

// BenchmarkJPEG compares, file by file: the check of the pixels alone, all that New does, the two digests that New
// cannot do without, image/jpeg, and libjpeg-turbo's programs.
func BenchmarkJPEG(b *testing.B) {
	lim := Options{}.withDefaults().limits()
	installed := maps.Clone(peers)
	for peer, argv := range peers {
		if _, err := exec.LookPath(argv[0]); err != nil {
			skipped(peer+" is not installed", "libjpeg-turbo-progs")
			delete(installed, peer)
		}
	}
	for name, raw := range photographs(b) {
		run := func(what string, f func() error) {
			b.Run(fmt.Sprintf("%s/%s", name, what), func(b *testing.B) {
				b.SetBytes(int64(len(raw)))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("Scan", func() error { _, _, _, err := scanJPEG(raw, lim); return err })
		run("New", func() error { _, err := New(raw, Source{}, Options{}); return err })
		run("SHA256", func() error { sha256.Sum256(raw); return nil })
		run("ImageJPEG", func() error { _, err := jpeg.Decode(bytes.NewReader(raw)); return err })
		file := filepath.Join(b.TempDir(), "picture.jpg")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			b.Fatal(err)
		}
		for peer, argv := range installed {
			run(peer, func() error { return exec.Command(argv[0], append(argv[1:], file)...).Run() })
		}
	}
}
