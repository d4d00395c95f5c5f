package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"

	"shelfagent/agent/status"
	"shelfagent/uploader/backend/s3test"
)

// badLine is a story of a line that is bad for a while. Where says is empty, frames go through all the same.
type badLine struct {
	name   string
	toxics []toxic
	says   []string // one of these ends the reason that status gives
	only   string   // "": before S3, before the backend, and before both
}

var badLines = []badLine{
	// The slowest to be noticed first. No transfer is given up before upload.stall, no request for tickets before a
	// minute, and no TLS handshake before half of one. A server that gives up before is heard through the hole.
	{name: "blackhole", toxics: blackhole, says: []string{": the transfer stopped moving", ": no answer in time", wasCut}},
	{name: "64 kbit a second", toxics: thinLine},
	{name: "latency and jitter", toxics: slowLine},
	{name: "slow close", toxics: slowClose},
	{name: "cut in the request", toxics: cutEarly, says: []string{wasCut}},
	{name: "cut in the frame", toxics: cutLate, says: []string{wasCut}, only: "s3"},
	{name: "cut in the answer", toxics: cutAnswer, says: []string{wasCut}},
	{name: "reset", toxics: resets, says: []string{wasCut}},
}

const wasCut = ": the connection was cut"

// TestP2P3P8_BadLine makes the line bad in every way, before S3, before the backend, and before both. While it is,
// status says so and why; afterwards all is in the bucket, once.
func TestP2P3P8_BadLine(t *testing.T) {
	server := s3test.Start(t)
	var rows sync.WaitGroup
	for i, bad := range badLines {
		for _, where := range []string{"s3", "backend", "both"} {
			if bad.only != "" && bad.only != where {
				continue
			}
			// Not by t.Parallel: they wait more than they work, so that more of them than processors run at once.
			rows.Go(func() {
				t.Run(bad.name+"/"+where, func(t *testing.T) { bad.happen(t, server, fmt.Sprintf("%s-%d", where, i), where) })
			})
		}
	}
	rows.Wait()
}

const recovery = 90 * time.Second // the longest pause between two probes is a minute

func (bad badLine) happen(t *testing.T, server *s3test.Server, bucket, where string) {
	l := &line{t: t}
	r := newRig(t, plan{s3: server, bucket: bucket, way: l.between, agent: map[string]string{"stall": `"10s"`}})
	proxies := map[string][]*toxiproxy.Proxy{"s3": {l.s3}, "backend": {l.backend}, "both": {l.backend, l.s3}}[where]
	r.startBackend()
	r.startAgent()
	frames := newShop(r.path("capture"))
	frames.shootSome(t, 2)
	r.await("the line is good", recovery, allDelivered(2))

	l.poison(bad.toxics, proxies...)
	frames.shootSome(t, 3)
	if bad.says == nil {
		s := r.await("frames get through", recovery, allDelivered(5))
		if !s.Link.Up || s.Verdict != status.Healthy {
			t.Errorf("on a slow line: %+v", s)
		}
	} else {
		code := map[string]string{"s3": "s3_unreachable", "backend": "backend_unreachable", "both": "backend_unreachable"}[where]
		r.await("the agent notices", recovery, reads(code, ""))
		r.says(code, bad.reasons(where)...)
	}

	l.cure()
	frames.shootSome(t, 1)
	r.await("everything is delivered", recovery, allDelivered(6))
	r.isWell()
	r.agent.stop()
	r.backend.stop()
	r.bucketHolds(frames)
	r.nothingIsLeft(6)
	r.noSignatureInLogs()
}

// reasons are what status may say, and of whom.
func (bad badLine) reasons(where string) []string {
	var reasons []string
	for _, why := range bad.says {
		if where == "s3" {
			reasons = append(reasons, "S3"+why)
		}
		if where != "s3" {
			reasons = append(reasons, "the backend"+why)
		}
	}
	return reasons
}

// says asks as a technician does, by `shelf-agent status`, and wants that condition with one of the details.
func (r *rig) says(code string, details ...string) {
	t := r.t
	t.Helper()
	s, err := r.ask()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Conditions, func(c status.Condition) bool { return c.Code == code })
	if i < 0 || s.Verdict != status.Down {
		t.Fatalf("status does not say %s: %+v", code, s)
	}
	if detail := s.Conditions[i].Detail; !slices.ContainsFunc(details, func(d string) bool { return strings.Contains(detail, d) }) {
		t.Errorf("the reason is %q, want one of %q", detail, details)
	}
}

// reads: that condition is there, with that in its detail.
func reads(code, detail string) func(status.Snapshot) bool {
	return func(s status.Snapshot) bool {
		return slices.ContainsFunc(s.Conditions, func(c status.Condition) bool {
			return c.Code == code && strings.Contains(c.Detail, detail)
		})
	}
}

// isWell: status has nothing to complain of.
func (r *rig) isWell() {
	r.t.Helper()
	if s, err := r.ask(); err != nil || s.Verdict != status.Healthy || len(s.Conditions) != 0 || !s.Link.Up {
		r.t.Errorf("afterwards: %+v, %v", s, err)
	}
}

// shootSome takes frames with one camera, and goes on counting where the last call ended.
func (s *shop) shootSome(t testing.TB, n int) {
	t.Helper()
	for range n {
		if err := s.shoot("cam-1", s.total(), true); err != nil {
			t.Fatal(err)
		}
	}
}
