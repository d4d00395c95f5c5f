package uploader

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"time"
)

// Door is a host that the uploader speaks to, for checks along the real path: Resolve, Connect and Shake are the steps
// that every request takes, one by one.
type Door struct {
	Name    string // for people: "backend", "s3 <destination>"
	Backend bool
	Host    string
	Address string // host:port
	guard   Guard
	config  *tls.Config
}

// Doors lists the backend and every destination. Without an identity, the backend is shown no certificate.
func Doors(opts Options) []Door {
	backend := opts.Backend.Host
	if opts.Backend.Port() == "" {
		backend = net.JoinHostPort(opts.Backend.Hostname(), "443")
	}
	doors := []Door{newDoor("backend", backend, Guard{Development: opts.Guard.Development}, tlsConfig(opts.BackendCAs, opts.proof()))}
	doors[0].Backend = true
	for _, d := range opts.Destinations {
		doors = append(doors, newDoor("s3 "+d.String(), addressOf(d), opts.Guard, tlsConfig(opts.S3CAs, nil)))
	}
	return doors
}

func newDoor(name, address string, guard Guard, config *tls.Config) Door {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	return Door{Name: name, Host: host, Address: address, guard: guard, config: config}
}

// Resolve asks DNS for the host's addresses. Those that may not be dialled are among them; when none may, there is an
// *AddressError as well.
func (d Door) Resolve(ctx context.Context) ([]netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", d.Host)
	if err != nil {
		return nil, err
	}
	var allowed bool
	var forbidden error
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
		err := d.guard.Check(addrs[i])
		allowed, forbidden = allowed || err == nil, cmp.Or(forbidden, err)
	}
	if allowed {
		forbidden = nil
	}
	return addrs, forbidden
}

// Anywhere tells a door to S3 that may be at a public address.
func (d Door) Anywhere() bool { return !d.Backend && len(d.guard.Only) == 0 }

// Connect opens a connection as an upload would, and returns where it leads.
func (d Door) Connect(ctx context.Context) (net.Conn, netip.Addr, error) {
	conn, err := d.guard.dialer(func(netip.Addr) {}).DialContext(ctx, "tcp", d.Address)
	if err != nil {
		return nil, netip.Addr{}, err
	}
	return conn, remote(conn), nil
}

// Met is who answered a handshake.
type Met struct {
	Version string // such as TLS 1.3
	// Signer is who signed the certificate, which this machine trusts.
	Signer string
	// Ends is the certificate's end. EndsSoon is true when who keeps the server should have renewed it by then.
	Ends     time.Time
	EndsSoon bool
}

// serverSoon is soon for a server's certificate: few are renewed later than a week before their end.
const serverSoon = 7 * 24 * time.Hour

// Shake makes the handshake on a connection.
func (d Door) Shake(ctx context.Context, conn net.Conn) (Met, error) {
	config := d.config.Clone()
	config.ServerName = d.Host
	shaken := tls.Client(conn, config)
	if err := shaken.HandshakeContext(ctx); err != nil {
		return Met{}, err
	}
	state := shaken.ConnectionState()
	leaf := state.PeerCertificates[0]
	left := min(serverSoon, time.Duration(soonPart*float64(life(leaf))))
	return Met{
		Version: tls.VersionName(state.Version), Signer: signer(leaf), Ends: leaf.NotAfter, EndsSoon: time.Until(leaf.NotAfter) < left,
	}, nil
}

// Stranger is who signed the certificate that an error of a handshake is about, if nobody here trusts him; "" otherwise.
func Stranger(err error) string {
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return ""
	}
	return signer(unknown.Cert)
}

// remote is the address that conn leads to; dialling may have tried others before.
func remote(conn net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
