package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/health"
	"shelfagent/agent/pulse"
	"shelfagent/agent/status"
	"shelfagent/queue"
	"shelfagent/uploader"
)

// Agent is the whole. Make it with Open, run it once with Run, end it with Close.
type Agent struct {
	version  string
	started  time.Time
	identity *uploader.Identity
	log      *slog.Logger

	outspoken *slog.Logger // for what people do, each of which is said

	watcher  *capture.Watcher
	intake   *intake
	silence  *silence
	queue    *queue.Queue
	uploader *uploader.Uploader
	renewer  *uploader.Renewer // nil when others renew the certificate
	heart    *uploader.Heart
	health   *health.Set
	status   *status.Server
	pulse    pulse.Pulse
	inForce  inForce
	level    *slog.LevelVar

	stepped bool // a knob for tests, which then call observe by themselves

	closing sync.Once
	closed  error
}

// Options are what an Agent needs beside its configuration.
type Options struct {
	Version string
	// CheckCommand is a command line that checks a queue's database file in a process of its own.
	CheckCommand []string
	Logger       *slog.Logger
	// Level is that of Logger, for Reload to set; nil: it stays.
	Level *slog.LevelVar
}

// Open prepares everything that can fail before the first frame is touched.
func Open(ctx context.Context, c *config.Config, opts Options) (a *Agent, err error) {
	outspoken := opts.Logger
	opts.Logger = calmed(opts.Logger)
	a = &Agent{version: opts.Version, started: time.Now().UTC(), log: opts.Logger, outspoken: outspoken, health: health.NewSet(opts.Logger), level: opts.Level}
	a.inForce.begin(c)
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()

	// The uploader's options first: they read the certificates, the most likely thing to be missing.
	uploaderOptions, err := c.UploaderOptions(opts.Logger.With("stage", "uploader"))
	if err != nil {
		return a, err
	}
	a.identity = uploaderOptions.Identity
	queueOptions := c.QueueOptions(opts.Logger.With("stage", "queue"))
	queueOptions.CheckCommand, queueOptions.Progress = opts.CheckCommand, a.pulse.Loop("queue commit")
	if a.queue, err = queue.Open(ctx, queueOptions); err != nil {
		return a, err
	}
	if a.watcher, err = capture.Open(c.CaptureOptions(opts.Logger.With("stage", "capture"))); err != nil {
		return a, err
	}
	rules, err := c.FrameRules()
	if err != nil {
		return a, err
	}
	silences, err := c.SilenceRules()
	if err != nil {
		return a, err
	}
	a.silence = &silence{rules: silences, started: time.Now()} // with its monotonic reading: the clock may be set
	log := opts.Logger.With("stage", "intake")
	a.intake = newIntake(a.watcher, a.queue, rules, openDecodeMark(decodeMarkPath(c), log), opts.Version, log)
	if err := a.prepareToShow(c); err != nil {
		return a, err
	}
	uploaderOptions.Queue, uploaderOptions.Progress = a.queue, a.pulse.Loop("uploader")
	if a.uploader, err = uploader.New(uploaderOptions); err != nil {
		return a, err
	}
	if c.Backend.Renew && uploaderOptions.LabToken == "" { // with a token the certificate is not the backend's to renew
		a.renewer = uploader.NewRenewer(uploader.RenewOptions{
			Issuer:   uploader.Issuer{Backend: uploaderOptions.Backend, CAs: uploaderOptions.BackendCAs, Development: uploaderOptions.Guard.Development},
			Identity: a.identity, Ahead: a.uploader.ClockAhead, Logger: opts.Logger.With("stage", "renewal"),
		})
	}
	a.heart = a.uploader.Heart(a.heartbeat)
	a.intake.clock = func() *float64 { return a.uploader.Status().ClockOffset }
	a.status, err = status.Listen(a.statusOptions(c, rules.Location, outspoken))
	return a, err
}

// Page is the URL of the status page, or "".
func (a *Agent) Page() string { return a.status.Page() }

// Run does the work until ctx ends or a stage fails, and returns when every stage has stopped. It returns nil
// when ctx ended it.
func (a *Agent) Run(ctx context.Context) error {
	takeIn, stopIntake := context.WithCancelCause(ctx)
	defer stopIntake(nil)
	upload, stopUploads := context.WithCancel(context.WithoutCancel(ctx))
	defer stopUploads()
	serve, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()

	var intake, uploads, serving sync.WaitGroup
	start := func(group *sync.WaitGroup, ctx context.Context, what string, run func(context.Context) error) {
		group.Go(func() {
			if err := run(ctx); err != nil {
				stopIntake(fmt.Errorf("%s: %w", what, err)) // one stage less is no agent; the service manager starts it anew
			}
		})
	}
	start(&serving, serve, "status", a.status.Serve)
	start(&serving, serve, "health", a.observeLoop)
	start(&uploads, upload, "uploader", a.uploader.Run)
	if a.renewer != nil {
		start(&uploads, upload, "renewal", a.renewer.Run)
	}
	start(&uploads, upload, "heartbeat", a.heart.Run)
	start(&intake, takeIn, "capture", a.watcher.Run)
	for range intakeWorkers() {
		turn := a.pulse.Loop("intake")
		start(&intake, takeIn, "intake", func(ctx context.Context) error { return a.intake.run(ctx, turn) })
	}
	a.log.Info("shelf-agent runs", "version", a.version, "store", a.identity.Name().Store, "rig", a.identity.Name().Rig, "page", a.Page())

	<-takeIn.Done()
	a.log.Info("stopping")
	a.await(&intake)
	stopUploads()
	uploads.Wait()
	err := a.closeQueue()
	stopServing()
	serving.Wait()
	a.log.Info("stopped")
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(context.Cause(takeIn), err)
}

// endPatience is how long the end waits for what takes files in: a picture that is being decoded is queued by then.
const endPatience = 10 * time.Second

// await waits for the intake, though not for a disk that does not answer: a worker that waits for it finds the queue closed
// if ever it goes on, and the process ends before.
func (a *Agent) await(intake *sync.WaitGroup) {
	ended := make(chan struct{})
	go func() {
		intake.Wait()
		close(ended)
	}()
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		a.log.Warn("the intake does not end, as when the capture folder does not answer; nobody waits for it any more")
	}
}

// intakeWorkers is more than there are processors: a worker waits for the disk as often as it works, and
// frames that are put at the same time share one flush of the disk.
func intakeWorkers() int { return 2*runtime.GOMAXPROCS(0) + 2 }

// Close gives back what Open took. It may be called more than once, and after Run.
func (a *Agent) Close() error {
	if a.status != nil {
		a.status.Close()
	}
	return a.closeQueue()
}

func (a *Agent) closeQueue() error {
	a.closing.Do(func() {
		if a.queue != nil {
			a.closed = a.queue.Close()
		}
	})
	return a.closed
}
