package config

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/frame"
)

func TestFrameRules(t *testing.T) {
	config, err := Parse("config.toml", []byte(minimal+`
[frame]
timezone = "UTC"
max_bytes = "1 MiB"
formats = ["jpeg"]
longest_edge = 1600
output = "jpeg"
judge.dark = 30
[camera.till]
longest_edge = 0
quality = 80
output = "same"
judge.frozen = 0
judge.after = 2
[[camera.till.masks]]
for = "16:9"
polygon = [[0, 0], [0.5, 0], [0.5, 1]]
[[camera.till.masks]]
for = "1920x1088"
polygon = [[1, 1], [0.5, 1.0], [1, 0.25]]
[camera."aisle.2"]
masks = [{ for = "3:4", polygon = [[0, 0], [1, 0], [0, 1]] }]
`))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := config.FrameRules()
	if err != nil {
		t.Fatal(err)
	}
	others := CameraRules{
		Options: frame.Options{
			Formats: []frame.Format{frame.JPEG}, MaxBytes: 1 << 20, MaxPixels: frame.DefaultMaxPixels, MaxMemory: frame.DefaultMaxMemory,
			MinWidth: 16, MinHeight: 16, LongestEdge: 1600, Output: frame.JPEG,
		},
		Thresholds: frame.Thresholds{Dark: 30, BlownOut: 235, Blurred: 20, Frozen: 100}, After: 5,
	}
	till := others
	till.Options.LongestEdge, till.Options.Quality, till.Options.Output = 0, 80, ""
	till.Thresholds.Frozen, till.After = 0, 2
	till.Options.Masks = []frame.Mask{
		{Polygon: []frame.Point{{X: 0, Y: 0}, {X: 0.5, Y: 0}, {X: 0.5, Y: 1}}, Width: 16, Height: 9},
		{Polygon: []frame.Point{{X: 1, Y: 1}, {X: 0.5, Y: 1}, {X: 1, Y: 0.25}}, Width: 1920, Height: 1088},
	}
	aisle := others
	aisle.Options.Masks = []frame.Mask{{Polygon: []frame.Point{{X: 0, Y: 0}, {X: 1, Y: 0}, {X: 0, Y: 1}}, Width: 3, Height: 4}}
	for camera, want := range map[string]CameraRules{"till": till, "aisle.2": aisle, "": others, "door": others} {
		if got := rules.Of(camera); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", camera, got, want)
		}
	}
	if rules.Location != time.UTC {
		t.Errorf("zone %v", rules.Location)
	}
}

// TestP5_NoMaskIsLost: what check would have refused is an error, not a camera without its mask.
func TestP5_NoMaskIsLost(t *testing.T) {
	good := [][]float64{{0, 0}, {1, 0}, {1, 1}}
	for _, m := range []Mask{{"", good}, {"16/9", good}, {"0:9", good}, {"16:9", [][]float64{{0, 0}, {1}, {1, 1}}}} {
		c := Default()
		c.Camera = map[string]Camera{"till": {Masks: []Mask{{"16:9", good}, m}}}
		if _, err := c.FrameRules(); err == nil {
			t.Errorf("%+v passes", m)
		}
	}
}

