package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"shelfagent/uploader/backend/s3test"
)

// lie is what DNS says, from some moment on, of a name that it knew well before.
type lie struct {
	name    string
	backend bool // of the backend's name, not of S3's
	answer  dnsAnswer
	code    string // the condition that status shows, and what its detail contains
	says    string
}

var lies = []lie{
	{name: "S3 is not known", answer: dnsAnswer{code: dnsmessage.RCodeNameError}, code: "s3_unreachable", says: "S3: the name frames-0.shop.test was not found by DNS"},
	{name: "DNS fails for S3", answer: dnsAnswer{code: dnsmessage.RCodeServerFailure}, code: "s3_unreachable", says: "S3: DNS gives no answer for the name frames-1.shop.test"},
	{name: "DNS is silent for S3", answer: dnsAnswer{silent: true}, code: "s3_unreachable", says: "S3: DNS gives no answer for the name frames-2.shop.test"},
	{name: "DNS fails for the backend", backend: true, answer: dnsAnswer{code: dnsmessage.RCodeServerFailure},
		code: "backend_unreachable", says: "the backend: DNS gives no answer for the name tickets-3.shop.test"},
	{name: "DNS is silent for the backend", backend: true, answer: dnsAnswer{silent: true},
		code: "backend_unreachable", says: "the backend: DNS gives no answer for the name tickets-4.shop.test"},
	{name: "S3 is this machine", answer: addrs("127.0.0.1"), code: "wrong_network", says: "S3: address 127.0.0.1 is not allowed"},
	{name: "S3 is this machine, by IPv6", answer: addrs("::1"), code: "wrong_network", says: "S3: address ::1 is not allowed"},
	{name: "S3 is nowhere", answer: addrs("0.0.0.0"), code: "wrong_network", says: "S3: address 0.0.0.0 is not allowed"},
	{name: "S3 is the metadata service", answer: addrs("169.254.169.254"), code: "wrong_network", says: "S3: address 169.254.169.254 is not allowed"},
	{name: "S3 is the metadata service, by IPv6", answer: addrs("fd00:ec2::254"), code: "wrong_network", says: "S3: address fd00:ec2::254 is not allowed"},
	{name: "S3 is public", answer: addrs("198.51.100.66"), code: "wrong_network", says: "S3: address 198.51.100.66 is not allowed"},
	{name: "S3 is a dead machine or the metadata service", answer: addrs(deadMachine, "169.254.169.254"), code: "wrong_network", says: "S3: address 169.254.169.254 is not allowed"},
	{name: "the backend is this machine", backend: true, answer: addrs("127.0.0.1"), code: "wrong_network", says: "the backend: address 127.0.0.1 is not allowed"},
	{name: "the backend is the metadata service", backend: true, answer: addrs("169.254.169.254"),
		code: "wrong_network", says: "the backend: address 169.254.169.254 is not allowed"},
}

const deadMachine = "10.20.30.200"

// TestP6P8_DNSLies: DNS fails, lies, or changes its mind between two connections. Nobody is spoken to but the backend and
// S3, status says what is wrong, and when DNS is right again all is delivered.
func TestP6P8_DNSLies(t *testing.T) {
	w := enterWorld(t)
	if w == nil {
		return
	}
	for _, at := range []string{"127.0.0.1:443", "[::1]:443", "169.254.169.254:443", "[fd00:ec2::254]:443", "198.51.100.66:443"} {
		newStranger(t, at)
	}
	allowed := []netip.AddrPort{resolverAddr, netip.MustParseAddrPort(deadMachine + ":443")}
	server := s3test.Start(t, "*.shop.test")
	var rows sync.WaitGroup
	for i, l := range lies {
		where := streets(i)
		allowed = append(allowed, netip.MustParseAddrPort(where.backendAt), netip.MustParseAddrPort(where.s3At))
		rows.Go(func() {
			t.Run(l.name, func(t *testing.T) { l.told(t, w, server, where) })
		})
	}
	rows.Wait()
	w.seen.only(t, allowed...)
}

// street is where a rig's two servers live.
type street struct{ bucket, backend, backendAt, s3, s3At string }

func streets(i int) street {
	return street{
		bucket:  fmt.Sprintf("frames-%d", i),
		backend: fmt.Sprintf("tickets-%d.shop.test", i), backendAt: fmt.Sprintf("203.0.113.%d:443", 10+i),
		s3: fmt.Sprintf("frames-%d.shop.test", i), s3At: fmt.Sprintf("10.20.30.%d:443", 10+i),
	}
}

func (l lie) told(t *testing.T, w *world, server *s3test.Server, where street) {
	// S3 listens elsewhere; a proxy takes its place at the address that it would have.
	proxy := newProxy(t, "s3", where.s3At, server.Addr)
	truth := map[string]dnsAnswer{
		where.backend: addrs(strings.TrimSuffix(where.backendAt, ":443")), where.s3: addrs(strings.TrimSuffix(where.s3At, ":443")),
	}
	tell := func() {
		for name, answer := range truth {
			w.names.say(name, answer)
		}
	}
	tell()
	r := newRig(t, plan{
		s3: server, bucket: where.bucket, backendListen: where.backendAt,
		way:   func(string, string) (string, string) { return where.backend, where.s3 },
		agent: map[string]string{"allow_loopback": "false", "private_only": "true"},
	})
	r.startBackend()
	r.startAgent()
	frames := newShop(r.path("capture"))
	frames.shootSome(t, 2)
	r.await("DNS is right", recovery, allDelivered(2))

	about := where.s3
	if l.backend {
		about = where.backend
	}
	w.names.say(about, l.answer)
	// Connections that exist need no name: they end.
	hangUp(t, proxy)
	r.backend.kill()
	r.startBackend()
	frames.shootSome(t, 2)
	r.await("the agent notices", recovery, reads(l.code, l.says))
	r.says(l.code, l.says)

	tell()
	frames.shootSome(t, 1)
	r.await("everything is delivered", recovery, allDelivered(5))
	r.isWell()
	r.agent.stop()
	r.bucketHolds(frames)
	r.nothingIsLeft(5)
}
