package status

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// hold opens many connections that ask nothing whole, and says how many of them are still open.
func hold(t *testing.T, network, address, say string) (open func() int) {
	t.Helper()
	var held []net.Conn
	for range 100 {
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		io.WriteString(conn, say) // one that was dismissed already does not mind
		held = append(held, conn)
	}
	return func() int {
		n := 0
		for _, conn := range held {
			conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
				n++
			}
		}
		return n
	}
}

// TestHoldersKeepNobodyOut: a hundred connections that ask nothing, or never finish asking, cost a few places, and whoever asks is answered.
func TestHoldersKeepNobodyOut(t *testing.T) {
	opts := options(t, healthy(2))
	s := serve(t, opts)
	page := strings.Trim(strings.TrimPrefix(s.Page(), "http://"), "/")
	for network, address := range map[string]string{"unix": opts.Socket, "tcp": page} {
		for _, say := range []string{"", "GET /v1/sta"} {
			open := hold(t, network, address, say)
			if network == "unix" {
				if _, err := Ask(t.Context(), address); err != nil {
					t.Errorf("%s: %v", network, err)
				}
			} else if resp, _ := get(t, s, http.MethodGet, "/v1/status", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", network, resp.Status)
			}
			if n := open(); n > maxConnections {
				t.Errorf("%s: %d are held, want at most %d", network, n, maxConnections)
			}
		}
	}
}

// TestTheSilentOnesGoFirst: who has asked is answered, however many come after.
func TestTheSilentOnesGoFirst(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	opts := options(t, healthy(2))
	opts.Listen = ""
	opts.Routes = Routes{Handlers: map[string]http.Handler{"/slow": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		io.WriteString(w, "at last")
	})}}
	serve(t, opts)
	conn, err := net.Dial("unix", opts.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: agent\r\n\r\n")
	<-asked
	hold(t, "unix", opts.Socket, "")
	if _, err := Ask(t.Context(), opts.Socket); err != nil { // so all were let in
		t.Error(err)
	}
	close(answer)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "at last" {
		t.Errorf("%q, %v", body, err)
	}
	resp.Body.Close()
}
