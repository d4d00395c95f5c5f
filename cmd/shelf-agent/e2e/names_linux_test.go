package e2e

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// resolverAddr is where names answers.
var resolverAddr = netip.MustParseAddrPort("127.0.0.53:53")

// names is a DNS server that says what the test wants it to say.
type names struct {
	mu    sync.Mutex
	known map[string]dnsAnswer // guarded by mu
}

// dnsAnswer is what is said of a name; the zero one is that there is no such name.
type dnsAnswer struct {
	addrs  []netip.Addr
	code   dnsmessage.RCode // in place of the addresses
	silent bool             // say nothing at all
}

func addrs(texts ...string) dnsAnswer {
	var a dnsAnswer
	for _, text := range texts {
		a.addrs = append(a.addrs, netip.MustParseAddr(text))
	}
	return a
}

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", resolverAddr.String())
	if err != nil {
		t.Fatal(err)
	}
	n := &names{known: map[string]dnsAnswer{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		packet := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			if reply := n.reply(packet[:size]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		serving.Wait()
	})
	return n
}

// say changes what is known of a name, from the next question on.
func (n *names) say(name string, a dnsAnswer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[name+"."] = a
}

func (n *names) reply(packet []byte) []byte {
	var parser dnsmessage.Parser
	header, err := parser.Start(packet)
	if err != nil {
		return nil
	}
	question, err := parser.Question()
	if err != nil {
		return nil
	}
	n.mu.Lock()
	a, known := n.known[question.Name.String()]
	n.mu.Unlock()
	if a.silent {
		return nil
	}
	header.Response, header.RecursionAvailable, header.RCode = true, true, a.code
	if !known {
		header.RCode = dnsmessage.RCodeNameError
	}
	message := dnsmessage.Message{Header: header, Questions: []dnsmessage.Question{question}}
	for _, addr := range a.addrs {
		resource := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET}} // TTL 0
		switch {
		case addr.Is4() && question.Type == dnsmessage.TypeA:
			resource.Body = &dnsmessage.AResource{A: addr.As4()}
		case addr.Is6() && question.Type == dnsmessage.TypeAAAA:
			resource.Body = &dnsmessage.AAAAResource{AAAA: addr.As16()}
		default:
			continue
		}
		message.Answers = append(message.Answers, resource)
	}
	reply, err := message.Pack()
	if err != nil {
		return nil
	}
	return reply
}
