package backend

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"shelfagent/uploader/ticket"
)

// rigNumbered is one of many.
func rigNumbered(n int) ticket.Identity {
	return ticket.Identity{TrustDomain: "shelf.test", Store: fmt.Sprintf("store-%d", n), Rig: "left"}
}

func (f *fleet) told(t *testing.T, n int, body string) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatal(err)
	}
	f.hear(rigNumbered(n), members)
}

// TestHeartbeatsShowAsRigs: over the wire, in each home, what a rig says of itself is counted, and who it is is not told.
func TestHeartbeatsShowAsRigs(t *testing.T) {
	inEachHome(t, func(t *testing.T, newSite opener) {
		o := testOptions()
		now := time.Now()
		o.Now = func() time.Time { return now }
		s := newSite(t, o)
		body, err := json.Marshal(ticket.Heartbeat{Verdict: "down", Conditions: []ticket.HeartbeatCondition{
			{Code: "link_down", Severity: "critical"}, {Code: "camera_dark", Subject: "cam-3"}, {Code: "camera_dark", Subject: "cam-4"},
		}}.Bounded())
		if err != nil {
			t.Fatal(err)
		}
		s.post(t, ticket.HeartbeatPath, body)
		text := scrape(t, s.Backend)
		for _, line := range []string{
			`shelf_backend_rigs{verdict="down"} 1`, `shelf_backend_rigs{verdict="healthy"} 0`, "shelf_backend_rigs_silent 0",
			`shelf_backend_rigs_by_condition{code="link_down"} 1`, `shelf_backend_rigs_by_condition{code="camera_dark"} 1`,
			"shelf_backend_heartbeats_unremembered_total 0",
		} {
			wantMetric(t, text, line)
		}
		if strings.Contains(text, "cam-3") {
			t.Error("a camera's name is in the metrics")
		}
	})
}

// TestAHeartbeatIsTheLastWord: what was said before is over, and silence is seen as such.
func TestAHeartbeatIsTheLastWord(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f := newFleet(func() time.Time { return now })
	f.told(t, 1, `{"verdict":"down","conditions":[{"code":"link_down"}]}`)
	f.told(t, 2, `{"verdict":"healthy","conditions":[]}`)
	f.told(t, 3, `{"verdict":7,"conditions":"none"}`)
	want := func(story, rigs, conditions string, silent int) {
		t.Helper()
		r, c, s, _ := f.count()
		if fmt.Sprint(r) != rigs || fmt.Sprint(c) != conditions || s != silent {
			t.Errorf("%s: %v, %v, %d silent; want %s, %s, %d", story, r, c, s, rigs, conditions, silent)
		}
	}
	want("three rigs", "map[down:1 healthy:1 unknown:1]", "map[link_down:1]", 0)
	now = now.Add(8 * time.Minute)
	f.told(t, 1, `{"verdict":"healthy","conditions":[]}`)
	want("the link is back", "map[healthy:2 unknown:1]", "map[link_down:0]", 0)
	now = now.Add(8 * time.Minute)
	want("two are silent", "map[healthy:1]", "map[link_down:0]", 2)
	now = now.Add(7 * 24 * time.Hour)
	want("all are forgotten but the last", "map[]", "map[link_down:0]", 0)
}

// TestOneHeartbeatIsBounded: a rig that has more conditions than there are takes the labels of so many, and no more.
func TestOneHeartbeatIsBounded(t *testing.T) {
	f := newFleet(time.Now)
	var many []string
	for n := range 2 * maxRigCodes {
		many = append(many, fmt.Sprintf(`{"code":"made_up_%d"}`, n))
	}
	f.told(t, 1, `{"conditions":[`+strings.Join(many, ",")+`]}`)
	_, conditions, _, _ := f.count()
	if len(conditions) != maxRigCodes || conditions["made_up_0"] != 1 {
		t.Errorf("%d labels: %v", len(conditions), conditions)
	}
}

// TestTheFleetIsBounded: whatever rigs send, and however many there are.
func TestTheFleetIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f := newFleet(func() time.Time { return now })
	f.told(t, 0, `{"conditions":[{"code":"link_down"}]}`)
	for _, code := range []string{`Link_Down`, `link down`, `<b>`, ``, `link__down`, strings.Repeat("a", 41), `é`} {
		quoted, _ := json.Marshal(code)
		f.told(t, 1, `{"conditions":[{"code":`+string(quoted)+`}]}`)
		if _, conditions, _, _ := f.count(); fmt.Sprint(conditions) != "map[link_down:1 other:1]" {
			t.Errorf("%q: %v", code, conditions)
		}
	}
	for n := range 10 * maxCodes {
		f.told(t, 1, fmt.Sprintf(`{"conditions":[{"code":"made_up_%d"}]}`, n))
	}
	f.told(t, 1, `{"conditions":[{"code":"link_down"}]}`)
	_, conditions, _, _ := f.count()
	if len(conditions) > maxCodes+1 || conditions["link_down"] != 2 {
		t.Errorf("%d labels, link_down %d", len(conditions), conditions["link_down"])
	}
	for n := range maxRigs + 10 {
		f.hear(rigNumbered(n), nil)
	}
	if rigs, _, _, full := f.count(); rigs["unknown"] != maxRigs || full != 10 {
		t.Errorf("%v rigs, %v without room", rigs, full)
	}
	f.told(t, 0, `{"verdict":"down"}`)
	if rigs, _, _, full := f.count(); rigs["down"] != 1 || full != 10 {
		t.Errorf("one that is known finds no room: %v, %v", rigs, full)
	}
	now = now.Add(forgotten + time.Second)
	f.told(t, maxRigs+5, `{"verdict":"down"}`)
	if rigs, _, _, full := f.count(); rigs["down"] != 1 || full != 10 {
		t.Errorf("the forgotten leave no room: %v, %v", rigs, full)
	}
}
