package status

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestThePageComesWhenItsAddressIsFree: it is tried again, and so is one that was lost.
func TestThePageComesWhenItsAddressIsFree(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opts := options(t, healthy(1))
	opts.Listen, opts.Logger = taken.Addr().String(), slog.New(slog.DiscardHandler)
	s, err := Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.page.retry = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	if s.PageProblem() == nil || s.Page() != "" {
		t.Errorf("%v, page %q", s.PageProblem(), s.Page())
	}
	taken.Close()
	wait := func(what string, there func() bool) {
		t.Helper()
		for range 5000 {
			if there() {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatal(what, ": ", s.PageProblem())
	}
	shown := func() bool {
		if s.Page() == "" || s.PageProblem() != nil {
			return false
		}
		resp, err := http.Get(s.Page())
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}
	wait("the page does not come", shown)
	s.page.mu.Lock()
	lost := s.page.listener
	s.page.mu.Unlock()
	lost.Listener.Close()
	wait("nothing was lost", func() bool {
		s.page.mu.Lock()
		defer s.page.mu.Unlock()
		return s.page.listener != lost
	})
	wait("the page does not come again", shown)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s.Page() != "" || s.PageProblem() != nil {
		t.Errorf("after the end: %q, %v", s.Page(), s.PageProblem())
	}
}
