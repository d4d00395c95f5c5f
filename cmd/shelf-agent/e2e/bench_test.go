package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/status"
	"shelfagent/queue"
	"shelfagent/uploader/backend/s3test"
)

// The size of the benchmarks. Each contender begins with an S3 server of its own, and they take turns: what else the
// machine does meets all of them.
const (
	benchFrames = 2000
	rounds      = 3
	transfers   = 8
	benchBudget = 5 * time.Minute // for one contender's turn
)

// contender takes all frames to S3, and is timed while it does.
type contender struct {
	name string
	// prepare lays the frames ready and returns the work.
	prepare func(b *testing.B, r *rig, frames [][]byte) (work func())
	// after looks at what the work should have left; nil is nothing to look at.
	after func(b *testing.B, r *rig)
}

// BenchmarkDrain takes a queued backlog to a real S3 server over TLS: the agent, from the start of its process, with
// tickets from the backend's; a bare loop that presigns and PUTs the same files; and rclone, from the start of its
// process. Agent and bare loop send the same headers.
func BenchmarkDrain(b *testing.B) {
	race(b, randomFrames(benchFrames, 250<<10), []contender{
		{"agent", queued, noBacklog},
		{"bare", bareLoop, nil},
		{"rclone-copy", rcloneCommand("copy"), nil},
	})
}

// BenchmarkWholeWay takes photographs from the capture folder to S3: validated, stripped, queued and proven by the
// agent; moved by rclone.
func BenchmarkWholeWay(b *testing.B) {
	race(b, photographs(b, benchFrames/4), []contender{
		{"agent", captured, noBacklog},
		{"rclone-move", rcloneCommand("move"), nil},
	})
}

