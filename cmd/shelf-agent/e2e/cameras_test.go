package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// shop is some cameras and what they drew: the digest of each picture without its metadata, by camera.
type shop struct {
	dir string

	mu    sync.Mutex
	drawn map[string][]string
}

func newShop(dir string) *shop { return &shop{dir: dir, drawn: map[string][]string{}} }

func (s *shop) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, d := range s.drawn {
		n += len(d)
	}
	return n
}

// film lets every camera write its frames in the time given. Even cameras rename, odd ones write in place.
func (s *shop) film(t *testing.T, cameras, frames int, within time.Duration) {
	var writing sync.WaitGroup
	for c := range cameras {
		writing.Go(func() {
			id := fmt.Sprintf("cam-%d", c)
			tick := time.NewTicker(within / time.Duration(frames))
			defer tick.Stop()
			for n := range frames {
				if err := s.shoot(id, n, c%2 == 0); err != nil {
					t.Error(err)
					return
				}
				<-tick.C
			}
		})
	}
	writing.Wait()
}

func (s *shop) shoot(camera string, n int, rename bool) error {
	picture := draw(camera, n)
	if err := os.MkdirAll(filepath.Join(s.dir, camera), 0o755); err != nil {
		return err
	}
	name := filepath.Join(s.dir, camera, fmt.Sprintf("%06d.jpg", n))
	place := name
	if rename {
		place += ".tmp"
	}
	// Private data as cameras write it: it must not arrive.
	const private = "serial no 12345"
	comment := append([]byte{0xff, 0xfe, 0, 2 + byte(len(private))}, private...)
	file := bytes.Join([][]byte{picture[:2], comment, picture[2:]}, nil)
	if err := os.WriteFile(place, file, 0o600); err != nil {
		return err
	}
	if rename {
		if err := os.Rename(place, name); err != nil {
			return err
		}
	}
	digest := sha256.Sum256(picture)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawn[camera] = append(s.drawn[camera], hex.EncodeToString(digest[:]))
	return nil
}

// draw makes a small picture that no other camera or number has.
func draw(camera string, n int) []byte {
	random := rand.New(rand.NewPCG(uint64(n), uint64(camera[len(camera)-1])))
	picture := image.NewGray(image.Rect(0, 0, 160, 120))
	for y := range 120 {
		for x := range 160 {
			picture.SetGray(x, y, color.Gray{uint8(x + y + random.IntN(60))})
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, nil); err != nil {
		panic(err) // into memory
	}
	return out.Bytes()
}
