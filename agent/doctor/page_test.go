package doctor

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"shelfagent/agent/status"
)

// TestTheRunningAgentMayHaveItsPage: its own page is no problem, with and without the answer of the right one.
func TestTheRunningAgentMayHaveItsPage(t *testing.T) {
	r := newRig(t, cloud(t))
	page := ""
	agent, err := status.Listen(status.Options{
		Socket: r.c.Status.Socket, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Snapshot: func() status.Snapshot { return status.Snapshot{Verdict: status.Healthy, Page: page} },
	})
	if err != nil {
		t.Fatal(err)
	}
	held := strings.Trim(strings.TrimPrefix(agent.Page(), "http://"), "/")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- agent.Serve(ctx) }()
	for _, tc := range []struct {
		page    string
		outcome Outcome
		saw     string
	}{
		{agent.Page(), OK, "the running agent shows it at " + agent.Page()},
		{"http://127.0.0.1:1/", Warn, "the running agent shows its page at http://127.0.0.1:1/"},
		{"", Warn, "the running agent shows no page"},
	} {
		page = tc.page
		r.c.Status.Listen = held
		if got := askAgent(t.Context(), r.c.Status.Socket).result(); got.Outcome != OK || !strings.Contains(got.Saw, "says that all is well") {
			t.Errorf("%+v", got)
		}
		if got := statusPage(askAgent(t.Context(), r.c.Status.Socket), r.c.Status); got.Outcome != tc.outcome || !strings.Contains(got.Saw, tc.saw) {
			t.Errorf("page %q: %+v", tc.page, got)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.c.Status.Listen = ""
	if got := statusPage(asked{}, r.c.Status); got.Outcome != OK || !strings.Contains(got.Saw, "no page is wanted") {
		t.Errorf("no page: %+v", got)
	}
}
