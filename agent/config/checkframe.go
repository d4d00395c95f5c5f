package config

import (
	"fmt"
	"strings"
	"time"

	"shelfagent/agent/frame"
	"shelfagent/uploader/ticket"
)

// Limits of what a person draws. More is a program's mistake, and would cost time at each frame.
const (
	maxMasks   = 32
	maxCorners = 100
)

func (c *checker) frame(v Frame) {
	for _, format := range v.Formats {
		c.oneOf("frame.formats", format, Default().Frame.Formats...)
	}
	if len(v.Formats) == 0 {
		c.wrong("frame.formats", "no format is allowed, so every frame would be rejected")
	}
	c.between("frame.max_bytes", int64(v.MaxBytes), 1<<10, 1<<30)
	c.between("frame.max_pixels", v.MaxPixels, 1, frame.MostPixels)
	c.between("frame.max_memory", int64(v.MaxMemory), 16<<20, 4<<30)
	c.between("frame.min_width", int64(v.MinWidth), 1, 1<<16)
	c.between("frame.min_height", int64(v.MinHeight), 1, 1<<16)
	c.timezone("frame.timezone", v.Timezone)
	c.rework("frame", v)
}

func (c *checker) timezone(key, name string) {
	if _, err := time.LoadLocation(name); err != nil {
		c.wrong(key, "%q is not a time zone; write it as in \"Europe/Berlin\", or \"Local\"", name)
	}
}

// rework checks what can be set for all cameras and for one.
func (c *checker) rework(table string, v Frame) {
	if v.LongestEdge != 0 {
		c.between(table+".longest_edge", int64(v.LongestEdge), 16, 1<<16)
	}
	c.between(table+".quality", int64(v.Quality), 0, 100)
	c.oneOf(table+".output", v.Output, outputSame, outputJPEG)
	c.between(table+".judge.dark", int64(v.Judge.Dark), 0, 255)
	c.between(table+".judge.blown_out", int64(v.Judge.BlownOut), 0, 255)
	c.between(table+".judge.blurred", int64(v.Judge.Blurred), 0, 1_000_000)
	c.between(table+".judge.frozen", int64(v.Judge.Frozen), 0, 1_000_000)
	c.between(table+".judge.after", int64(v.Judge.After), 1, 1_000_000)
	if v.Judge.BlownOut != 0 && v.Judge.Dark > v.Judge.BlownOut {
		c.wrong(table+".judge.dark", "%d is above blown_out, %d: every picture would be one or the other", v.Judge.Dark, v.Judge.BlownOut)
	}
}

func (c *checker) cameras(cameras map[string]Camera) {
	for id, v := range cameras {
		table := "camera." + id
		if !ticket.ValidID(id) {
			message := "%q is not a camera id: small letters, digits and . _ -, at most 63, beginning with a letter or digit"
			if small := strings.ToLower(id); ticket.ValidID(small) {
				message += fmt.Sprintf("; did you mean %q?", small)
			}
			c.wrong(table, message, id)
		}
		// Only what the camera sets itself is checked here: what is wrong with the others is said once, in [frame].
		c.rework(table, v.over(Default().Frame))
		c.masks(table, v.Masks)
	}
}

func (c *checker) masks(table string, masks []Mask) {
	if len(masks) > maxMasks {
		c.wrong(table+".masks", "%d masks, at most %d", len(masks), maxMasks)
		return
	}
	for i, m := range masks {
		key := fmt.Sprintf("%s.masks[%d]", table, i)
		c.maskShape(key, m, masks[0])
		c.polygon(key, m.Polygon)
	}
}

func (c *checker) maskShape(key string, m, first Mask) {
	width, height, ok := parseShape(m.For)
	firstWidth, firstHeight, firstOK := parseShape(first.For)
	switch {
	case m.For == "":
		c.wrong(key, "for is needed: the shape of the picture that the mask was drawn on, as in \"16:9\" or \"1920x1080\"")
	case !ok:
		c.wrong(key+".for", "%q is no shape of a picture; write it as in \"16:9\" or \"1920x1080\"", m.For)
	case firstOK && abs(width*firstHeight-height*firstWidth)*100 > height*firstWidth:
		c.wrong(key+".for", "%q is another shape than that of the camera's first mask, %q: one of them would hold back every frame",
			m.For, first.For)
	}
}

func (c *checker) polygon(key string, corners [][]float64) {
	at := key + ".polygon"
	switch {
	case corners == nil:
		c.wrong(key, "polygon is needed: the corners of what is to be hidden, as in [[0, 0], [0.3, 0], [0.3, 0.5]]")
		return
	case len(corners) < 3:
		c.wrong(at, "%d corners; a polygon has at least three", len(corners))
		return
	case len(corners) > maxCorners:
		c.wrong(at, "%d corners, at most %d", len(corners), maxCorners)
		return
	}
	for i, p := range corners {
		if len(p) != 2 {
			c.wrong(at, "corner %d has %d numbers; write two, from the left and from the top, as in [0.3, 0.5]", i+1, len(p))
			return
		}
		if !(p[0] >= 0 && p[0] <= 1 && p[1] >= 0 && p[1] <= 1) {
			c.wrong(at, "corner %d, [%v, %v], is outside the picture; corners are parts of its width and height, from 0 to 1, not pixels",
				i+1, p[0], p[1])
			return
		}
	}
	if i, j, crossed := crossing(corners); crossed {
		c.wrong(at, "its edges cross: that from corner %d and that from corner %d; list the corners in order around the polygon, or write two masks",
			i+1, j+1)
	}
}

// crossing finds two edges that cross: such a polygon seldom covers what was meant.
func crossing(p [][]float64) (i, j int, found bool) {
	side := func(a, b, c []float64) float64 { return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0]) }
	for i := range p {
		for j := i + 2; j < len(p); j++ {
			a, b, c, d := p[i], p[(i+1)%len(p)], p[j], p[(j+1)%len(p)]
			if side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0 {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

func abs(n int) int { return max(n, -n) }
