package agent

import (
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"shelfagent/agent/capture"
	"shelfagent/agent/capture/deafmount"
	"shelfagent/agent/health"
	"shelfagent/agent/pulse"
	"shelfagent/queue"
)

// TestACaptureFolderThatDoesNotAnswerStopsNoUpload: the machine that it is on goes away before a start, and again while the
// agent runs. It starts, says so, sends what is queued, is never stuck, goes on when the folder answers, and ends in time.
func TestACaptureFolderThatDoesNotAnswerStopsNoUpload(t *testing.T) {
	l := newLab(t)
	m := deaf(t, l.shop)
	l.s3.put(answers(http.StatusServiceUnavailable, ""))
	l.start()
	l.write("a.jpg", picture(t, 64))
	l.until("a frame is queued", func(f facts) bool { return f.queue.Pending() == 1 })
	l.stop()

	m.Deafen()
	l.s3.put(takes)
	began := time.Now()
	l.start()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the start took %v", took)
	}
	f := l.until("what is queued is delivered", func(f facts) bool { return f.queue.Delivered == 1 && f.queue.Pending() == 0 })
	if f.capture.Disk != capture.DiskSilent {
		t.Errorf("the capture folder is %s", f.capture.Disk)
	}
	active := l.seen(0, health.CaptureMissing)
	if text := l.reads(active); !strings.Contains(text, "does not answer: the start has waited for it since") {
		t.Errorf("a person reads: %s", text)
	}
	notStuck(t, l.a)
	m.Hear()
	l.write("b.jpg", picture(t, 72))
	l.until("it goes on when the folder answers", func(f facts) bool { return f.capture.Disk == capture.DiskPresent && f.queue.Delivered == 2 })

	m.Deafen()
	l.until("a look hangs", func(facts) bool { return m.Waiting() > 0 })
	notStuck(t, l.a)
	began = time.Now()
	l.stop()
	if took := time.Since(began); took > endPatience+5*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// notStuck: nothing that waits for the capture folder has given its word, however long it waits.
func notStuck(t *testing.T, a *Agent) {
	t.Helper()
	for _, late := range a.pulse.Late(time.Now().Add(1000 * time.Hour)) {
		if late.Loop != "uploader" && late.Loop != "health" {
			t.Errorf("stuck, later: %s", late)
		}
	}
}

// TestAWorkerThatWaitsForTheCaptureFolderIsNotStuck, in a read or behind those that wait; and its word counts again when it
// has what it waited for.
func TestAWorkerThatWaitsForTheCaptureFolderIsNotStuck(t *testing.T) {
	s := newShop(t)
	m := deaf(t, s)
	in, q, next := s.intake(queue.Options{})
	in.decoders = make(chan struct{}, 1)
	s.write("a.jpg", picture(t, 64))
	s.write("b.jpg", picture(t, 72))
	files := []*capture.File{next(), next()}
	m.Deafen()
	var p pulse.Pulse
	var group sync.WaitGroup
	for _, file := range files {
		w := worker{in.intake, p.Loop("intake")}
		group.Go(func() { w.step(t.Context(), file) })
	}
	for deadline := time.Now().Add(20 * time.Second); len(in.decoders) == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("nobody reads")
		}
	}
	if late := p.Late(time.Now().Add(1000 * time.Hour)); len(late) > 0 {
		t.Errorf("stuck, later: %v", late)
	}
	m.Hear()
	group.Wait()
	if waiting := q.Stats().Pending(); waiting != 2 {
		t.Errorf("%d frames are queued", waiting)
	}
	if late := p.Late(time.Now().Add(1000 * time.Hour)); len(late) != len(files) {
		t.Errorf("a word that is given counts: %v", late)
	}
}

// deaf puts the shop's capture folder on a mount that can be made not to answer.
func deaf(t *testing.T, s shop) *deafmount.Mounted {
	t.Helper()
	nas := t.TempDir()
	if err := os.Mkdir(nas+"/cam-1", 0o755); err != nil {
		t.Fatal(err)
	}
	return deafmount.Mount(t, nas, s.path("capture"))
}
