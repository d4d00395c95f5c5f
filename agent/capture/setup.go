package capture

import (
	"errors"
	"time"
)

// openPatience is how long Open waits for the capture folder. The rest of the agent, which has frames to send, waits with
// it.
const openPatience = 5 * time.Second

var errSilent = errors.New("does not answer")

// tried is what a look at the folder has found; err is why the agent cannot work there, and disk the state that this is.
type tried struct {
	disk diskState
	err  error
}

// checkSetup tries what the agent will have to do: list the folder, and make, rename and delete a file in it. A look that
// hangs goes on by itself, and no scan begins before it has ended, so that there is never more than one.
func (w *Watcher) checkSetup() error {
	recorded, err := readSeen(w.opts.Seen)
	if err != nil {
		return err
	}
	began := time.Now()
	found := make(chan tried, 1)
	w.scanning <- struct{}{}
	go func() {
		defer func() { <-w.scanning }()
		found <- w.trySetup()
	}()
	timer := time.NewTimer(openPatience)
	defer timer.Stop()
	select {
	case t := <-found:
		if t.err != nil && recorded == "" {
			return t.err
		}
		w.setUntried(t.err != nil)
		w.setDisk(t.disk)
	case <-timer.C:
		if recorded == "" {
			return setupError(w.opts.Dir, errSilent)
		}
		w.setUntried(true)
		w.setDisk(silent(captureFolder(w.opts.Dir), "the start", began))
	}
	return nil
}

func (w *Watcher) trySetup() tried {
	step := w.ask("the start")
	defer step.answered()
	w.findRejected()
	disk, err := w.tryFolder()
	return tried{disk, err}
}

// tryFolder also returns the state that its error makes.
func (w *Watcher) tryFolder() (diskState, error) {
	d, err := openFolder(w.opts.Dir)
	if err != nil {
		return lost(w.opts.Dir, err), setupError(w.opts.Dir, err)
	}
	defer d.close()
	if err := d.each(func(string) bool { return false }); err != nil {
		return failing(w.opts.Dir, err), setupError(w.opts.Dir, err)
	}
	if err := tryWriting(d); err != nil {
		return failing(w.opts.Dir, err), setupError(w.opts.Dir, err)
	}
	disk, err := checkMarker(d, w.opts.Seen)
	if err != nil {
		return failing(w.opts.Dir, err), err
	}
	return disk, nil
}

// tryWritingAgain returns why the folder cannot be written to, if Open left that to be tried.
func (w *Watcher) tryWritingAgain(d *folder) error {
	w.mu.Lock()
	untried := w.untried
	w.mu.Unlock()
	if !untried {
		return nil
	}
	err := tryWriting(d)
	w.setUntried(err != nil)
	return err
}

func (w *Watcher) setUntried(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.untried = is
}

func tryWriting(d *folder) error {
	name := ".shelf-agent-try-" + randomHex(8)
	f, err := d.create(name)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return d.remove(name)
}
