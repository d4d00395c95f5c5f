package doctor

import (
	"errors"
	"io/fs"
	"net"
	"net/url"

	"shelfagent/agent/config"
	"shelfagent/agent/health"
	"shelfagent/agent/status"
)

// statusPage finds whether the page's address can be had, or is the running agent's already. No more than a warning
// comes of it: the agent runs without its page.
func statusPage(running asked, s config.Status) Result {
	const step = "status page"
	if s.Listen == "" {
		return ok(step, "status.listen is empty: no page is wanted")
	}
	listener, err := net.Listen("tcp", s.Listen)
	if err == nil {
		err = listener.Close()
	}
	if err == nil {
		return ok(step, s.Listen+" is free")
	}
	page := running.snapshot.Page
	saw, do := err.Error(), "End the program that has it, or name a free address and port of this machine in status.listen. Frames flow all the same."
	switch {
	case running.err == nil && samePort(page, s.Listen):
		return ok(step, "the running agent shows it at "+page)
	case running.err == nil && page != "":
		saw += "; the running agent shows its page at " + page
		do += " If the configuration was changed, restart the agent."
	case running.err == nil:
		saw += "; the running agent shows no page"
	case errors.Is(running.err, status.ErrNoAgent):
		saw += "; no agent runs"
	case errors.Is(running.err, fs.ErrPermission):
		saw += "; this user may not ask whether the agent has it"
		do = "Ask as the agent's user: " + asAgent + ". If it is not the agent's: " + do
	default:
		saw += "; whether the agent has it cannot be asked: " + running.err.Error()
	}
	return warn(step, saw, do).is(health.PageUnavailable)
}

// samePort tells whether a page is where it should be. Its address may be written in another way.
func samePort(page, listen string) bool {
	at, err := url.Parse(page)
	_, port, err2 := net.SplitHostPort(listen)
	return errors.Join(err, err2) == nil && port != "" && at.Port() == port
}
