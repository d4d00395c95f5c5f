package config

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/frame"
)

// The words of output.
const (
	outputSame = "same"
	outputJPEG = "jpeg"
)

// FrameRules are what becomes of a frame, camera by camera.
type FrameRules struct {
	// Location is for capture times that name no offset.
	Location *time.Location
	// Others are the rules of a camera that is not in Cameras.
	Others  CameraRules
	Cameras map[string]CameraRules
}

// CameraRules are what becomes of the frames of one camera.
type CameraRules struct {
	Options    frame.Options
	Thresholds frame.Thresholds
	// After is how many frames in a row must have a fault before it is the camera's, and none before it is over. Below 1
	// means 1.
	After int
}

// Of returns the rules of a camera.
func (r FrameRules) Of(camera string) CameraRules {
	if rules, ok := r.Cameras[camera]; ok {
		return rules
	}
	return r.Others
}

// FrameRules translates [frame] and [camera].
func (c *Config) FrameRules() (FrameRules, error) {
	location, err := time.LoadLocation(c.Frame.Timezone)
	if err != nil {
		return FrameRules{}, fmt.Errorf("frame.timezone: %w", err)
	}
	rules := FrameRules{Location: location, Others: c.Frame.rules(), Cameras: map[string]CameraRules{}}
	for id, camera := range c.Camera {
		if rules.Cameras[id], err = camera.rules(c.Frame); err != nil {
			return FrameRules{}, fmt.Errorf("camera.%s: %w", id, err)
		}
	}
	return rules, nil
}

func (f Frame) rules() CameraRules {
	formats := make([]frame.Format, len(f.Formats))
	for i, name := range f.Formats {
		formats[i] = frame.Format(name)
	}
	rules := CameraRules{
		Options: frame.Options{
			Formats: formats, MaxBytes: int64(f.MaxBytes), MaxPixels: f.MaxPixels, MaxMemory: int64(f.MaxMemory),
			MinWidth: f.MinWidth, MinHeight: f.MinHeight, LongestEdge: f.LongestEdge, Quality: f.Quality,
		},
		Thresholds: frame.Thresholds{
			Dark: f.Judge.Dark, BlownOut: f.Judge.BlownOut, Blurred: f.Judge.Blurred, Frozen: f.Judge.Frozen,
		},
		After: f.Judge.After,
	}
	if f.Output == outputJPEG {
		rules.Options.Output = frame.JPEG
	}
	return rules
}

func (c Camera) rules(all Frame) (CameraRules, error) {
	rules := c.over(all).rules()
	for i, m := range c.Masks {
		mask, err := m.mask()
		if err != nil {
			return CameraRules{}, fmt.Errorf("masks[%d]: %w", i, err)
		}
		rules.Options.Masks = append(rules.Options.Masks, mask)
	}
	return rules, nil
}

// over is what is set for all cameras, with what is set for this one in its place.
func (c Camera) over(all Frame) Frame {
	override(&all.LongestEdge, c.LongestEdge)
	override(&all.Quality, c.Quality)
	override(&all.Output, c.Output)
	override(&all.Judge.Dark, c.Judge.Dark)
	override(&all.Judge.BlownOut, c.Judge.BlownOut)
	override(&all.Judge.Blurred, c.Judge.Blurred)
	override(&all.Judge.Frozen, c.Judge.Frozen)
	override(&all.Judge.After, c.Judge.After)
	return all
}

func override[T any](value, own *T) {
	if own != nil {
		*value = *own
	}
}

// mask translates what check has let through. An error here must not make a mask less.
func (m Mask) mask() (frame.Mask, error) {
	width, height, ok := parseShape(m.For)
	if !ok {
		return frame.Mask{}, fmt.Errorf("%q is no shape", m.For)
	}
	mask := frame.Mask{Width: width, Height: height}
	for _, corner := range m.Polygon {
		if len(corner) != 2 {
			return frame.Mask{}, fmt.Errorf("a corner of %d numbers", len(corner))
		}
		mask.Polygon = append(mask.Polygon, frame.Point{X: corner[0], Y: corner[1]})
	}
	return mask, nil
}

var shape = regexp.MustCompile(`^([0-9]{1,5})(?::|x)([0-9]{1,5})$`)

// parseShape reads "16:9" or "1920x1080".
func parseShape(s string) (width, height int, ok bool) {
	parts := shape.FindStringSubmatch(s)
	if parts == nil {
		return 0, 0, false
	}
	width, _ = strconv.Atoi(parts[1]) // five digits are a number
	height, _ = strconv.Atoi(parts[2])
	return width, height, width > 0 && height > 0
}

// Strangers are the cameras of [camera] that no folder in the capture folder leads to now, sorted: perhaps a slip of the
// pen, whose masks then cover nothing. A capture folder that cannot be read tells nothing.
func (c *Config) Strangers() []string {
	entries, err := os.ReadDir(c.Capture.Dir)
	if err != nil {
		return nil
	}
	known := map[string]bool{capture.DefaultCamera: true}
	for _, e := range entries {
		if e.IsDir() {
			known[capture.CameraOf(e.Name(), c.Capture.Folders)] = true
		}
	}
	var strangers []string
	for _, id := range slices.Sorted(maps.Keys(c.Camera)) {
		if !known[id] {
			strangers = append(strangers, id)
		}
	}
	return strangers
}
