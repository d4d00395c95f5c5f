package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// camera simulates one: it draws a shelf, adds what cameras add, and writes the file in its own manner.
type camera struct {
	id    string
	dir   string
	every time.Duration
	write func(path string, data []byte) error
	spoil int // every nth file is cut short, as a failing camera does; 0 is never
	scene *scene
	model string

	mu    sync.Mutex // guards tally and drawn
	tally counts
	drawn []string // digests of the pictures, without any metadata
}

type counts struct{ captured, spoiled int64 }

func newCameras(dir string) []*camera {
	cameras := []*camera{
		{id: "aisle-1", every: 400 * time.Millisecond, write: writeAndRename, model: "ShelfCam 4"},
		{id: "aisle-2", every: 700 * time.Millisecond, write: writeSlowly, model: "ShelfCam 4"},
		{id: "freezer", every: 1100 * time.Millisecond, write: writeAtOnce, spoil: 7, model: "IceCam"},
	}
	for i, c := range cameras {
		c.dir, c.scene = filepath.Join(dir, c.id), newScene(uint64(i))
	}
	return cameras
}

func names(cameras []*camera) string {
	var all []string
	for _, c := range cameras {
		all = append(all, fmt.Sprintf("%s (every %s)", c.id, c.every))
	}
	return strings.Join(all, ", ")
}

// run takes pictures until ctx ends.
func (c *camera) run(ctx context.Context) error {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for n := 1; ; n++ {
		if err := c.shoot(n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *camera) shoot(n int) error {
	picture, err := c.scene.next()
	if err != nil {
		return err
	}
	taken := time.Now()
	file := withEXIF(picture, exif{make: "Demo", model: c.model, taken: taken, latitude: 52.52, longitude: 13.405})
	name := filepath.Join(c.dir, fmt.Sprintf("IMG_%05d.JPG", n))
	spoiled := c.spoil > 0 && n%c.spoil == 0
	if spoiled {
		file = file[:len(file)/2+rand.IntN(len(file)/4)] //nolint:gosec // a place to cut, not a secret
	}
	if err := c.write(name, file); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if spoiled {
		c.tally.spoiled++
		return nil
	}
	digest := sha256.Sum256(picture)
	c.tally.captured++
	c.drawn = append(c.drawn, hex.EncodeToString(digest[:]))
	return nil
}

func (c *camera) counts() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tally
}

func (c *camera) digests() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.drawn)
}

// The manners in which cameras write: under another name first, in pieces, or all at once.

func writeAndRename(path string, data []byte) error {
	if err := os.WriteFile(path+".part", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

func writeSlowly(path string, data []byte) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	for piece := range slices.Chunk(data, len(data)/5+1) {
		if _, err := file.Write(piece); err != nil {
			_ = file.Close()
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return file.Close()
}

func writeAtOnce(path string, data []byte) error {
	return os.WriteFile(path, data, 0o644)
}
