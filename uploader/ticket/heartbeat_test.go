package ticket

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestHeartbeatOnTheWire: the names are a contract with backends that others write.
func TestHeartbeatOnTheWire(t *testing.T) {
	at := time.Date(2026, 11, 22, 1, 18, 3, 0, time.UTC)
	for want, beat := range map[string]Heartbeat{
		`{"at":"2026-11-22T01:18:03Z","version":"1.4.0","started":"2026-11-22T01:18:03Z","verdict":"down",` +
			`"queue":{"waiting":1,"parked":2,"delivered":3,"bytes":4,"max_bytes":5,"oldest":"2026-11-22T01:18:03Z"},` +
			`"disk":{"free":6,"total":7},"link":{"up":true,"paused":true,"bytes_per_second":8,"last_delivered":"2026-11-22T01:18:03Z",` +
			`"certificate_expires":"2026-11-22T01:18:03Z"},` +
			`"cameras":[{"camera":"cam-3","last_frame":"2026-11-22T01:18:03Z","admitted":9,"rejected":10,"waiting":11,"parked":12}],` +
			`"conditions":[{"code":"camera_dark","severity":"warning","subject":"cam-3","since":"2026-11-22T01:18:03Z"}]}`: {
			At: at, Version: "1.4.0", Started: at, Verdict: "down",
			Queue: HeartbeatQueue{1, 2, 3, 4, 5, at}, Disk: HeartbeatDisk{6, 7}, Link: HeartbeatLink{true, true, 8, at, at},
			Cameras:    []HeartbeatCamera{{"cam-3", at, 9, 10, 11, 12}},
			Conditions: []HeartbeatCondition{{"camera_dark", "warning", "cam-3", at}},
		},
		`{"at":"2026-11-22T01:18:03Z","version":"","started":"2026-11-22T01:18:03Z","verdict":"healthy",` +
			`"queue":{"waiting":0,"parked":0,"delivered":0,"bytes":0,"max_bytes":0},"disk":{"free":0,"total":0},` +
			`"link":{"up":false,"bytes_per_second":0},"cameras":[],"conditions":[]}`: {At: at, Started: at, Verdict: "healthy"},
	} {
		raw, err := json.Marshal(beat.Bounded())
		if err != nil {
			t.Fatal(err)
		}
		if string(raw) != want {
			t.Errorf("got  %s\nwant %s", raw, want)
		}
	}
}

// TestHeartbeatIsBounded: whatever folders are called, and however many there are.
func TestHeartbeatIsBounded(t *testing.T) {
	var beat Heartbeat
	for _, letters := range []string{"<\x00\xff", "\x00", "c", "ü", "\"", "\u2028", "📷"} {
		beat = hugeHeartbeat(strings.Repeat(letters, 5000)).Bounded()
		raw, err := json.Marshal(beat)
		t.Logf("%q: %d bytes", letters, len(raw))
		if err != nil || len(raw) > MaxHeartbeatBytes {
			t.Errorf("%q: %d bytes, %v", letters, len(raw), err)
		}
		if !utf8.ValidString(beat.Version) || len(beat.Version) < 10 {
			t.Errorf("%q became %q", letters, beat.Version)
		}
	}
	name := strings.Repeat("c", 5000)
	huge := hugeHeartbeat(name)
	huge.Conditions[0].Code = "worst"
	beat = huge.Bounded()
	if id := name[:63]; (Heartbeat{Version: id}).Bounded().Version != id {
		t.Error("an id was cut")
	}
	if len(beat.Cameras) != 100 || len(beat.Conditions) != 100 || beat.LeftOut != 19_800 || beat.Conditions[0].Code != "worst" {
		t.Errorf("%d cameras, %d conditions, %d left out, first %.20q", len(beat.Cameras), len(beat.Conditions), beat.LeftOut, beat.Conditions[0].Code)
	}
	if len(huge.Cameras[0].Camera) != len(name) {
		t.Error("the original was cut")
	}
}

// hugeHeartbeat has the longest of everything.
func hugeHeartbeat(name string) Heartbeat {
	const least = math.MinInt64
	at := time.Date(2026, 11, 22, 1, 18, 3, 123456789, time.FixedZone("", 5*3600+1800))
	huge := Heartbeat{
		At: at, Version: name, Started: at, Verdict: name,
		Queue: HeartbeatQueue{least, least, least, least, least, at}, Disk: HeartbeatDisk{least, least},
		Link: HeartbeatLink{true, true, -math.MaxFloat64 / 3, at, at},
	}
	for range 10_000 {
		huge.Cameras = append(huge.Cameras, HeartbeatCamera{name, at, least, least, least, least})
		huge.Conditions = append(huge.Conditions, HeartbeatCondition{name, name, name, at})
	}
	return huge
}

func TestReadHeartbeatAnswer(t *testing.T) {
	want := time.Date(2026, 11, 22, 1, 18, 3, 123e6, time.UTC)
	if got, err := ReadHeartbeatAnswer(strings.NewReader(`{"time":"2026-11-22T01:18:03.123Z","later":1}`)); err != nil || !got.Time.Equal(want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, body := range []string{
		``, `{}`, `null`, `<html>`, `{"time":"soon"}`, `{"time":0}`, `{"time":"0001-01-01T00:00:00Z"}`,
		`{"time":"2026-11-22T01:18:03.123Z"}` + strings.Repeat(" ", maxHeartbeatAnswer),
	} {
		if _, err := ReadHeartbeatAnswer(strings.NewReader(body)); !errors.Is(err, ErrResponse) {
			t.Errorf("%.40q: %v", body, err)
		}
	}
}
