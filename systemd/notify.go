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
	// when two looks in a row find that the service hangs, and no watchdog of systemd's is set. One look does not tell: where
	// the clock counts the sleep of the machine, as on Windows, every loop is late when it wakes, until it has run.
	End func()

	every    time.Duration
	watchdog bool
	log      *slog.Logger

	mu     sync.Mutex // guards what follows
	status string     // as it was told last
	failed bool       // systemd could not be told, and the log has it
	stuck  int        // looks in a row that have found it so; the log has the first
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
//
// That it lives is said on the word of Stuck alone. The headline asks the disk and waits for locks, so it is made beside
// this: one that is late is told late. One that hangs for good is not waited for in the end.
func (n *Notifier) Watch(ctx context.Context, s Service) {
	asks, lines := make(chan struct{}, 1), make(chan string)
	defer close(asks)
	go headlines(ctx, s, asks, lines)
	tick := time.NewTicker(n.every)
	defer tick.Stop()
	for {
		if n.tell(s.Stuck()) {
			select {
			case asks <- struct{}{}:
			default: // the last one is not answered yet
			}
		}
		if !n.pause(ctx, tick.C, lines) {
			n.send(daemon.SdNotifyStopping)
			n.Status("stopping")
			return
		}
	}
}

// headlines makes a line for each question.
func headlines(ctx context.Context, s Service, asks <-chan struct{}, lines chan<- string) {
	for range asks {
		select {
		case lines <- s.Headline():
		case <-ctx.Done():
			return
		}
	}
}

// pause lasts until the next tick; false says that ctx has ended. A headline that comes meanwhile is told.
func (n *Notifier) pause(ctx context.Context, tick <-chan time.Time, lines <-chan string) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case line := <-lines:
			n.headline(line)
		case <-tick:
			return true
		}
	}
}

// tell says whether the service lives.
func (n *Notifier) tell(stuck []string) (lives bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.noteStuck(stuck)
	if len(stuck) > 0 {
		n.sendLocked(n.news("stuck: " + strings.Join(stuck, "; ")))
		if n.stuck > 1 && !n.watchdog && n.End != nil {
			n.End()
		}
		return false
	}
	if n.watchdog {
		n.sendLocked([]string{daemon.SdNotifyWatchdog})
	}
	return true
}

// headline tells how the service is, unless it is more important by now what hangs.
func (n *Notifier) headline(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stuck == 0 {
		n.sendLocked(n.news(line))
	}
}

// noteStuck says each onset and each end to the log, once.
func (n *Notifier) noteStuck(stuck []string) {
	if len(stuck) == 0 {
		if n.stuck > 0 {
			n.log.Info("over: the agent hangs")
		}
		n.stuck = 0
		return
	}
	if n.stuck++; n.stuck > 1 {
		return
	}
	what := "nobody restarts it: no watchdog is set"
	switch {
	case n.watchdog:
		what = "systemd's watchdog is told no more that it lives, and restarts it"
	case n.End != nil:
		what = "unless it moves within " + n.every.String() + " it ends, to be started anew"
	}
	n.log.Error("the agent hangs; "+what, "stuck", stuck)
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
