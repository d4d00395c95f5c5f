package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"

	"shelfagent/agent/status"
)

// envSoak is how long the soak lasts: 30m is 21,600 frames.
const envSoak = "SOAK"

const (
	soakDefault         = 20 * time.Second
	soakCameras         = 6
	soakFramesPerSecond = 2                // of each camera
	soakLong            = 5 * time.Minute  // from there on
	soakRecovery        = 45 * time.Minute // a deferral by a clock that was wrong, queue.MaxDeferral, and the backlog
)

// TestP1P2P3_Soak films while everything goes wrong at random moments: the line, both processes, both clocks. At the
// end each frame is in the bucket once, byte for byte. It prints what happened, and the seed of what was drawn.
func TestP1P2P3_Soak(t *testing.T) {
	length := soakDefault
	if text := os.Getenv(envSoak); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", envSoak, err)
		}
	}
	s := newSoak(t, length)
	frames := newShop(s.path("capture"))
	frames.film(t, soakCameras, int(length.Seconds())*soakFramesPerSecond, length)
	s.end()
	began := time.Now()
	s.await("everything is delivered", soakRecovery, allDelivered(frames.total()))
	last := s.await("all is well", recovery, func(now status.Snapshot) bool { return now.Link.Up && now.Verdict != status.Down })
	t.Logf("%d frames filmed in %s; all delivered %s after the last; agent's last life: %v",
		frames.total(), length, time.Since(began).Round(time.Second), last.Link.Outcomes)
	if last.Queue.Parked != 0 || len(last.Intake.Rejected) != 0 {
		t.Errorf("at the end: %+v", last)
	}
	s.agent.stop()
	s.bucketHolds(frames)
	s.nothingIsLeft(frames.total())
	s.noSignatureInLogs()
	t.Logf("%d objects in the bucket, each read and compared", len(s.s3.Keys(t, s.bucket, "")))
}

// soak is a rig to which things happen.
type soak struct {
	*rig
	line  *line
	jumps []time.Duration
	stop  chan struct{}
	all   sync.WaitGroup

	mu       sync.Mutex
	happened map[string]int // guarded by mu
	random   *rand.Rand     // guarded by mu
}

func newSoak(t *testing.T, length time.Duration) *soak {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	s := &soak{line: &line{t: t}, stop: make(chan struct{}), happened: map[string]int{}, random: rand.New(rand.NewPCG(seed, 0))}
	s.jumps = jumps
	if length > soakLong {
		s.jumps = slices.Concat(jumps, longJumps)
	}
	s.rig = newRig(t, plan{way: s.line.between, agent: map[string]string{"stall": `"10s"`, "max_attempts": "1000", "level": `"info"`}})
	s.agentClock, s.backendClock = &clock{}, &clock{}
	s.startBackend()
	s.startAgent()
	t.Logf("soak of %s, seed %d", length, seed)
	s.again(4*time.Second, 8*time.Second, s.spoilTheLine)
	s.again(2*time.Second, 20*time.Second, s.killAgent)
	s.again(5*time.Second, 30*time.Second, s.killBackend)
	s.again(4*time.Second, 40*time.Second, func() { s.jump("agent's clock", s.agentClock) })
	s.again(4*time.Second, 60*time.Second, func() { s.jump("backend's clock", s.backendClock) })
	return s
}

// again lets something happen after random pauses, until the end.
func (s *soak) again(least, most time.Duration, what func()) {
	s.all.Go(func() {
		for s.pause(least, most) {
			what()
		}
	})
}

// pause returns false at the end of the soak.
func (s *soak) pause(least, most time.Duration) bool {
	select {
	case <-s.stop:
		return false
	case <-time.After(least + s.draw(most-least)):
		return true
	}
}

func (s *soak) draw(most time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.random.Int64N(int64(most)))
}

func (s *soak) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.happened[what]++
}

func (s *soak) spoilTheLine() {
	bad := badLines[s.draw(time.Duration(len(badLines)))]
	where := map[time.Duration][]*toxiproxy.Proxy{0: {s.line.s3}, 1: {s.line.backend}, 2: {s.line.s3, s.line.backend}}[s.draw(3)]
	s.line.poison(bad.toxics, where...)
	s.note("line: " + bad.name)
	s.pause(500*time.Millisecond, 12*time.Second)
	s.line.cure()
}

func (s *soak) killAgent() {
	s.lives(s.agent)
	s.agent.kill()
	s.note("agent killed")
	s.pause(0, time.Second)
	s.startAgent()
}

// lives fails the test when a process has ended by itself.
func (s *soak) lives(p *process) {
	select {
	case err := <-p.ended:
		p.ended <- err
		s.t.Errorf("%s ended by itself: %v", p.cmd.Path, err)
	default:
	}
}

func (s *soak) killBackend() {
	s.lives(s.backend)
	s.backend.kill()
	s.note("backend killed")
	s.pause(0, 4*time.Second)
	s.startBackend()
}

// jumps are how far a clock goes wrong: more than the certificates' time, more than a deferral, next to nothing; and, where
// there is time to wait for what was deferred meanwhile, more and less than a ticket's life and than its tolerance.
var (
	jumps     = []time.Duration{400 * 24 * time.Hour, 30 * time.Hour, 3 * time.Hour, 30 * time.Second}
	longJumps = []time.Duration{4 * time.Minute, 20 * time.Minute}
)

func (s *soak) jump(whose string, c *clock) {
	ahead := s.jumps[s.draw(time.Duration(len(s.jumps)))]
	if s.draw(2) == 0 {
		ahead = -ahead
	}
	c.jump(ahead)
	s.note(fmt.Sprintf("%s %v", whose, ahead))
	s.pause(time.Second, 10*time.Second)
	c.jump(0)
}

// end lets all go well again, and says what happened. Both programs begin anew under the machine's own clock: each look
// at the other one costs them a turn of the scheduler.
func (s *soak) end() {
	close(s.stop)
	s.all.Wait()
	s.lives(s.agent)
	s.lives(s.backend)
	s.agent.kill()
	s.backend.kill()
	s.agentClock, s.backendClock = nil, nil
	s.startBackend()
	s.startAgent()
	for _, what := range slices.Sorted(maps.Keys(s.happened)) {
		s.t.Logf("%5d × %s", s.happened[what], what)
	}
}
