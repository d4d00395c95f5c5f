// Package status shows a running agent to people and programs: as JSON on a Unix socket and on a loopback
// address, as a page, as Prometheus metrics, and as text on a terminal.
//
// It is given a func() Snapshot and knows nothing of where the numbers come from. A Snapshot is the API's
// document: its JSON names are stable, new ones may be added.
//
// # What is served
//
//	GET /v1/status   the Snapshot as JSON
//	GET /metrics     Prometheus text format
//	GET /            the page (on the loopback address only)
//
// Others may add Routes to the socket, never to the page. Nothing here changes the agent. On the loopback address
// the Host header must name that address, so that a web page elsewhere cannot read it by DNS rebinding; the page
// loads nothing from anywhere and runs no script. The socket is for the agent's own user and group.
//
// Each of the two holds a few dozen connections at most: one more takes the place of the one that has been silent
// longest. The page is a convenience: when its address cannot be bound, everything else goes on, and the address is
// tried again.
package status
