package systemd

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusEvery is how often systemd hears how the service is, if it does not want to be told more often that it lives.
const statusEvery = 10 * time.Second

// Service is what a Notifier watches.
type Service interface {
	// Headline is how it is, in one line.
	Headline() string
	// Stuck says what of it hangs, in a few words each.
	Stuck() []string
}

// Notifier tells the systemd that has started this process how it is: sd_notify(3). Where no systemd wants to be told,
// it tells nobody.
type Notifier struct {
	// End ends the process, to be started anew by a service manager that has no watchdog; nil: nobody would. It is called
	// when the service hangs and no watchdog of systemd's is set.
	End func()

	every    time.Duration
	watchdog bool
	log      *slog.Logger

	mu     sync.Mutex // guards what follows
	status string     // as it was told last
	failed bool       // systemd could not be told, and the log has it
	stuck  bool       // the log has it
}

// NewNotifier reads NOTIFY_SOCKET and WATCHDOG_USEC of the environment.
func NewNotifier(log *slog.Logger) *Notifier {
	n := &Notifier{every: statusEvery, log: log}
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not told that the agent lives", "error", err)
	}
	if patience > 0 {
		n.watchdog, n.every = true, min(patience/4, statusEvery)
	}
	return n
}

// Ready says that the start, or a reload, is over.
func (n *Notifier) Ready() { n.send(daemon.SdNotifyReady) }

// Reloading says that the configuration is read anew; Ready has to follow. The time says which reload it is, where the
// unit has Type=notify-reload.
func (n *Notifier) Reloading() {
	n.send(daemon.SdNotifyReloading + "\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
}

// Status says what the service is busy with.
func (n *Notifier) Status(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sendLocked(n.news(line))
}

// Watch tells systemd how a service is until ctx ends, then that it stops. It says that the service lives only while
// nothing of it hangs: a service that does is killed and started anew by systemd, after WatchdogSec.
func (n *Notifier) Watch(ctx context.Context, s Service) {
	tick := time.NewTicker(n.every)
	defer tick.Stop()
	for {
		n.tell(s)
		select {
		case <-ctx.Done():
			n.send(daemon.SdNotifyStopping)
			n.Status("stopping")
			return
		case <-tick.C:
		}
	}
}

func (n *Notifier) tell(s Service) {
	stuck := s.Stuck()
	line := ""
	if len(stuck) == 0 {
		line = s.Headline() // what hangs may hold what this waits for
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.noteStuck(stuck)
	if len(stuck) > 0 {
		n.sendLocked(n.news("stuck: " + strings.Join(stuck, "; ")))
		if !n.watchdog && n.End != nil {
			n.End()
		}
		return
	}
	message := n.news(line)
	if n.watchdog {
		message = append(message, daemon.SdNotifyWatchdog)
	}
	n.sendLocked(message)
}

// noteStuck says each onset and each end to the log, once.
func (n *Notifier) noteStuck(stuck []string) {
	switch {
	case len(stuck) > 0 && !n.stuck:
		what := "nobody restarts it: no watchdog is set"
		switch {
		case n.watchdog:
			what = "systemd's watchdog is told no more that it lives, and restarts it"
		case n.End != nil:
			what = "it ends, to be started anew"
		}
		n.log.Error("the agent hangs; "+what, "stuck", stuck)
	case len(stuck) == 0 && n.stuck:
		n.log.Info("over: the agent hangs")
	}
	n.stuck = len(stuck) > 0
}

// news is a status that has not been told yet.
func (n *Notifier) news(line string) []string {
	if line == n.status {
		return nil
	}
	n.status = line
	return []string{"STATUS=" + strings.ReplaceAll(line, "\n", " ")}
}

func (n *Notifier) send(message string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sendLocked([]string{message})
}

// sendLocked sends one datagram. The caller holds mu.
func (n *Notifier) sendLocked(message []string) {
	if len(message) == 0 {
		return
	}
	_, err := daemon.SdNotify(false, strings.Join(message, "\n"))
	if err != nil && !n.failed {
		n.log.Warn("systemd cannot be told how the agent is", "error", err)
	}
	n.failed = err != nil
}
