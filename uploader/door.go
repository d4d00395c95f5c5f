package uploader

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
)

// Door is a host that the uploader speaks to, for checks along the real path.
type Door struct {
	Name    string // for people: "backend", "s3 <destination>"
	Backend bool
	Address string // host:port
	guard   Guard
	config  *tls.Config
}

// Doors lists the backend and every destination.
func Doors(opts Options) []Door {
	base := opts.Backend.Host
	if opts.Backend.Port() == "" {
		base = net.JoinHostPort(opts.Backend.Hostname(), "443")
	}
	doors := []Door{{
		Name: "backend", Backend: true, Address: base,
		guard: Guard{Development: opts.Guard.Development}, config: tlsConfig(opts.BackendCAs, opts.proof()),
	}}
	for _, d := range opts.Destinations {
		address := d.Host
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(address, "443")
		}
		doors = append(doors, Door{Name: "s3 " + d.String(), Address: address, guard: opts.Guard, config: tlsConfig(opts.S3CAs, nil)})
	}
	return doors
}

// Knock resolves, connects and shakes hands as an upload would, and says what it met.
func (d Door) Knock(ctx context.Context) (string, error) {
	dialer := tls.Dialer{NetDialer: d.guard.dialer(func(netip.Addr) {}), Config: d.config}
	conn, err := dialer.DialContext(ctx, "tcp", d.Address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	met := remote(conn)
	kind := "public"
	if met.IsPrivate() || met.IsLoopback() {
		kind = "private"
	}
	state := conn.(*tls.Conn).ConnectionState() //nolint:forcetypeassert // tls.Dialer documents it
	return fmt.Sprintf("%s answers at %s (%s address), %s, certificate signed by %s",
		d.Address, met, kind, tls.VersionName(state.Version), signer(state.PeerCertificates[0])), nil
}

// remote is the address that conn leads to; dialling may have tried others before.
func remote(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
