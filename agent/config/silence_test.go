package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSilenceOfOneCamera(t *testing.T) {
	config, err := Parse("config.toml", []byte(minimal+`
[silence]
after = "30m"
hours = [{ from = "07:00", to = "21:00" }]
[camera.door]
silence.after = "0s"
[camera.night]
silence.hours = [{ from = "20:00", to = "06:00", days = ["fri"] }]
[camera.till]
quality = 80
`))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := config.SilenceRules()
	if err != nil {
		t.Fatal(err)
	}
	all := []Hours{{From: 420, To: 1260}}
	for camera, want := range map[string]SilenceRule{
		"door":  {Hours: all},
		"night": {After: 30 * time.Minute, Hours: []Hours{{From: 1200, To: 360, Days: []Day{Day(time.Friday)}}}},
		"till":  {After: 30 * time.Minute, Hours: all},
		"aisle": {After: 30 * time.Minute, Hours: all},
	} {
		if got := rules.Of(camera); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", camera, got, want)
		}
	}
}

func TestMistakesInSilence(t *testing.T) {
	for text, want := range map[string]string{
		`silence.after = "10s"`:                                         `silence.after: 10s is not between 1m0s and 744h0m0s`,
		`silence.timezone = "Berlin"`:                                   `silence.timezone: "Berlin" is not a time zone`,
		`silence.hours = [{ from = "07:00" }]`:                          `to is needed: hours are as in from = "07:00", to = "21:00"`,
		`silence.hours = [{ from = "07:00", to = "07:00" }]`:            `it ends when it begins; a whole day is from "00:00" to "24:00"`,
		`silence.hours = [{ from = "7", to = "21:00" }]`:                `"7" is not a time of day`,
		`camera.a.silence.hours = [{ from="0:00", to="1:00", days=[]}]`: `names no day; without this line the hours are those of every day`,
		`camera.a.silence.after = "-1h"`:                                `after`,
		`camera.a.silence.hour = []`:                                    `did you mean`,
	} {
		_, err := Parse("config.toml", []byte(strings.Replace(minimal, "[capture]", text+"\n[capture]", 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
