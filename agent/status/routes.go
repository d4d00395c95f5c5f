package status

import (
	"context"
	"net"
	"net/http"
)

// Routes are what others serve on the socket beside the status, and only there: the socket's folder says who may
// come in, a web page never may. The handlers set their own deadlines where theirs take long.
type Routes struct {
	// Handlers are by http.ServeMux pattern, such as "/v1/queue/".
	Handlers map[string]http.Handler
	// ConnContext is an http.Server's; it may note who is at the other end. Nil: nobody asks.
	ConnContext func(context.Context, net.Conn) context.Context
}

// mount adds the routes to a server that has not been started.
func (r Routes) mount(server *http.Server) {
	mux := http.NewServeMux()
	mux.Handle("/", server.Handler)
	for pattern, handler := range r.Handlers {
		mux.Handle(pattern, handler)
	}
	server.Handler, server.ConnContext = mux, r.ConnContext
}
