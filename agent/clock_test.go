package agent

import (
	"testing"

	"shelfagent/agent/frame"
)

func TestClockTrustTravelsWithTheFrame(t *testing.T) {
	seconds := func(s float64) *float64 { return &s }
	for _, tc := range []struct {
		offset *float64
		want   string
	}{
		{nil, "unknown"}, {seconds(0), "ok"}, {seconds(-59), "ok"}, {seconds(61), "off"}, {seconds(-86400), "off"},
	} {
		if got := metadata(&frame.Frame{}, sight{}, "test", clockTrust(tc.offset))["clock"]; got != tc.want {
			t.Errorf("%v: %q, want %q", tc.offset, got, tc.want)
		}
	}
}
