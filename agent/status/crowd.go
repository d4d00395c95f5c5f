package status

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxConnections bounds what each server holds open: some room for people, browsers and a scraper, and no more
// memory than a few megabytes for whoever only holds.
const maxConnections = 32

// crowd bounds the connections of a server. Whoever comes when it is full takes the place of the one that has been
// silent longest, so that nobody is kept out by those who hold connections and ask nothing; when all are being
// answered, it waits for the first to be done.
type crowd struct {
	net.Listener
	places chan struct{} // holds one for each connection
	closed chan struct{} // closed by Close
	once   sync.Once

	mu     sync.Mutex
	silent []net.Conn // guarded by mu: open and without a request, the longest silent first
}

func limit(l net.Listener) *crowd {
	return &crowd{Listener: l, places: make(chan struct{}, maxConnections), closed: make(chan struct{})}
}

// Accept returns the connection itself: others look at who is at its other end.
func (c *crowd) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case c.places <- struct{}{}:
		return conn, nil
	default:
		c.dismiss()
	}
	select {
	case c.places <- struct{}{}:
		return conn, nil
	case <-c.closed:
		_ = conn.Close()
		return nil, net.ErrClosed
	}
}

// dismiss closes the longest silent connection; its server then notices that it is over.
func (c *crowd) dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.silent) > 0 {
		_ = c.silent[0].Close()
		c.silent = c.silent[1:]
	}
}

// heed is the server's ConnState.
func (c *crowd) heed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = slices.DeleteFunc(c.silent, func(other net.Conn) bool { return other == conn })
	switch state {
	case http.StateNew, http.StateIdle:
		c.silent = append(c.silent, conn)
	case http.StateClosed, http.StateHijacked:
		<-c.places
	case http.StateActive:
	}
}

// Close may be called more than once.
func (c *crowd) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Listener.Close()
}
