package status

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
)

type connKey struct{}

func TestRoutesAreOnTheSocketOnly(t *testing.T) {
	opts := options(t, healthy(1))
	opts.Routes = Routes{
		Handlers: map[string]http.Handler{"/v1/other/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Context().Value(connKey{}).(string))
		})},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.LocalAddr().Network())
		},
	}
	s := serve(t, opts)
	for _, path := range []string{"/v1/other/", "/v1/other/thing"} {
		if resp, body := get(t, s, http.MethodGet, path, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("the page serves %s: %s %s", path, resp.Status, body)
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", opts.Socket)
	}}}
	for path, want := range map[string]int{"/v1/other/thing": 200, "/v1/status": 200, "/metrics": 200, "/v1/else": 404} {
		resp, err := client.Get("http://agent" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want || path == "/v1/other/thing" && string(body) != "unix" {
			t.Errorf("%s: %s %s, %v", path, resp.Status, body, err)
		}
	}
}
