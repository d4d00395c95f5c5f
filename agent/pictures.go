package agent

import (
	"bytes"
	"image"
	"image/jpeg"
	"sync"
	"time"

	"shelfagent/agent/frame"
)

// What the page shows of a camera.
const (
	pictureEdge    = 320 // pixels of the longer side
	pictureQuality = 70
	maxPictures    = 64 // cameras; some 70 KiB each
)

// pictures are the newest frames of the cameras, small and grey, for the status page. They are made of what is uploaded, so
// they show nothing that a mask hides; they are in memory only, and are gone with the process.
type pictures struct {
	mu      sync.Mutex
	cameras map[string]*shot
	kept    uint64 // counts keeps
}

// shot is the last frame of a camera that was taken in.
type shot struct {
	small *image.Gray
	taken time.Time
	order uint64
	jpeg  []byte // of small; made when somebody looks
}

func newPictures() *pictures { return &pictures{cameras: map[string]*shot{}} }

// keep remembers a frame that is in the queue. A nil *pictures keeps none.
func (p *pictures) keep(camera string, f *frame.Frame) {
	if p == nil {
		return
	}
	small := frame.Thumbnail(f, pictureEdge)
	if small == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept++
	p.cameras[camera] = &shot{small: small, taken: f.CapturedAt, order: p.kept}
	if len(p.cameras) > maxPictures {
		p.forgetOldest()
	}
}

// forget drops all pictures; the next frames bring new ones.
func (p *pictures) forget() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.cameras)
}

func (p *pictures) forgetOldest() {
	oldest, order := "", p.kept+1
	for camera, s := range p.cameras {
		if s.order < order {
			oldest, order = camera, s.order
		}
	}
	delete(p.cameras, oldest)
}

// taken is when the picture of a camera was taken; zero when there is none.
func (p *pictures) taken(camera string) time.Time {
	if p == nil {
		return time.Time{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.cameras[camera]; s != nil {
		return s.taken
	}
	return time.Time{}
}

// jpeg is the picture of a camera; nil when there is none.
func (p *pictures) jpeg(camera string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.cameras[camera]
	if s == nil {
		return nil
	}
	if s.jpeg == nil {
		var out bytes.Buffer
		if err := jpeg.Encode(&out, s.small, &jpeg.Options{Quality: pictureQuality}); err != nil {
			return nil
		}
		s.jpeg = out.Bytes()
	}
	return s.jpeg
}
