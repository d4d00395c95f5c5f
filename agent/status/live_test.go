package status

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watcher reads one stream.
type watcher struct {
	t      *testing.T
	lines  *bufio.Scanner
	header http.Header
	close  func()
}

func watch(t *testing.T, s *Server) *watcher {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Page()+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{t: t, lines: bufio.NewScanner(resp.Body), header: resp.Header, close: func() { stop(); resp.Body.Close() }}
	w.lines.Buffer(nil, 1<<20)
	t.Cleanup(w.close)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s", resp.Status)
	}
	return w
}

// until reads on to a line that begins so.
func (w *watcher) until(prefix string) string {
	w.t.Helper()
	for w.lines.Scan() {
		if rest, ok := strings.CutPrefix(w.lines.Text(), prefix); ok {
			return rest
		}
	}
	w.t.Fatalf("the stream ends before %q: %v", prefix, w.lines.Err())
	return ""
}

// parts reads the next news.
func (w *watcher) parts() map[string]string {
	w.t.Helper()
	w.until("event: parts")
	var parts map[string]string
	if err := json.Unmarshal([]byte(w.until("data: ")), &parts); err != nil {
		w.t.Fatal(err)
	}
	return parts
}

// quickly is a server whose page is renewed without much waiting.
func quickly(t *testing.T, opts Options, every, beat time.Duration) *Server {
	t.Helper()
	opts.Socket = shortDir(t) + "/agent.sock"
	return serveAs(t, opts, func(s *Server) { s.page.page.live.every, s.page.page.live.beat = every, beat })
}

func TestNewsReachWhoLooks(t *testing.T) {
	var down atomic.Bool
	opts := shown(healthy(2))
	well, ill := opts.Snapshot(), shown(degraded(2)).Snapshot()
	opts.Snapshot = func() Snapshot {
		if down.Load() {
			return ill
		}
		return well
	}
	s := quickly(t, opts, 5*time.Millisecond, time.Hour)
	w := watch(t, s)
	if got := w.header.Get("Content-Type"); got != "text/event-stream" {
		t.Error(got)
	}
	_, body := get(t, s, http.MethodGet, "/", "")
	if build := w.until("data: "); !strings.Contains(body, `data-build="`+build+`"`) {
		t.Errorf("the stream is of another build than the page: %q", build)
	}
	first := w.parts()
	for _, name := range partNames {
		if first[name] == "" || !strings.Contains(body, `data-part="`+name+`"`) {
			t.Errorf("no part %s", name)
		}
	}
	if !strings.Contains(first["verdict"], "All is well.") {
		t.Error(first["verdict"])
	}
	down.Store(true)
	for {
		news := w.parts()
		if verdict, changed := news["verdict"]; changed {
			if !strings.Contains(verdict, "The clock is wrong") {
				t.Error(verdict)
			}
			break
		}
		if len(news) == 0 {
			t.Error("news without anything new")
		}
	}
}

// TestWhileNobodyLooksNothingIsDone: the page costs nothing until it is open, and a few looks a second at most then.
func TestWhileNobodyLooksNothingIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		l := newLive("build", func() map[string]string { asked.Add(1); return nil })
		ctx, stop := context.WithCancel(t.Context())
		go l.run(ctx)
		time.Sleep(time.Hour + l.every/2)
		if n := asked.Load(); n != 0 {
			t.Errorf("nobody looks, and %d snapshots were made", n)
		}
		for range 3 {
			l.join()
		}
		time.Sleep(10 * time.Second)
		if n := asked.Load(); n != 10 {
			t.Errorf("%d snapshots for three who look for 10 s", n)
		}
		stop()
		<-l.ended
	})
}

// TestOneSnapshotServesAll: who looks costs next to nothing beside the first one.
func TestOneSnapshotServesAll(t *testing.T) {
	var asked atomic.Int64
	opts := shown(healthy(2))
	inner := opts.Snapshot
	opts.Snapshot = func() Snapshot {
		asked.Add(1)
		s := inner()
		s.Version = time.Now().Format(time.RFC3339Nano) // there is always news
		return s
	}
	s := quickly(t, opts, 10*time.Millisecond, time.Hour)
	var all []*watcher
	for range maxSubscribers {
		all = append(all, watch(t, s))
	}
	for _, w := range all {
		w.parts()
	}
	before, began := asked.Load(), time.Now()
	for range 10 {
		for _, w := range all {
			w.parts()
		}
	}
	if n, most := asked.Load()-before, int64(time.Since(began)/(10*time.Millisecond))+2; n > most {
		t.Errorf("%d snapshots for %d who look, at most %d by the clock", n, maxSubscribers, most)
	}

	resp, body := get(t, s, http.MethodGet, "/events", "")
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "Too many") {
		t.Errorf("one too many: %s, %s", resp.Status, body)
	}
	if resp, _ := get(t, s, http.MethodGet, "/", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("the page beside them: %s", resp.Status)
	}
	all[0].close()
	for { // until its place is free
		if resp, _ := get(t, s, http.MethodHead, "/events", ""); resp.StatusCode == http.StatusOK {
			break
		}
	}
}

func TestASilentStreamBeats(t *testing.T) {
	opts := shown(healthy(1))
	s := quickly(t, opts, time.Hour, 5*time.Millisecond)
	w := watch(t, s)
	for range 3 {
		w.until(": still here")
	}
}

// TestStreamsEndWithTheServer: the agent stops at once, whoever looks.
func TestStreamsEndWithTheServer(t *testing.T) {
	opts := shown(healthy(1))
	opts.Socket = shortDir(t) + "/agent.sock"
	s := mustListen(t, opts)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	w := watch(t, s)
	w.until("event: hello")
	began := time.Now()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	for w.lines.Scan() {
	}
}

// TestASlowReaderMissesWhatIsOver: it gets the newest state, not all of them, and delays nobody.
func TestASlowReaderMissesWhatIsOver(t *testing.T) {
	n := 0
	l := newLive("build", func() map[string]string {
		n++
		return map[string]string{"count": strings.Repeat("i", n), "same": "same"}
	})
	slow := l.join()
	for range 5 {
		l.refresh()
	}
	<-slow
	parts, seen := l.since(0)
	if len(parts) != 2 || parts["count"] != "iiiii" || seen != 5 {
		t.Errorf("%v, version %d", parts, seen)
	}
	l.refresh()
	if parts, _ := l.since(seen); len(parts) != 1 || parts["count"] != "iiiiii" {
		t.Errorf("what has not changed is sent again: %v", parts)
	}
}
