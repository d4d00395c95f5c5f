// Package status shows a running agent to people and programs: as JSON on a Unix socket and on a loopback
// address, as a page, as Prometheus metrics, and as text on a terminal.
//
// It is given a func() Snapshot and knows nothing of where the numbers come from. A Snapshot is the API's
// document: its JSON names are stable, new ones may be added.
//
// # What is served
//
//	GET /v1/status          the Snapshot as JSON
//	GET /metrics            Prometheus text format
//	GET /                   the page
//	GET /events             what changes of it, as server-sent events
//	GET /find               "where is my picture?": the form, and the trails that it finds
//	GET /picture/{camera}   a camera's newest picture, small
//	GET /page.css, …        the page's own files; their addresses change with them
//
// The first two are on the socket as well, the others on the page's address only. Others may add Routes to the socket, never
// to the page. Nothing here changes the agent: there is no method but GET and HEAD.
//
// # The page
//
// It says the verdict first, and beside each thing that is wrong what to do. It loads nothing from anywhere else, keeps no
// cookie, and works without a script: charts are drawn by the server, the search is a form, and the page reloads itself. With
// a script, the server sends the parts that have changed once a second, one rendering for all who look, and none while
// nobody does. A page that has lost the agent says so in place of looking well.
//
// # Who may see it
//
// The socket is for the agent's own user and group. The page's address is a loopback one unless the configuration says
// otherwise; whoever reaches it sees the page: every user of this machine. The Host header must name that address, so that
// a web page elsewhere cannot read it by DNS rebinding; and where browsers say that another site asks, pictures, searches
// and streams are refused. The content policy allows what comes from here and nothing that stands in the document itself.
// Pictures are those that Options.Thumbnail gives; browsers are told to keep none.
//
// # Bounds
//
// Each of the two listeners holds a few dozen connections at most: one more takes the place of the one that has been silent
// longest. Eight pages are kept up to date at once; one more reloads itself. One search runs at a time. The page shows 64
// cameras. It is a convenience: when its address cannot be bound, everything else goes on, and the address is tried again.
package status
