package backend

import (
	"cmp"
	"crypto/x509"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// ALB is behind an AWS Application Load Balancer whose listener is in mutual-TLS verify mode. The load balancer
// has verified the client's certificate and says which it was, in headers of its own.
//
// Of those headers only the leaf itself is read; serial number, subject, issuer and validity are in it. The
// leaf's chain and validity are checked again here. What this home cannot check is that the caller holds the key:
// for that it trusts whoever may open a connection from Proxies, so the target's security group must let in the
// load balancer alone.
type ALB struct {
	// Authority signs the rigs' certificates; the same as in the load balancer's trust store.
	Authority *x509.CertPool
	// Proxies are the networks of the load balancer's nodes: its subnets. From elsewhere nothing is answered,
	// health checks included.
	Proxies []netip.Prefix
}

const (
	// leafHeader holds the leaf as PEM, percent-encoded but for + = / (Elastic Load Balancing, "HTTP headers and
	// mutual TLS").
	leafHeader = proxyHeaders + "Clientcert-Leaf"
	// chainHeader is what a listener in passthrough mode sends: nobody has verified that.
	chainHeader = proxyHeaders + "Clientcert"
)

func (ALB) name() string { return "alb" }

func (a ALB) check() error {
	switch {
	case a.Authority == nil:
		return invalid("listen.client_ca", "is needed: the load balancer's word is checked against it")
	case len(a.Proxies) == 0:
		return invalid("listen.proxies", "is empty, so that no load balancer would be believed")
	}
	return nil
}

func (a ALB) admit(r *http.Request) error {
	if !a.isProxy(r.RemoteAddr) {
		return fail(http.StatusForbidden, CodeNotProxy, "this backend answers its load balancer only")
	}
	return nil
}

func (a ALB) isProxy(remote string) bool {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, network := range a.Proxies {
		if network.Contains(from.Addr().Unmap()) {
			return true
		}
	}
	return false
}

func (a ALB) leaf(r *http.Request, now time.Time) (*x509.Certificate, error) {
	values := r.Header.Values(leafHeader)
	switch {
	case len(values) == 1 && values[0] != "":
	case len(values) > 1:
		return nil, fail(http.StatusForbidden, CodeProxyHeader, "%s is there %d times", leafHeader, len(values))
	case r.Header.Get(chainHeader) != "":
		return nil, fail(http.StatusForbidden, CodeProxyHeader,
			"the load balancer passes certificates through unverified; its listener must be in mutual-TLS verify mode")
	default:
		return nil, noCertificate()
	}
	// Not QueryUnescape: a plus is a plus.
	text, err := url.PathUnescape(values[0])
	if err != nil {
		return nil, fail(http.StatusForbidden, CodeCertificate, "%s is not percent-encoded", leafHeader)
	}
	return vouched([]byte(text), a.Authority, now)
}

// remote is the address that the load balancer saw, which it appends to what was there.
func (a ALB) remote(r *http.Request) string {
	if !a.isProxy(r.RemoteAddr) {
		return r.RemoteAddr
	}
	hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	return clip(cmp.Or(strings.TrimSpace(hops[len(hops)-1]), r.RemoteAddr), 64)
}
