package status

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// pageRetry is the time between tries to bind the page's address.
const pageRetry = 30 * time.Second

// pageDoor serves the page where it can be served. That it cannot is no reason to end: frames need no page. So it is
// noted, and tried again.
type pageDoor struct {
	address string // empty: no page is wanted
	page    *page
	log     *slog.Logger
	retry   time.Duration

	mu       sync.Mutex
	listener *crowd // guarded by mu, as are the others; nil when none is bound
	bound    *net.TCPAddr
	problem  error
}

// bind tries to bind the address, unless it is bound.
func (p *pageDoor) bind() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.address == "" || p.listener != nil {
		return
	}
	listener, err := net.Listen("tcp", p.address)
	p.problem = err
	if err != nil {
		return
	}
	p.listener, p.bound = limit(listener), listener.Addr().(*net.TCPAddr) //nolint:forcetypeassert // "tcp" has no other
	if !p.bound.IP.IsLoopback() {
		p.log.Warn("the status page can be read by others on this network", "listen", p.bound)
	}
}

// serve answers until ctx ends, whenever the address is bound.
func (p *pageDoor) serve(ctx context.Context) {
	var live sync.WaitGroup
	defer live.Wait()
	live.Go(func() { p.page.live.run(ctx) })
	again := time.NewTicker(p.retry)
	defer again.Stop()
	for {
		p.mu.Lock()
		listener, bound := p.listener, p.bound
		p.mu.Unlock()
		if listener != nil {
			page := guarded(ownHost(bound.AddrPort(), handler(p.page.snapshot, p.page)))
			p.ended(serveUntil(ctx, newServer(listener, page, p.log), listener))
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			p.bind()
		}
	}
}

func (p *pageDoor) ended(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.bound, p.problem = nil, nil, err
}

func (p *pageDoor) url() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bound == nil {
		return ""
	}
	return "http://" + p.bound.String() + "/"
}

func (p *pageDoor) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.problem
}

func (p *pageDoor) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
	}
}

// newServer is a server that gives nobody long: whoever needs more time comes again.
func newServer(door *crowd, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ConnState: door.heed, ReadHeaderTimeout: 3 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
