package agent

import (
	"fmt"
	"strings"
	"time"

	"shelfagent/agent/health"
	"shelfagent/agent/status"
)

// patience is how long a step of one of the agent's own loops may take: a file that is read, checked and queued, behind
// others that wait for the same disk; or a look at all the stages.
const patience = 5 * time.Minute

// Stuck says which loops hang, each in a few words; see the package pulse.
func (a *Agent) Stuck() []string {
	var stuck []string
	for _, late := range a.pulse.Late(time.Now()) {
		stuck = append(stuck, late.String())
	}
	return stuck
}

// Headline is the agent in one line, for who asks the service manager: "3 cameras, 12 waiting, link up".
func (a *Agent) Headline() string { return headline(a.Snapshot()) }

func headline(s status.Snapshot) string {
	parts := []string{howMany(len(s.Cameras), "camera"), fmt.Sprintf("%d waiting", s.Queue.Waiting), linkWords(s.Link)}
	if s.Queue.Parked > 0 {
		parts = append(parts, fmt.Sprintf("%d parked", s.Queue.Parked))
	}
	line := strings.Join(parts, ", ")
	if len(s.Conditions) > 0 && s.Verdict != status.Healthy {
		line += fmt.Sprintf("; %s: %s", s.Verdict, s.Conditions[0].Title) // the worst comes first
	}
	return line
}

func howMany(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + " yet"
	case 1:
		return "1 " + noun
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

func linkWords(l status.Link) string {
	switch {
	case l.Limit != nil && l.Limit.Paused:
		return "uploads paused until " + l.Limit.Until.Format("15:04")
	case !l.Up:
		return "link down"
	default:
		return "link up"
	}
}

// notReloaded raises or ends the condition that a changed configuration is not in use.
func (a *Agent) notReloaded(why string) {
	a.health.Set(health.ConfigReloadFailed, time.Now(), why != "", why)
}
