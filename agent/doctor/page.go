package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"time"

	"shelfagent/agent/config"
	"shelfagent/agent/status"
)

// askTimeout ends the wait for a running agent's answer.
const askTimeout = 5 * time.Second

// statusPage finds whether the page's address can be had, or is the running agent's already. No more than a warning
// comes of it: the agent runs without its page.
func statusPage(ctx context.Context, s config.Status) Result {
	const step = "status page"
	if s.Listen == "" {
		return Result{Step: step, Outcome: OK, Saw: "status.listen is empty: no page is wanted"}
	}
	listener, err := net.Listen("tcp", s.Listen)
	if err == nil {
		err = listener.Close()
	}
	if err == nil {
		return Result{Step: step, Outcome: OK, Saw: s.Listen + " is free"}
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	running, asked := status.Ask(ctx, s.Socket)
	saw, do := err.Error(), "End the program that has it, or name a free address and port of this machine in status.listen. Frames flow all the same."
	switch {
	case asked == nil && samePort(running.Page, s.Listen):
		return Result{Step: step, Outcome: OK, Saw: "the running agent shows it at " + running.Page}
	case asked == nil && running.Page != "":
		saw += "; the running agent shows its page at " + running.Page
		do += " If the configuration was changed, restart the agent."
	case asked == nil:
		saw += "; the running agent shows no page"
	case errors.Is(asked, status.ErrNoAgent):
		saw += "; no agent runs"
	case errors.Is(asked, fs.ErrPermission):
		saw += "; this user may not ask whether the agent has it"
		do = "Ask as the agent's user: " + asAgent + ". If it is not the agent's: " + do
	default:
		saw += "; whether the agent has it cannot be asked: " + asked.Error()
	}
	return Result{step, Warn, saw, do}
}

// samePort tells whether a page is where it should be. Its address may be written in another way.
func samePort(page, listen string) bool {
	at, err := url.Parse(page)
	_, port, err2 := net.SplitHostPort(listen)
	return errors.Join(err, err2) == nil && port != "" && at.Port() == port
}
