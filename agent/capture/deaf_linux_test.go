package capture

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/capture/deafmount"
)

// deaf is a rig whose capture folder is on a mount that can be made not to answer.
func deaf(t *testing.T, change ...func(*Options)) (*rig, *deafmount.Mounted) {
	t.Helper()
	at := t.TempDir()
	m := deafmount.Mount(t, t.TempDir(), at)
	return open(t, append(change, func(o *Options) { o.Dir = at })...), m
}

// TestAFolderThatDoesNotAnswer: where it is known, Open says so in time and the Watcher goes on when the answer comes; the
// look that hangs is one, whatever else is asked for. Where it is not, it is an error.
func TestAFolderThatDoesNotAnswer(t *testing.T) {
	r, m := deaf(t)
	r.write("cam-1/a.jpg")
	m.Deafen()
	began, before := time.Now(), runtime.NumGoroutine()
	w, err := Open(r.opts)
	must(t, err)
	if took := time.Since(began); took > openPatience+2*time.Second {
		t.Errorf("Open took %v", took)
	}
	s := w.State()
	equal(t, "disk at start", s.Disk, DiskSilent)
	if !strings.HasPrefix(s.Detail, "the capture folder "+r.dir+" does not answer: the start has waited for it since ") {
		t.Errorf("%q", s.Detail)
	}
	for range 3 {
		soon, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		isErr(t, "a scan meanwhile", w.scan(soon), context.DeadlineExceeded)
		stop()
	}
	if more := runtime.NumGoroutine() - before; more > 1 {
		t.Errorf("%d goroutines look at a folder that does not answer", more)
	}
	m.Hear()
	must(t, w.scan(t.Context()))
	equal(t, "disk when it answers", w.State().Disk, DiskPresent)
	r.Watcher = w
	must(t, r.next().Remove())
}

// TestAFirstStartNeedsAnAnswer: nothing is known of the folder, so nothing can be done with it.
func TestAFirstStartNeedsAnAnswer(t *testing.T) {
	t.Parallel()
	r, m := deaf(t)
	must(t, os.Remove(r.opts.Seen))
	m.Deafen()
	_, err := Open(r.opts)
	m.Hear()
	r.until("the look that hung is over", func(State) bool { return exists(r.opts.Seen) })
	setup, ok := errors.AsType[*SetupError](err)
	if !ok || setup.Problem != "does not answer" || !strings.Contains(setup.Hint, "umount -l") {
		t.Errorf("%v", err)
	}
}

// TestAScanThatHangs is a state, and does not keep Run from ending.
func TestAScanThatHangs(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r, m := deaf(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.until("the watch is live", func(s State) bool { return s.Watch.Reason == WatchLive })
	m.Deafen()
	r.kick()
	r.until("the scan waits", func(State) bool {
		s, is := r.asked.unanswered(time.Now().Add(patience - 100*time.Millisecond))
		return is && s.Disk == DiskSilent && strings.Contains(s.Detail, "the scan has waited")
	})
	stop()
	select {
	case err := <-ended:
		must(t, err)
	case <-time.After(endPatience + 5*time.Second):
		t.Fatal("Run does not end")
	}
	if !strings.Contains(log.String(), "nobody waits for it any more") {
		t.Errorf("the log: %s", log.String())
	}
}

// TestAReadThatHangs is a state, beside a scan that does not.
func TestAReadThatHangs(t *testing.T) {
	r, m := deaf(t)
	r.write("cam-1/a.jpg")
	r.step()
	f := r.next()
	m.Deafen()
	read := make(chan error, 1)
	go func() { _, err := f.Read(1 << 20); read <- err }()
	r.until("the reader waits", func(State) bool {
		s, is := r.asked.unanswered(time.Now().Add(patience))
		return is && strings.Contains(s.Detail, "a reader has waited")
	})
	m.Hear()
	must(t, <-read)
	must(t, f.Remove())
	if s, is := r.asked.unanswered(time.Now().Add(time.Hour)); is {
		t.Errorf("everything is answered, and still %+v", s)
	}
}

// TestARejectedFolderThatDoesNotAnswer is a state, too, and State does not wait for it.
func TestARejectedFolderThatDoesNotAnswer(t *testing.T) {
	r, m := deaf(t)
	r.rejected.dir, r.opts.Rejected = filepath.Join(r.dir, "rejected"), filepath.Join(r.dir, "rejected")
	m.Deafen()
	pruned := make(chan struct{})
	go func() { defer close(pruned); r.rejected.prune(time.Now()) }()
	r.until("the prune waits", func(State) bool { return m.Waiting() > 0 })
	if s, is := r.rejected.asked.unanswered(time.Now().Add(patience)); !is || !strings.HasPrefix(s.Detail, "the rejected folder "+r.opts.Rejected+" does not answer") {
		t.Errorf("%+v", s)
	}
	m.Hear()
	<-pruned
}
