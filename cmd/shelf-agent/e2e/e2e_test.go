package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"shelfagent/agent/status"
	"shelfagent/queue"
)

// The size of the tests: frames from cameras, while the agent is killed again and again.
const (
	cameras         = 5
	framesPerCamera = 100
	kills           = 20
	filming         = 15 * time.Second
)

// TestP1P2P3_KilledAgain puts 500 frames through while the agent is killed 20 times at random moments. Each frame is
// in the bucket exactly once, and nothing is left on the rig.
func TestP1P2P3_KilledAgain(t *testing.T) {
	r := newRig(t, plan{})
	r.startBackend()
	frames := newShop(r.path("capture"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		frames.film(t, cameras, framesPerCamera, filming)
	}()
	r.killAgain(kills)
	<-done
	r.drained(frames)
}

// TestP1P2P3_KilledAgainWithoutCloud is the same, with the S3 server and the backend gone for a while in the middle.
func TestP1P2P3_KilledAgainWithoutCloud(t *testing.T) {
	r := newRig(t, plan{})
	r.startBackend()
	frames := newShop(r.path("capture"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		frames.film(t, cameras, framesPerCamera, filming)
	}()
	r.killAgain(kills / 4)
	r.s3.Stop()
	r.killAgain(kills / 4)
	r.backend.kill()
	r.killAgain(kills / 4)
	r.startAgent()
	down := r.await("the outage is noticed", 30*time.Second, reads("link_down", ""))
	if down.Verdict != status.Down || len(down.Conditions) == 0 || down.Conditions[0].Code != "link_down" {
		t.Errorf("without backend and S3 the verdict is %q, conditions %+v", down.Verdict, down.Conditions)
	}
	r.agent.kill()
	r.startBackend()
	r.killAgain(kills / 8)
	r.s3.Start()
	r.killAgain(kills/4 - kills/8)
	<-done
	r.drained(frames)
}

// killAgain starts the agent and kills it, n times, after a time in which it may be anywhere.
func (r *rig) killAgain(n int) {
	r.t.Helper()
	for range n {
		r.startAgent()
		select {
		case <-time.After(50*time.Millisecond + rand.N(900*time.Millisecond)):
		case err := <-r.agent.ended:
			r.agent.ended <- err
			r.t.Fatalf("the agent ended by itself: %v", err)
		}
		r.agent.kill()
	}
}

// drained lets the agent finish, stops it, and looks at every place where a frame could be.
func (r *rig) drained(frames *shop) {
	t := r.t
	t.Helper()
	r.startAgent()
	want := frames.total()
	last := r.await("everything is delivered", 2*time.Minute, allDelivered(want))
	if last.Verdict == status.Down || last.Queue.Parked != 0 || len(last.Intake.Rejected) != 0 {
		t.Errorf("at the end: %+v", last)
	}
	r.agent.stop()
	r.bucketHolds(frames)
	r.nothingIsLeft(want)
	r.noSignatureInLogs()
}

func isUp(status.Snapshot) bool { return true }

// allDelivered: nothing waits in the capture folder or in the queue.
func allDelivered(want int) func(status.Snapshot) bool {
	return func(s status.Snapshot) bool {
		waiting := int64(0)
		for _, c := range s.Cameras {
			waiting += c.AllWaiting()
		}
		return waiting == 0 && s.Queue.Delivered >= int64(want)
	}
}

func (r *rig) noSignatureInLogs() {
	t := r.t
	t.Helper()
	for _, log := range []string{"agent.log", "backend.log"} {
		if logHas(t, r.path(log), "X-Amz-Signature") {
			t.Errorf("%s holds a signature", log)
		}
	}
}

// bucketHolds compares the bucket with what the cameras drew, byte for byte, each exactly once.
func (r *rig) bucketHolds(frames *shop) {
	t := r.t
	t.Helper()
	missing := map[string]string{}
	for camera, digests := range frames.drawn {
		for _, d := range digests {
			missing[d] = camera
		}
	}
	if len(missing) != frames.total() {
		t.Fatal("two pictures of the test are the same")
	}
	for _, key := range r.s3.Keys(t, r.bucket, "") {
		if strings.HasPrefix(key, "canary/"+store+"/") {
			continue // a doctor's, and no frame
		}
		object := r.s3.Read(t, r.bucket, key) // compares the server's own checksum with the bytes
		sum := sha256.Sum256(object.Body)
		digest := hex.EncodeToString(sum[:])
		camera, expected := missing[digest]
		switch {
		case !strings.HasPrefix(key, "raw/"+store+"/") || !strings.Contains(key, digest):
			t.Errorf("%s is not where its content belongs", key)
		case !expected:
			t.Errorf("%s is there twice, or nobody drew it", key)
		case path.Base(path.Dir(key)) != camera:
			t.Errorf("%s was drawn by %s", key, camera)
		}
		delete(missing, digest)
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d frames are not in the bucket", len(missing), frames.total())
	}
}

// nothingIsLeft looks into the capture folder, the payload folder and the queue.
func (r *rig) nothingIsLeft(delivered int) {
	t := r.t
	t.Helper()
	for _, dir := range []string{"capture", "state/queue/payload", "state/queue/tmp", "state/queue/damaged"} {
		if left := files(t, r.path(dir)); len(left) > 0 {
			t.Errorf("%d files are left in %s: %s …", len(left), dir, left[0])
		}
	}
	q, err := queue.Open(context.Background(), queue.Options{Dir: r.path("state", "queue"), MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	s := q.Stats()
	if s.Pending() != 0 || s.Parked != 0 || s.Bytes != 0 || s.Delivered != int64(delivered) {
		t.Errorf("the queue at the end: %+v", s)
	}
}

// TestHangUpAndLostLogDoNotEndTheAgent: neither a terminal that closes nor a reader of the log that has gone means that
// the shop's frames do not matter any more.
func TestHangUpAndLostLogDoNotEndTheAgent(t *testing.T) {
	r := newRig(t, plan{})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(r.path("agent.log")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	r.agent = startTo(t, writer, nil, "shelf-agent", "run", "--config", r.path("agent.toml"))
	r.await("the agent answers", 20*time.Second, isUp)
	for _, c := range []func() error{reader.Close, writer.Close} {
		if err := c(); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // each is a line in the log that nobody reads
		if err := r.agent.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		r.await("the agent still answers", 20*time.Second, isUp)
	}
	r.agent.stop()
}
