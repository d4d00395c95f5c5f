package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// line is what lies between the agent and its cloud: one proxy before each server, which can be made bad.
type line struct {
	t           testing.TB
	backend, s3 *toxiproxy.Proxy
}

// between stands before both servers until the test ends.
func (l *line) between(backend, s3 string) (string, string) {
	l.t.Helper()
	l.backend = newProxy(l.t, "backend", "127.0.0.1:0", backend)
	l.s3 = newProxy(l.t, "s3", "127.0.0.1:0", s3)
	return l.backend.Listen, l.s3.Listen
}

func newProxy(t testing.TB, name, at, to string) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), name, at, to)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// toxic is one way in which a line can be bad, on the way up or down.
type toxic struct{ kind, stream, attributes string }

func (x toxic) String() string {
	return fmt.Sprintf(`{"type": %q, "stream": %q, "attributes": {%s}}`, x.kind, x.stream, x.attributes)
}

// poison makes proxies bad, connections that exist included.
func (l *line) poison(toxics []toxic, proxies ...*toxiproxy.Proxy) {
	l.t.Helper()
	for _, p := range proxies {
		poison(l.t, p, toxics)
	}
}

func poison(t testing.TB, p *toxiproxy.Proxy, toxics []toxic) {
	t.Helper()
	for _, x := range toxics {
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(x.String())); err != nil {
			t.Fatalf("%s: %v", x, err)
		}
	}
}

// hangUp ends the connections that exist: a blackhole that closes takes them with it.
func hangUp(t testing.TB, p *toxiproxy.Proxy) {
	t.Helper()
	poison(t, p, blackhole)
	p.Toxics.ResetToxics(context.Background())
}

// cure makes the line good again.
func (l *line) cure() {
	for _, p := range []*toxiproxy.Proxy{l.backend, l.s3} {
		p.Toxics.ResetToxics(context.Background())
	}
}

// The bad lines. Amounts are such that a test frame, of about 8 kB, suffers from each.
var (
	slowLine = []toxic{
		{"latency", "upstream", `"latency": 150, "jitter": 100`}, {"latency", "downstream", `"latency": 150, "jitter": 100`},
	}
	slowClose = []toxic{{"slow_close", "upstream", `"delay": 3000`}, {"slow_close", "downstream", `"delay": 3000`}}
	thinLine  = []toxic{{"bandwidth", "upstream", `"rate": 8`}, {"bandwidth", "downstream", `"rate": 8`}} // 64 kbit/s
	cutEarly  = []toxic{{"limit_data", "upstream", `"bytes": 500`}}                                       // within the handshake, or the request
	cutLate   = []toxic{{"limit_data", "upstream", `"bytes": 6000`}}                                      // within a frame
	cutAnswer = []toxic{{"limit_data", "downstream", `"bytes": 200`}}                                     // S3 may hold the frame: nobody hears of it
	resets    = []toxic{{"reset_peer", "upstream", `"timeout": 0`}}
	blackhole = []toxic{{"timeout", "upstream", `"timeout": 0`}, {"timeout", "downstream", `"timeout": 0`}}
)
