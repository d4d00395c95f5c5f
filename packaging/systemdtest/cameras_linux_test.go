package systemdtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// cameraUser is whom the cameras' pictures belong to: somebody else than the agent.
const cameraUser = 5000

// shop is some cameras that film into the rig's capture folder, and what they drew.
type shop struct {
	t     *testing.T
	dir   string
	group int // that of the folder

	mu    sync.Mutex
	drawn map[string]string // camera by digest; guarded by mu
	read  map[string]bool   // objects that were looked at
}

// shoot writes one picture as a camera does: under another name first, for the folder's group to read.
func (s *shop) shoot(camera string) error {
	s.mu.Lock()
	n := len(s.drawn)
	s.mu.Unlock()
	picture := draw(n)
	dir := filepath.Join(s.dir, camera)
	if err := os.Mkdir(dir, 0o770); err == nil {
		if err := errors.Join(os.Chown(dir, cameraUser, s.group), os.Chmod(dir, 0o770|os.ModeSetgid)); err != nil {
			return err
		}
	}
	name := filepath.Join(dir, fmt.Sprintf("%06d.jpg", n))
	err := errors.Join(os.WriteFile(name+".tmp", picture, 0o640), os.Chown(name+".tmp", cameraUser, s.group), os.Rename(name+".tmp", name))
	if err != nil {
		return err
	}
	digest := sha256.Sum256(picture)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawn[hex.EncodeToString(digest[:])] = camera
	return nil
}

// film lets three cameras film until the function that it returns is called.
func (s *shop) film() (stop func()) {
	done, tick := make(chan struct{}), time.NewTicker(150*time.Millisecond)
	var filming sync.WaitGroup
	filming.Go(func() {
		for n := 0; ; n++ {
			if err := s.shoot([]string{"aisle-1", "aisle-2", "freezer"}[n%3]); err != nil {
				s.t.Error(err)
				return
			}
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(done)
		tick.Stop()
		filming.Wait()
	}
}

func (s *shop) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.drawn)
}

// draw makes a small picture that no other number has.
func draw(n int) []byte {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	picture := image.NewGray(image.Rect(0, 0, 160, 120))
	for i := range picture.Pix {
		picture.SetGray(i%160, i/160, color.Gray{Y: uint8(i/160 + random.IntN(100))})
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, nil); err != nil {
		panic(err) // into memory
	}
	return out.Bytes()
}

// everyFrameOnce waits until as many objects are in the bucket as pictures were drawn, and looks at each.
func (s *shop) everyFrameOnce(m *machine, c *cloud) {
	s.t.Helper()
	m.await(fmt.Sprintf("%d frames are delivered", s.total()), 2*time.Minute, func() bool {
		return len(c.s3.Keys(s.t, bucket, "")) >= s.total()
	})
	keys := c.s3.Keys(s.t, bucket, "")
	if len(keys) != s.total() {
		s.t.Fatalf("%d objects are in the bucket, %d pictures were drawn", len(keys), s.total())
	}
	seen := map[string]bool{}
	for _, key := range keys {
		name := path.Base(key)
		digest := strings.TrimSuffix(name[strings.LastIndex(name, "-")+1:], ".jpg")
		if camera, drawn := s.drawn[digest]; !drawn || seen[digest] || path.Base(path.Dir(key)) != camera || !strings.HasPrefix(key, "raw/"+store+"/") {
			s.t.Fatalf("%s is there twice, or nobody drew it there", key)
		}
		seen[digest] = true
		if s.read[key] {
			continue
		}
		s.read[key] = true
		sum := sha256.Sum256(c.s3.Read(s.t, bucket, key).Body)
		if hex.EncodeToString(sum[:]) != digest {
			s.t.Fatalf("%s holds other bytes", key)
		}
	}
	say("every frame is in the bucket once: %d", len(keys))
}
