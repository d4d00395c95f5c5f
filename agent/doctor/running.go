package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"shelfagent/agent/status"
)

// askTimeout ends the wait for a running agent's answer.
const askTimeout = 5 * time.Second

// asked is what a running agent said of itself, if there is one.
type asked struct {
	snapshot status.Snapshot
	err      error
}

func askAgent(ctx context.Context, socket string) asked {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	snapshot, err := status.Ask(ctx, socket)
	return asked{snapshot, err}
}

// result says whether an agent runs. That it does not is no failure of the path, but frames do not go by themselves.
func (a asked) result() Result {
	const step = "agent"
	switch {
	case a.err == nil && a.snapshot.Verdict == status.Healthy:
		return ok(step, "it runs, as process "+fmt.Sprint(a.snapshot.PID)+", and says that all is well")
	case a.err == nil:
		var titles []string
		for _, c := range a.snapshot.Conditions {
			titles = append(titles, strings.TrimSpace(c.Title+" "+c.Subject))
		}
		return warn(step, fmt.Sprintf("it runs, as process %d, and says that it is %s: %s", a.snapshot.PID, a.snapshot.Verdict,
			strings.Join(titles, "; ")), "See what it says: shelf-agent status. What follows here may show the cause.")
	case errors.Is(a.err, status.ErrNoAgent):
		r := warn(step, "none runs", "Start it: sudo shelf-agent service start. If it ends again, what follows here may say why.")
		r.Means = "Cameras may go on writing files, but nothing takes them in or sends them."
		return r
	case errors.Is(a.err, fs.ErrPermission):
		return skipped(step, "this user may not ask whether one runs; as the agent: "+asAgent)
	default:
		return warn(step, "whether one runs cannot be asked: "+a.err.Error(), "Ask again; if it stays so: sudo shelf-agent service restart.")
	}
}
