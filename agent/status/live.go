package status

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Bounds of the live page.
const (
	maxSubscribers = 8                // pages that are kept up to date at once; one more is told to look again later
	liveEvery      = time.Second      // between two snapshots for all of them together
	liveBeat       = 15 * time.Second // something is sent at least so often, so that a dead connection is noticed
	livePatience   = 10 * time.Second // for a reader who does not read
)

// live keeps open pages up to date with server-sent events: one snapshot serves all, and none is made while nobody looks. A
// reader who is slow misses states in between, never the last.
type live struct {
	build string
	parts func() map[string]string
	every time.Duration
	beat  time.Duration

	mu          sync.Mutex
	subscribers map[chan struct{}]bool // guarded by mu, as are the others; each holds one when there is news
	version     uint64                 // of what is newest; counts renderings that changed something
	now         map[string]part
	rendered    time.Time
	ended       chan struct{} // closed when run has ended
}

// part is a piece of the page and the version that it came with.
type part struct {
	html    string
	version uint64
}

func newLive(build string, parts func() map[string]string) *live {
	return &live{
		build: build, parts: parts, every: liveEvery, beat: liveBeat,
		subscribers: map[chan struct{}]bool{}, now: map[string]part{}, ended: make(chan struct{}),
	}
}

// run renders for whoever looks, until ctx ends; then all streams end.
func (l *live) run(ctx context.Context) {
	defer close(l.ended)
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if l.watched() {
				l.refresh()
			}
		}
	}
}

func (l *live) watched() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.subscribers) > 0
}

// refresh renders the parts and wakes everybody, if there is news.
func (l *live) refresh() {
	fresh := l.parts()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rendered = time.Now()
	changed := false
	for name, html := range fresh {
		if l.now[name].html != html {
			l.now[name] = part{html, l.version + 1}
			changed = true
		}
	}
	if !changed {
		return
	}
	l.version++
	for news := range l.subscribers {
		select {
		case news <- struct{}{}:
		default: // it has not read the last ones yet, and will read these with them
		}
	}
}

// join returns nil when there are too many.
func (l *live) join() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.subscribers) >= maxSubscribers {
		return nil
	}
	news := make(chan struct{}, 1)
	if time.Since(l.rendered) < l.every {
		news <- struct{}{} // what the last one was shown is fresh enough
	}
	l.subscribers[news] = true
	return news
}

func (l *live) leave(news chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.subscribers, news)
}

// since returns what is newer than a version, and the newest.
func (l *live) since(version uint64) (map[string]string, uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	news := map[string]string{}
	for name, p := range l.now {
		if p.version > version {
			news[name] = p.html
		}
	}
	return news, l.version
}

// ServeHTTP is one stream.
func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	news := l.join()
	if news == nil {
		http.Error(w, "Too many pages are kept up to date already. This one can be reloaded by hand.", http.StatusServiceUnavailable)
		return
	}
	defer l.leave(news)
	w.Header().Set("Content-Type", "text/event-stream")
	s := stream{w: w, control: http.NewResponseController(w)}
	_ = s.control.SetReadDeadline(time.Time{}) // the server's would end the request while it is answered
	if r.Method == http.MethodHead {
		return
	}
	s.send("retry: 2000\nevent: hello\ndata: %s\n\n", l.build)
	beat := time.NewTicker(l.beat)
	defer beat.Stop()
	for seen := uint64(0); s.err == nil; {
		select {
		case <-r.Context().Done():
			return
		case <-l.ended:
			return
		case <-beat.C:
			s.send(": still here\n\n")
		case <-news:
			var parts map[string]string
			parts, seen = l.since(seen)
			if document, err := json.Marshal(parts); err == nil && len(parts) > 0 {
				s.send("event: parts\ndata: %s\n\n", document)
			}
		}
	}
}

// stream writes events to one reader.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *stream) send(format string, args ...any) {
	if s.err = s.control.SetWriteDeadline(time.Now().Add(livePatience)); s.err != nil {
		return
	}
	if _, s.err = io.WriteString(s.w, fmt.Sprintf(format, args...)); s.err == nil {
		s.err = s.control.Flush()
	}
}
