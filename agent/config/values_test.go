package config

import (
	"reflect"
	"strings"
	"testing"

	"shelfagent/agent/config/strict"
)

const everything = minimal + `rate = "256 KiB"
[[upload.window]]
from = "22:00"
to = "6:00"
days = ["mon", "sun"]
rate = "pause"
[[upload.window]]
from = "12:00"
to = "13:00"
rate = "1 MB"
[capture.folders]
"Left Aisle" = "left-aisle"
"quo\"te \\" = "q"
[camera.till]
quality = 80
judge.dark = 0
[[camera.till.masks]]
for = "16:9"
polygon = [[0, 0], [0.5, 0], [0.5, 1]]
[camera."aisle.2"]
output = "jpeg"
`

// TestValuesAreAFileAgain: what is shown can be read, and is the same configuration.
func TestValuesAreAFileAgain(t *testing.T) {
	for _, file := range []string{minimal, everything} {
		want, err := Parse("config.toml", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		var shown strings.Builder
		for _, v := range want.Values() {
			shown.WriteString(v.Written + " = " + v.Text + " # " + v.From + "\n")
		}
		got, err := Parse("shown.toml", []byte(shown.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, shown.String())
		}
		got.source, want.source = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// TestEachValueSaysWhereItIsFrom: the file with its line, the environment, or nobody.
func TestEachValueSaysWhereItIsFrom(t *testing.T) {
	config, err := ParseWith("config.toml", []byte(everything), []string{"SHELF_AGENT_UPLOAD_STALL=2m"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"capture.dir": `"/srv/cameras" config.toml:3`, "upload.rate": `"256 KiB" config.toml:8`,
		"upload.stall": `"2m" environment variable SHELF_AGENT_UPLOAD_STALL`, "upload.concurrency": `16 default`,
		"capture.rejected_max_age": `"30d" default`, "frame.max_bytes": `"32 MiB" default`, "capture.settle": `"1s" default`,
		"upload.window": `[{ from = "22:00", to = "06:00", days = ["mon", "sun"], rate = "pause" }, ` +
			`{ from = "12:00", to = "13:00", rate = "1000000" }] config.toml:9`,
		"capture.folders.Left Aisle": `"left-aisle" config.toml:19`, "camera.till.judge.dark": `0 config.toml:23`,
		"camera.till.masks": `[{ for = "16:9", polygon = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0]] }] config.toml:24`,
	}
	for _, v := range config.Values() {
		if w, ok := want[v.Key]; ok && v.Text+" "+v.From != w {
			t.Errorf("%s: got %s %s\nwant %s", v.Key, v.Text, v.From, w)
		}
		delete(want, v.Key)
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
}

// TestEverySettableKeyIsShown, so that nobody has to know what there could be.
func TestEverySettableKeyIsShown(t *testing.T) {
	shown := map[string]bool{}
	for _, v := range strict.Values(Default()) {
		shown[v.Key] = true
	}
	for _, key := range strict.Settable(Config{}) {
		if !shown[key] {
			t.Errorf("%s is not shown", key)
		}
	}
}
