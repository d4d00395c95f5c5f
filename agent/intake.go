package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"sync"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/config"
	"shelfagent/agent/frame"
	"shelfagent/queue"
)

// Pauses before a file is offered again.
const (
	fullPause    = 10 * time.Second // the queue has no room
	failurePause = 5 * time.Second  // the disk failed
)

// intake takes files from capture into the queue.
type intake struct {
	watcher *capture.Watcher
	queue   *queue.Queue
	version string
	clock   func() *float64 // the backend's clock less this machine's, in seconds; nil when not known
	log     *slog.Logger

	pictures *pictures // nil: nobody may see them
	recent   recent

	// decoders bounds how many frames are checked at once: it is what takes the processor. heavy is held by the one
	// among them that may take frame.Options.MaxMemory; a JPEG that stays as it is takes next to nothing.
	decoders chan struct{}
	heavy    sync.Mutex
	mark     *decodeMark

	patience time.Duration // how long one file may take

	mu     sync.Mutex // guards what follows
	rules  config.FrameRules
	noRoom time.Time // until then the queue need not be asked for room
	tally  intakeTally
	views  map[string]*view // by camera
	// rejects says to the log what was rejected.
	rejects *rejectLog
}

// intakeTally is what status reports of the intake.
type intakeTally struct {
	admitted   map[string]int64            // by camera
	rejected   map[string]map[string]int64 // by camera and code
	lastReject time.Time
	lastWhy    string
	good       map[string]time.Time              // by camera, when its latest frame got into the queue
	faults     map[frame.Fault]map[string]string // by camera: what is seen of those that have it
	hourly     map[string][]int64                // by camera: frames in each of the last hours
	full       failure                           // the queue had no room
	failing    failure                           // the disk or the queue refused something else
}

// failure is the newest of its kind; the zero value is none.
type failure struct {
	what string
	at   time.Time
}

func failed(err error) failure { return failure{err.Error(), time.Now()} }

func newIntake(w *capture.Watcher, q *queue.Queue, rules config.FrameRules, mark *decodeMark, version string, log *slog.Logger) *intake {
	return &intake{
		watcher: w, queue: q, rules: rules, mark: mark, version: version, log: log,
		clock:    func() *float64 { return nil },
		patience: patience,
		decoders: make(chan struct{}, runtime.GOMAXPROCS(0)),
		tally: intakeTally{
			admitted: map[string]int64{}, rejected: map[string]map[string]int64{}, good: map[string]time.Time{},
		},
		views: map[string]*view{}, rejects: newRejectLog(log),
	}
}

// worker is one of those that take files in. turn is told of each step, as pulse.Pulse wants it.
type worker struct {
	*intake
	turn func(within time.Duration)
}

// run is one worker. It ends with ctx, between two files.
func (in *intake) run(ctx context.Context, turn func(within time.Duration)) error {
	w := worker{in, turn}
	for {
		turn(0)
		in.awaitRoom(ctx)
		file, err := in.watcher.Next(ctx)
		if err != nil {
			return nil //nolint:nilerr // it is ctx's: the end of the work
		}
		w.step(ctx, file)
	}
}

// waiting says that the worker waits for others: for the capture folder, which tells in its own state that it does not
// answer, or for those that do. To start the agent anew would end neither, and would end the uploads.
func (w worker) waiting() (over func()) {
	w.turn(0)
	return func() { w.turn(w.patience) }
}

// ruling returns the rules that are in force.
func (in *intake) ruling() config.FrameRules {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.rules
}

// take puts other rules in force for the files that are taken in from now on. Those that workers hold go by the rules
// before. Small pictures made by them are forgotten: a new mask hides what they may show.
func (in *intake) take(rules config.FrameRules) {
	in.mu.Lock()
	in.rules = rules
	in.mu.Unlock()
	in.pictures.forget()
}

