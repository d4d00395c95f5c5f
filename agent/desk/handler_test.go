package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// over asks a handler directly.
func over(h http.Handler, method, target, form string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(form))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestOnlyAPostChangesAnything(t *testing.T) {
	r := newRig(t)
	id := r.put("cam-1", 1, "")
	h := Handler(r.Queue, r.logger())
	form := url.Values{"ref": {string(id)}, "reason": {"why"}, "by": {"alice"}}.Encode()
	for _, what := range []string{"drop", "retry", "retries"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
			if w := over(h, method, "/v1/queue/"+what+"?"+form, form); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d %s", method, what, w.Code, w.Body)
			}
		}
	}
	// What is in the address of a POST ends up in logs and histories; it does not count.
	if w := over(h, http.MethodPost, "/v1/queue/drop?"+form, ""); w.Code != http.StatusBadRequest {
		t.Errorf("a POST without a body: %d %s", w.Code, w.Body)
	}
	if w := over(h, http.MethodPost, "/v1/queue/drop", form+"&more="+strings.Repeat("x", maxForm)); w.Code != http.StatusBadRequest {
		t.Errorf("an endless body: %d %s", w.Code, w.Body)
	}
	if s := r.Stats(); s.Waiting != 1 || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	if w := over(h, http.MethodPost, "/v1/queue/drop", form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"by":"alice (unproven)"`) {
		t.Errorf("the real one: %d %s", w.Code, w.Body)
	}
}

func TestOddSelectionsAreRefused(t *testing.T) {
	h := Handler(newRig(t).Queue, nil)
	for _, query := range []string{"state=asleep", "state=delivered", "since=yesterday", "until=1", "limit=many"} {
		if w := over(h, http.MethodGet, "/v1/queue/items?"+query, ""); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"invalid"`) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// A page is never larger than the queue's own limit, whatever is asked for.
func TestPagesAreBounded(t *testing.T) {
	r := newRig(t)
	r.put("cam-1", 1, "")
	for _, limit := range []string{"1000000000", "-1", "0"} {
		if w := over(Handler(r.Queue, nil), http.MethodGet, "/v1/queue/items?limit="+limit, ""); w.Code != http.StatusOK {
			t.Errorf("limit %s: %d %s", limit, w.Code, w.Body)
		}
	}
}

func TestOneVerificationAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &handler{verifying: make(chan struct{}, 1)}
		h.verifying <- struct{}{} // one is under way
		w := httptest.NewRecorder()
		h.verify(w, httptest.NewRequest(http.MethodGet, "/v1/queue/verify", nil))
		if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), `"busy"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// answering serves one handler on a socket.
func answering(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "desk-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	must(t, err)
	server := httptest.NewUnstartedServer(h)
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	c := Dial(listener.Addr().String())
	t.Cleanup(c.Close)
	return c
}

func TestAnswersThatBreakOff(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/queue/verify":
			_, _ = io.WriteString(w, `{"finding":{"code":"stray_file"}}`+"\n")
		default:
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `half`)
		}
	})
	found := 0
	if _, err := c.Verify(t.Context(), false, func(Finding) error { found++; return nil }); !errors.Is(err, io.EOF) || found != 1 {
		t.Errorf("verify that never says it is done: %d found, %v", found, err)
	}
	payload, err := c.Payload(t.Context(), "cam-1/x")
	must(t, err)
	defer func() { _ = payload.Close() }()
	if got, err := io.ReadAll(payload); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a payload passes for a whole: %q, %v", got, err)
	}
	if _, err := c.Stats(t.Context()); err == nil {
		t.Error("half a document passes for a whole")
	}
}

func TestOldAgentsAndClosedQueues(t *testing.T) {
	old := answering(t, http.NotFound)
	if _, err := old.Stats(t.Context()); err == nil || !strings.Contains(err.Error(), "older version") {
		t.Errorf("an agent without a desk: %v", err)
	}
	refusing := answering(t, Refuse(errors.New("the queue is not to be had")).ServeHTTP)
	if _, err := refusing.Show(context.Background(), "0123"); err == nil || err.Error() != "the queue is not to be had" {
		t.Errorf("refused: %v", err)
	}
	if _, err := Dial(filepath.Join(t.TempDir(), "none")).Stats(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestWhoIsWritten(t *testing.T) {
	for _, tc := range []struct{ who, by, want string }{
		{"root (uid 0)", "alice", "alice, as root (uid 0)"},
		{"root (uid 0)", "root", "root (uid 0)"},
		{"root (uid 0)", "", "root (uid 0)"},
		{"rooted (uid 7)", "root", "root, as rooted (uid 7)"},
		{"", "alice", "alice (unproven)"},
		{"", " ", "unknown"},
	} {
		if got := (Local{Who: tc.who}).signed(tc.by); got != tc.want {
			t.Errorf("%q by %q: %q, want %q", tc.who, tc.by, got, tc.want)
		}
	}
	if got := Person(4_000_000_000); got != "user (uid 4000000000)" {
		t.Errorf("a user without a name: %q", got)
	}
}

// What a caller decides on, or has a hint for, survives the wire.
func TestProblemsAreTheSameOnBothSides(t *testing.T) {
	for _, p := range problems {
		server := httptest.NewServer(Refuse(fmt.Errorf("opening: %w", p.err)))
		t.Cleanup(server.Close)
		c := &Client{&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
		}}}}
		_, err := c.Stats(t.Context())
		c.Close()
		if !errors.Is(err, p.err) || !strings.HasPrefix(err.Error(), "opening: ") {
			t.Errorf("%s: %v", p.code, err)
		}
	}
}
