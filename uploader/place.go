package uploader

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"time"

	"shelfagent/uploader/ticket"
)

// Place is where the way to the bucket is broken, when the cause is CauseLink: each is somebody else's to mend. The zero
// value is that of other causes.
type Place string

// Places.
const (
	PlaceLine     Place = "line"     // neither the backend nor S3 can be reached
	PlaceBackend  Place = "backend"  // the backend cannot be, or it does not work; S3 can
	PlaceS3       Place = "s3"       // S3 cannot be, or it does not work; the backend has just given a ticket
	PlaceImpostor Place = "impostor" // what answers there shows a certificate that is not theirs
)

// PlaceOf says where. s has been judged to be CauseLink.
func PlaceOf(s Seen) Place {
	switch {
	case isImpostor(s.Err):
		return PlaceImpostor
	case !s.Asked:
		return PlaceS3
	case s.Alone:
		return PlaceLine
	default:
		return PlaceBackend
	}
}

// isImpostor tells a certificate that is somebody else's from one that is only out of date.
func isImpostor(err error) bool {
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	return authority || name
}

// reachTimeout is for one connection without a word on it.
const reachTimeout = 5 * time.Second

// lookAround completes what was seen of a backend that did not answer: a line that is down looks the same until somebody
// else is tried. A connection to S3 is made, and closed again; nothing is sent.
func (u *Uploader) lookAround(ctx context.Context, seen *Seen) {
	if seen.Err != nil && Judge(*seen).Cause == CauseLink && !isImpostor(seen.Err) {
		seen.Alone = !u.reachesS3(ctx)
	}
}

func (u *Uploader) reachesS3(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	dialer := u.opts.Guard.dialer(func(netip.Addr) {})
	for _, d := range u.opts.Destinations {
		conn, err := dialer.DialContext(ctx, "tcp", addressOf(d))
		if err == nil {
			_ = conn.Close() // nothing was written to it
			return true
		}
	}
	return false
}

func addressOf(d ticket.Destination) string {
	if _, _, err := net.SplitHostPort(d.Host); err == nil {
		return d.Host
	}
	return net.JoinHostPort(d.Host, "443")
}