// race lets the contenders take turns, and says how each did beside the others.
func race(b *testing.B, frames [][]byte, contenders []contender) {
	total := 0
	for _, f := range frames {
		total += len(f)
	}
	took := map[string][]time.Duration{}
	for range rounds {
		for _, c := range contenders {
			b.Run(c.name, func(b *testing.B) {
				r := newRig(b, asInShops(b))
				work := c.prepare(b, r, frames)
				if work == nil {
					b.SkipNow()
				}
				began := time.Now()
				work()
				spent := time.Since(began)
				if got := len(r.s3.Keys(b, bucket, "")); got != len(frames) {
					b.Fatalf("%d objects are in the bucket, want %d", got, len(frames))
				}
				if c.after != nil {
					c.after(b, r)
				}
				took[c.name] = append(took[c.name], spent)
				b.ReportMetric(float64(total)/1e6/spent.Seconds(), "MB/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
	b.Run("beside", func(b *testing.B) {
		ours := median(took[contenders[0].name])
		for _, c := range contenders[1:] {
			if theirs := median(took[c.name]); theirs > 0 && ours > 0 {
				b.ReportMetric(theirs.Seconds()/ours.Seconds(), "of-"+c.name)
			}
		}
		b.ReportMetric(0, "ns/op")
	})
}

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(of))[len(of)/2]
}

// queued is a backlog in the queue, and an agent that is started on it.
func queued(b *testing.B, r *rig, frames [][]byte) func() {
	ctx := context.Background()
	q, err := queue.Open(ctx, queue.Options{Dir: r.path("state", "queue"), MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	day := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for n, payload := range frames {
		if _, err := q.Put(ctx, queue.New{
			Camera: camera(n), CapturedAt: day.Add(time.Duration(n) * time.Second), Ext: "jpg", ContentType: "image/jpeg",
			SHA256: sha256.Sum256(payload), Payload: payload, Source: fmt.Sprintf("%06d.jpg", n),
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	r.startBackend()
	r.awaitBackend()
	return func() { r.startAgent(); r.awaitDelivered(len(frames)) }
}

// captured is a capture folder with finished files, and an agent that is started on it.
func captured(b *testing.B, r *rig, frames [][]byte) func() {
	lay(b, r.path("capture"), frames)
	r.startBackend()
	r.awaitBackend()
	return func() { r.startAgent(); r.awaitDelivered(len(frames)) }
}

// awaitDelivered asks the agent as a program would, often, and without a process for each question.
func (r *rig) awaitDelivered(n int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), benchBudget)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := status.Ask(ctx, r.path("agent.sock"))
		if err == nil && s.Queue.Delivered >= int64(n) {
			return
		}
		select {
		case <-ctx.Done():
			r.t.Fatalf("after %s: %v, %+v", benchBudget, err, s)
		case <-tick.C:
		}
	}
}

// asInShops logs no more than the default, and has S3 on a disk of its own: in a shop it is not the rig's that the server
// writes to.
func asInShops(b *testing.B) plan {
	return plan{s3: serverInMemory(b), agent: map[string]string{"level": `"info"`}}
}

// serverInMemory keeps the server's objects in /dev/shm, where there is one.
func serverInMemory(b *testing.B) *s3test.Server {
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		b.Logf("the S3 server writes to the rig's own disk: %v", err)
		return s3test.Start(b)
	}
	usual, set := os.LookupEnv("TMPDIR")
	defer func() {
		if _ = os.Unsetenv("TMPDIR"); set {
			_ = os.Setenv("TMPDIR", usual)
		}
	}()
	if err := os.Setenv("TMPDIR", memory); err != nil {
		b.Fatal(err)
	}
	return s3test.Start(b)
}

func noBacklog(b *testing.B, r *rig) {
	r.agent.stop()
	for _, dir := range []string{"capture", "state/queue/payload"} {
		if left := files(b, r.path(dir)); len(left) > 0 {
			b.Errorf("%d files are left in %s", len(left), dir)
		}
	}
}

// rcloneCommand is rclone with as many transfers as the agent's most.
func rcloneCommand(verb string) func(*testing.B, *rig, [][]byte) func() {
	return func(b *testing.B, r *rig, frames [][]byte) func() {
		program := rclone(b)
		if program == "" {
			return nil
		}
		lay(b, r.path("capture"), frames)
		key, err := r.s3.Credentials().Retrieve(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(program, verb, r.path("capture"), "shop:"+bucket+"/raw",
			"--transfers", fmt.Sprint(transfers), "--ca-cert", r.s3.PKI.CA.Cert, "--config", "", "--s3-no-check-bucket")
		cmd.Env = append(os.Environ(), "HOME="+r.dir, "RCLONE_CONFIG_SHOP_TYPE=s3", "RCLONE_CONFIG_SHOP_PROVIDER=Other",
			"RCLONE_CONFIG_SHOP_ENDPOINT="+r.s3.Endpoint, "RCLONE_CONFIG_SHOP_REGION="+s3test.Region,
			"RCLONE_CONFIG_SHOP_ACCESS_KEY_ID="+key.AccessKeyID, "RCLONE_CONFIG_SHOP_SECRET_ACCESS_KEY="+key.SecretAccessKey)
		return func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("rclone: %v\n%s", err, out)
			}
		}
	}
}

// rclone is the program's path; "" where it was not built. Debian's is too old for this server.
func rclone(b *testing.B) string {
	program, err := filepath.Abs("../../../.tools/rclone")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		b.Logf("SKIPPED: rclone was not built (%v); run: make bench", err)
		return ""
	}
	return program
}

// lay writes frames as files of eight cameras, each with a time of its own, for there may be equal ones.
func lay(b *testing.B, dir string, frames [][]byte) {
	day := time.Now().Add(-24 * time.Hour)
	for n, picture := range frames {
		name := filepath.Join(dir, camera(n), fmt.Sprintf("%06d.jpg", n))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, picture, 0o600); err != nil {
			b.Fatal(err)
		}
		at := day.Add(time.Duration(n) * time.Second)
		if err := os.Chtimes(name, at, at); err != nil {
			b.Fatal(err)
		}
	}
}

func camera(n int) string { return fmt.Sprintf("cam-%d", n%8) }

// randomFrames are payloads of about so many bytes; to the queue they are as good as pictures.
func randomFrames(n, bytes int) [][]byte {
	random := rand.NewChaCha8([32]byte([]byte(strings.Repeat("shelf", 7))))
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = make([]byte, bytes/2+int(random.Uint64()%uint64(bytes)))
		_, _ = random.Read(frames[i]) // never fails
	}
	return frames
}

// photographs are n pictures of two megapixels, with the grain of a sensor; a dozen different ones.
func photographs(b *testing.B, n int) [][]byte {
	made := make([][]byte, 12)
	for i := range made {
		random := rand.New(rand.NewPCG(uint64(i), 7))
		picture := image.NewGray(image.Rect(0, 0, 1920, 1080))
		for y := range 1080 {
			for x := range 1920 {
				picture.SetGray(x, y, color.Gray{Y: uint8(90 + (x/61*13+y/83*29+i)%90 + random.IntN(24))})
			}
		}
		var out bytes.Buffer
		if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: 85}); err != nil {
			b.Fatal(err)
		}
		made[i] = out.Bytes()
	}
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = made[i%len(made)]
	}
	return frames
}