// awaitRoom holds intake back after the queue was found full: to read and check a whole backlog again and again,
// only to find no room for it, would keep the rig busy for as long as the outage lasts.
func (in *intake) awaitRoom(ctx context.Context) {
	in.mu.Lock()
	pause := time.Until(in.noRoom)
	in.mu.Unlock()
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// step takes one file to its end: into the queue, into the rejected folder, or back to be offered again.
func (w worker) step(ctx context.Context, file *capture.File) {
	w.turn(w.patience)
	f, err := w.frame(file)
	var rejection *frame.Rejection
	switch {
	case errors.As(err, &rejection):
		w.reject(file, rejection)
		return
	case errors.Is(err, capture.ErrChanged), errors.Is(err, capture.ErrVanished):
		file.Release(0) // someone writes it or took it; the next look tells
		return
	case err != nil:
		w.note(func(t *intakeTally) { t.failing = failed(err) })
		file.Release(failurePause)
		return
	}
	if err := w.put(ctx, file, f); err != nil {
		return
	}
	defer w.waiting()()
	if err := file.Remove(); err != nil && !errors.Is(err, capture.ErrChanged) {
		// It will be found again, recognised, and removed then.
		w.log.Debug("source not removed yet", "file", file.Path, "error", err)
	}
}

// frame reads and validates a file.
func (w worker) frame(file *capture.File) (*frame.Frame, error) {
	ruling := w.ruling()
	rules := ruling.Of(file.Camera)
	limit := rules.Options.MaxBytes
	if file.Size > limit {
		return nil, &frame.Rejection{Code: frame.CodeTooLarge, Detail: fmt.Sprintf("%d bytes, at most %d allowed", file.Size, limit)}
	}
	over := w.waiting()
	w.decoders <- struct{}{}
	defer func() { <-w.decoders }()
	raw, err := file.Read(limit)
	over()
	if err != nil {
		return nil, err
	}
	if heavy(raw, rules.Options) {
		w.heavy.Lock()
		defer w.heavy.Unlock()
		if err := w.mark.begin(file); err != nil {
			return nil, err
		}
		defer w.mark.end(file)
	}
	f, err := frame.New(raw, frame.Source{ModTime: file.ModTime, Location: ruling.Location}, rules.Options)
	if err != nil && file.Incomplete {
		return nil, &frame.Rejection{Code: frame.CodeTruncated, Detail: "still incomplete after capture.give_up: " + err.Error()}
	}
	return f, err
}

// heavy tells whether all pixels will have to be in memory.
func heavy(raw []byte, options frame.Options) bool {
	changed := len(options.Masks) > 0 || options.LongestEdge > 0 || options.Quality > 0 || options.Output != ""
	return changed || !bytes.HasPrefix(raw, []byte("\xff\xd8"))
}

// put stores a frame. With an error the file has been given back.
func (in *intake) put(ctx context.Context, file *capture.File, f *frame.Frame) error {
	seen := in.look(file.Camera, f)
	began := time.Now().Truncate(time.Millisecond)
	item, err := in.queue.Put(ctx, queue.New{
		Camera: file.Camera, CapturedAt: f.CapturedAt, Ext: f.Format.Ext(), ContentType: f.Format.ContentType(),
		SHA256: f.SHA256, Source: file.Name, Payload: f.Bytes,
		Metadata: metadata(f, seen, in.version, clockTrust(in.clock())),
	})
	var full *queue.FullError
	switch {
	case err == nil:
		in.remember(file.Camera, f, seen)
		in.pictures.keep(file.Camera, f)
		in.recent.add(taken{at: time.Now(), camera: file.Camera, file: file.Name, captured: f.CapturedAt, id: item.ID, sha256: f.SHA256})
		in.note(func(t *intakeTally) {
			if !item.EnqueuedAt.Before(began) { // or it was queued before, and its file could not be removed
				t.admitted[file.Camera]++
			}
			t.good[file.Camera] = time.Now()
			in.rejects.admitted(file.Camera, time.Now())
			in.noRoom = time.Time{}
		})
		return nil
	case errors.As(err, &full):
		in.note(func(t *intakeTally) {
			t.full = failed(full)
			in.noRoom = time.Now().Add(fullPause)
		})
		file.Release(fullPause)
	case ctx.Err() != nil:
		file.Release(0)
	default:
		in.note(func(t *intakeTally) { t.failing = failed(err) })
		file.Release(failurePause)
	}
	return err
}

func (w worker) reject(file *capture.File, why *frame.Rejection) {
	over := w.waiting()
	err := file.Reject(capture.Rejection{Code: string(why.Code), Sentence: why.Code.Sentence(), Detail: why.Detail})
	over()
	switch {
	case errors.Is(err, capture.ErrChanged), errors.Is(err, capture.ErrVanished):
		return
	case err != nil:
		w.note(func(t *intakeTally) { t.failing = failed(err) })
		return
	}
	w.recent.add(taken{at: time.Now(), camera: file.Camera, file: file.Name, rejection: *why})
	w.note(func(t *intakeTally) {
		w.rejects.rejected(file, why, time.Now())
		if t.rejected[file.Camera] == nil {
			t.rejected[file.Camera] = map[string]int64{}
		}
		t.rejected[file.Camera][string(why.Code)]++
		t.lastReject = time.Now()
		t.lastWhy = fmt.Sprintf("%s/%s: %s", file.Camera, file.Name, why.Code.Sentence())
	})
}

func (in *intake) note(change func(*intakeTally)) {
	in.mu.Lock()
	defer in.mu.Unlock()
	change(&in.tally)
}

// now is a copy of the tally.
func (in *intake) now() intakeTally {
	in.mu.Lock()
	defer in.mu.Unlock()
	t := in.tally
	t.admitted, t.rejected = maps.Clone(t.admitted), maps.Clone(t.rejected)
	for camera, codes := range t.rejected {
		t.rejected[camera] = maps.Clone(codes)
	}
	t.good, t.faults = maps.Clone(t.good), in.faulty()
	t.hourly = in.hourly(time.Now())
	return t
}
