package main

import (
	"fmt"
	"net/netip"
	"slices"

	"shelfagent/agent/config/strict"
	"shelfagent/uploader/backend"
)

// The homes, as listen.home names them.
const (
	homeStandalone = "standalone"
	homeALB        = "alb"
	homeLambda     = "lambda"
)

// checkListen wants of [listen] what the home needs, and refuses what it does not use: a line that is there and
// does nothing would mislead its reader.
func (s *settings) checkListen(document *strict.Document) {
	l := s.Listen
	needed, unused := []string{"address", "certificate", "key", "client_ca"}, []string{"proxies"}
	switch l.Home {
	case homeALB:
		needed, unused = []string{"address", "client_ca", "proxies"}, nil
		if (l.Certificate == "") != (l.Key == "") {
			document.Problem("listen.certificate", "and listen.key go together: both for TLS between load balancer and backend, neither for plain HTTP")
		}
	case homeLambda:
		needed, unused = []string{"client_ca"}, []string{"address", "certificate", "key", "proxies"}
	}
	given := map[string]bool{
		"address": l.Address != "", "certificate": l.Certificate != "", "key": l.Key != "", "client_ca": l.ClientCA != "",
		"proxies": len(l.Proxies) > 0,
	}
	for _, key := range needed {
		if !given[key] {
			document.Problem("listen."+key, "is needed where listen.home is %q", l.Home)
		}
	}
	for _, key := range unused {
		if given[key] {
			document.Problem("listen."+key, "is not used where listen.home is %q; delete it", l.Home)
		}
	}
	for _, network := range l.Proxies {
		if _, err := proxyNetwork(network); err != nil {
			document.Problem("listen.proxies", "%v", err)
		}
	}
}

// proxyNetwork reads an entry of listen.proxies.
func proxyNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a network; write it as in \"10.0.1.0/24\"", text)
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is everybody, who could then be any rig", text)
	}
	return network, nil
}

func (s *settings) checkOperations(document *strict.Document) {
	if s.Operations.Address == "" {
		return
	}
	addr, err := netip.ParseAddrPort(s.Operations.Address)
	switch {
	case s.Listen.Home == homeLambda:
		document.Problem("operations.address", "a function has nobody to scrape it; delete the line")
	case err != nil:
		document.Problem("operations.address", "%q is not an address and port; write it as in \"127.0.0.1:9464\"", s.Operations.Address)
	case !addr.Addr().IsLoopback():
		document.Problem("operations.address", "%q is reached from other machines; metrics and health are for this one, as in \"127.0.0.1:9464\"", s.Operations.Address)
	}
}

// home reads the files that the home needs.
func (s *settings) home() (backend.Home, error) {
	if s.Listen.Home == homeStandalone {
		return backend.Standalone{}, nil
	}
	authority, err := backend.LoadAuthority(s.path(s.Listen.ClientCA))
	if err != nil {
		return nil, fmt.Errorf("listen.client_ca: %w", err)
	}
	if s.Listen.Home == homeLambda {
		return backend.Lambda{Authority: authority}, nil
	}
	var proxies []netip.Prefix
	for _, text := range s.Listen.Proxies {
		network, err := proxyNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("listen.proxies: %w", err)
		}
		proxies = append(proxies, network)
	}
	return backend.ALB{Authority: authority, Proxies: slices.Clip(proxies)}, nil
}
