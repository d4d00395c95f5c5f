package uploader

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Guard decides which addresses may be dialled, after DNS has spoken, so that a name which resolves to
// another place (rebinding, a hijacked resolver) leads nowhere.
type Guard struct {
	// Development allows loopback addresses, for servers on this machine.
	Development bool
	// Only, when it is not empty, allows nothing outside these networks.
	Only []netip.Prefix
}

// AddressError is the refusal of an address.
type AddressError struct {
	Addr   netip.Addr
	Reason string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("address %s is not allowed: %s", e.Addr, e.Reason)
}

// metadataV6 is where instance metadata services answer over IPv6 (Amazon EC2 User Guide, "Use IMDS");
// over IPv4 they are link-local.
var metadataV6 = netip.MustParsePrefix("fd00:ec2::/32")

// Networks whose addresses are never those of a server: "this network" and the reserved block with broadcast
// (RFC 6890), and IPv4-compatible addresses, by which an IPv4 address could hide from the checks (RFC 4291).
var nowhere = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("::/96"),
}

// translated is where a NAT64 gateway shows IPv4 addresses (RFC 6052).
var translated = netip.MustParsePrefix("64:ff9b::/96")

// plain is the IPv4 address that an IPv6 one stands for, or addr itself.
func plain(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if translated.Contains(addr) {
		raw := addr.As16()
		return netip.AddrFrom4([4]byte(raw[12:]))
	}
	return addr
}

// Check returns an *AddressError for an address that may not be dialled.
func (g Guard) Check(addr netip.Addr) error {
	addr = plain(addr)
	switch {
	case g.Development && addr.IsLoopback():
		return nil
	case addr.IsLoopback():
		return &AddressError{addr, "it is this machine itself; development.allow_loopback is off"}
	case addr.IsLinkLocalUnicast(), metadataV6.Contains(addr):
		return &AddressError{addr, "link-local and metadata addresses never hold a bucket"}
	case !addr.IsValid(), addr.IsMulticast(), within(nowhere, addr):
		return &AddressError{addr, "it is not the address of a server"}
	}
	if len(g.Only) > 0 && !within(g.Only, addr) {
		return &AddressError{addr, "it is outside network.private_ranges; is the VPN or Direct Connect down?"}
	}
	return nil
}

// Private tells an address of a shop's own networks, or of this machine, from one of the internet.
func Private(addr netip.Addr) bool { return addr.IsPrivate() || addr.IsLoopback() }

func within(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// sendBuffer bounds what the kernel holds unsent, in bytes (the kernel doubles it). A request counts as
// written when the kernel has taken it, so this bounds how long a link may be busy after that: half a
// minute at 64 kbit/s, less than the default stall.
const sendBuffer = 128 << 10

// dialer checks every address just before the connection is made to it.
func (g Guard) dialer(note func(netip.Addr)) *net.Dialer {
	return &net.Dialer{
		Timeout:   20 * time.Second,
		KeepAlive: 30 * time.Second,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			dialled, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("address %q: %w", address, err)
			}
			if err := g.Check(dialled.Addr()); err != nil {
				return err
			}
			note(dialled.Addr().Unmap())
			return nil
		},
	}
}

func dialWith(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(sendBuffer) // a larger one only makes the watchdog less exact
		}
		return conn, nil
	}
}