// cameraMistakes are read by TestMistakes in mistakes_test.go.
func cameraMistakes() []mistake {
	mask := func(words string) string { return minimal + "[[camera.till.masks]]\n" + words }
	const triangle = "polygon = [[0, 0], [1, 0], [1, 1]]\n"
	return []mistake{
		{"a camera in capital letters", minimal + "[camera.Till]\n", []string{
			`config.toml:8:2: camera.Till: "Till" is not a camera id: small letters, digits and . _ -, at most 63, beginning with a letter or digit; did you mean "till"?`,
		}},
		{"a mask without a shape", mask(triangle), []string{
			`config.toml:8:3: camera.till.masks[0]: for is needed: the shape of the picture that the mask was drawn on, as in "16:9" or "1920x1080"`,
		}},
		{"a shape that is none", mask("for = \"wide\"\n" + triangle), []string{
			`config.toml:9:1: camera.till.masks[0].for: "wide" is no shape of a picture; write it as in "16:9" or "1920x1080"`,
		}},
		{"no polygon", mask("for = \"16:9\"\n"), []string{
			`config.toml:8:3: camera.till.masks[0]: polygon is needed: the corners of what is to be hidden, as in [[0, 0], [0.3, 0], [0.3, 0.5]]`,
		}},
		{"two corners", mask("for = \"16:9\"\npolygon = [[0, 0], [1, 1]]\n"), []string{
			`config.toml:10:1: camera.till.masks[0].polygon: 2 corners; a polygon has at least three`,
		}},
		{"a corner of three numbers", mask("for = \"16:9\"\npolygon = [[0, 0], [1, 1, 1], [1, 0]]\n"), []string{
			`config.toml:10:1: camera.till.masks[0].polygon: corner 2 has 3 numbers; write two, from the left and from the top, as in [0.3, 0.5]`,
		}},
		{"pixels", mask("for = \"16:9\"\npolygon = [[0, 0], [640, 0], [640, 480]]\n"), []string{
			`config.toml:10:1: camera.till.masks[0].polygon: corner 2, [640, 0], is outside the picture; corners are parts of its width and height, from 0 to 1, not pixels`,
		}},
		{"no number", mask("for = \"16:9\"\npolygon = [[0, 0], [nan, 0], [1, 1]]\n"), []string{
			`config.toml:10:1: camera.till.masks[0].polygon: corner 2, [NaN, 0], is outside the picture`,
		}},
		{"corners in the order of reading", mask("for = \"16:9\"\npolygon = [[0, 0], [1, 0], [0, 1], [1, 1]]\n"), []string{
			`config.toml:10:1: camera.till.masks[0].polygon: its edges cross: that from corner 2 and that from corner 4; list the corners in order around the polygon, or write two masks`,
		}},
		{"two shapes for one camera", mask("for = \"16:9\"\n" + triangle + "[[camera.till.masks]]\nfor = \"4:3\"\n" + triangle), []string{
			`config.toml:12:1: camera.till.masks[1].for: "4:3" is another shape than that of the camera's first mask, "16:9": one of them would hold back every frame`,
		}},
		{"a list of numbers", mask("for = \"16:9\"\npolygon = [0, 0, 1, 1]\n"), []string{
			`config.toml:10:12: camera.till.masks[0].polygon: want a list, each a number, not 0`,
			`config.toml:10:15: camera.till.masks[0].polygon: want a list`,
			`config.toml:10:18: camera.till.masks[0].polygon: want a list`,
			`config.toml:10:21: camera.till.masks[0].polygon: want a list`,
		}},
		{"a misspelt key", minimal + "[camera.till]\nmask = []\n", []string{
			`config.toml:9:1: camera.till.mask: there is no such key; did you mean "camera.till.masks"?`,
		}},
		{"the right key in the wrong table", minimal + "[camera.till]\ndark = 3\nmin_width = 3\n", []string{
			`config.toml:9:1: camera.till.dark: there is no such key; did you mean "camera.till.judge.dark"?`,
			`config.toml:10:1: camera.till.min_width: there is no such key; did you mean "frame.min_width"?`,
		}},
		{"an unknown output", minimal + "[camera.till]\noutput = \"webp\"\n[frame]\noutput = \"png\"\n", []string{
			`config.toml:9:1: camera.till.output: "webp" is not one of same, jpeg`,
			`config.toml:11:1: frame.output: "png" is not one of same, jpeg`,
		}},
		{"numbers out of bounds", minimal + "[camera.till]\nquality = 101\nlongest_edge = 3\njudge.after = 0\n[frame.judge]\ndark = 256\n", []string{
			`config.toml:9:1: camera.till.quality: 101 is not between 0 and 100`,
			`config.toml:10:1: camera.till.longest_edge: 3 is not between 16 and 65536`,
			`config.toml:11:1: camera.till.judge.after: 0 is not between 1 and 1000000`,
			`config.toml:13:1: frame.judge.dark: 256 is not between 0 and 255`,
			`config.toml:13:1: frame.judge.dark: 256 is above blown_out, 235: every picture would be one or the other`,
		}},
	}
}

func TestTooManyCorners(t *testing.T) {
	var corners []string
	for i := range maxCorners + 1 {
		at := 2 * math.Pi * float64(i) / (maxCorners + 1)
		corners = append(corners, fmt.Sprintf("[%.4f, %.4f]", 0.5+0.5*math.Cos(at), 0.5+0.5*math.Sin(at)))
	}
	_, err := Parse("config.toml", []byte(minimal+"[[camera.till.masks]]\nfor = \"1:1\"\npolygon = ["+strings.Join(corners, ", ")+"]\n"))
	if err == nil || !strings.Contains(err.Error(), "101 corners, at most 100") {
		t.Errorf("got %v", err)
	}
}

// Single brackets around the name of a list are one mask, or a mistake; never no mask.
func TestP5_SingleBracketsAreAMaskToo(t *testing.T) {
	config, err := Parse("config.toml", []byte(minimal+"[camera.till.masks]\nfor = \"1:1\"\npolygon = [[0, 0], [1, 0], [1, 1]]\n"))
	if err != nil {
		return
	}
	rules, err := config.FrameRules()
	if err != nil || len(rules.Of("till").Options.Masks) != 1 {
		t.Errorf("%v: %+v", err, rules.Of("till").Options.Masks)
	}
}

// A polygon may have bays; its edges do not cross.
func TestPolygonWithABay(t *testing.T) {
	_, err := Parse("config.toml", []byte(minimal+
		"[[camera.till.masks]]\nfor = \"16:9\"\npolygon = [[0, 0], [1, 0], [1, 1], [0.5, 0.2], [0, 1]]\n"))
	if err != nil {
		t.Error(err)
	}
}

// A camera that no folder leads to may be misspelt, and its masks cover nothing.
func TestStrangers(t *testing.T) {
	c := Default()
	c.Capture.Dir = t.TempDir()
	c.Capture.Folders = map[string]string{"Left Aisle": "left-aisle"}
	for _, folder := range []string{"Till", "Left Aisle"} {
		if err := os.Mkdir(filepath.Join(c.Capture.Dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c.Camera = map[string]Camera{"till": {}, "left-aisle": {}, "default": {}, "tlil": {}, "left_aisle": {}}
	if got := c.Strangers(); !slices.Equal(got, []string{"left_aisle", "tlil"}) {
		t.Errorf("got %v", got)
	}
	c.Capture.Dir = filepath.Join(c.Capture.Dir, "absent")
	if got := c.Strangers(); got != nil {
		t.Errorf("where nothing can be seen: %v", got)
	}
}
