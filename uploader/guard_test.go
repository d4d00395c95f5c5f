package uploader

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

// TestGuard, P6.
func TestP6_Guard(t *testing.T) {
	shop := []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd12:3456::/32")}
	for addr, want := range map[string]struct{ open, private, development bool }{
		"52.218.0.1":                  {open: true, development: true},
		"10.20.3.4":                   {open: true, private: true, development: true},
		"10.21.3.4":                   {open: true, development: true},
		"::ffff:10.20.3.4":            {open: true, private: true, development: true},
		"::ffff:52.218.0.1":           {open: true, development: true},
		"2a05:d050::1":                {open: true, development: true},
		"fd12:3456::1":                {open: true, private: true, development: true},
		"fd12:3457::1":                {open: true, development: true},
		"127.0.0.1":                   {development: true},
		"127.9.9.9":                   {development: true},
		"::1":                         {development: true},
		"::ffff:127.0.0.1":            {development: true},
		"::127.0.0.1":                 {},
		"169.254.169.254":             {},
		"169.254.170.2":               {},
		"::ffff:169.254.169.254":      {},
		"::a9fe:a9fe":                 {},
		"64:ff9b::a9fe:a9fe":          {},
		"64:ff9b::a14:304":            {open: true, private: true, development: true}, // 10.20.3.4 behind NAT64
		"64:ff9b::34da:1":             {open: true, development: true},
		"fd00:ec2::254":               {},
		"fd00:ec2::23":                {},
		"fe80::1":                     {},
		"fe80::1%eth0":                {},
		"0.0.0.0":                     {},
		"0.1.2.3":                     {},
		"::":                          {},
		"::ffff:0.0.0.0":              {},
		"224.0.0.1":                   {},
		"ff02::1":                     {},
		"255.255.255.255":             {},
		"240.0.0.1":                   {},
		"fd12:3456::1%looks-like-one": {open: true, development: true},
	} {
		a := netip.MustParseAddr(addr)
		for guard, want := range map[string]bool{"open": want.open, "private": want.private, "development": want.development} {
			g := map[string]Guard{"open": {}, "private": {Only: shop}, "development": {Development: true}}[guard]
			err := g.Check(a)
			var refused *AddressError
			if (err == nil) != want || err != nil && !errors.As(err, &refused) {
				t.Errorf("%s, %s: %v, want allowed = %v", addr, guard, err, want)
			}
		}
	}
	if (Guard{}).Check(netip.Addr{}) == nil {
		t.Error("no address at all is allowed")
	}
}

// TestDialerRefusesBeforeAByte: the address is checked after DNS and before the connection.
func TestP6_DialerRefusesBeforeAByte(t *testing.T) {
	listener := listen(t)
	reached := make(chan struct{}, 1)
	go func() {
		if conn, err := listener.Accept(); err == nil {
			reached <- struct{}{}
			_ = conn.Close()
		}
	}()
	noted := false
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Guard{}.dialer(func(netip.Addr) { noted = true }).DialContext(t.Context(), "tcp", "localhost:"+port)
	var refused *AddressError
	if !errors.As(err, &refused) {
		t.Errorf("dialled: %v", err)
	}
	if noted || len(reached) > 0 {
		t.Error("the listener was reached")
	}
}
