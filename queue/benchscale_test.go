package queue

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// benchSizes are how many frames wait.
var benchSizes = []int{1_000, 100_000, 1_000_000}

// emptyFrame has no bytes: a million of them have to be made, and what costs is their number. The queue never looks into
// a payload that it has a record of.
func emptyFrame(n int) New {
	return New{Camera: fmt.Sprintf("cam-%d", n%benchCameras), CapturedAt: day.Add(time.Duration(n) * time.Second), Ext: "jpg",
		ContentType: "image/jpeg", SHA256: sha256.Sum256(nil),
		Metadata: map[string]string{"width": "3840", "height": "2160"}, Source: fmt.Sprintf("cam/IMG_%d.jpg", n)}
}

// fill gives a queue n frames, as fast as bbolt takes them; with their files, if so is asked for.
func fill(tb testing.TB, q *Queue, n int, files bool) {
	tb.Helper()
	for camera := range benchCameras {
		must(tb, q.disk.mkdir(q.payloadDir(fmt.Sprintf("cam-%d", camera))))
	}
	const step = 10_000
	for from := 0; from < n; from += step {
		must(tb, q.do(func(t *txn) error {
			for i := from; i < min(from+step, n); i++ {
				it, err := emptyFrame(i).item(day)
				if err == nil && files {
					err = os.WriteFile(q.payloadPath(it.ID), nil, 0o600)
				}
				if err != nil {
					return err
				}
				t.add(it)
			}
			return nil
		}))
	}
}

// BenchmarkWaiting is what starts, Put, Lease and Ack cost while many frames wait.
func BenchmarkWaiting(b *testing.B) {
	sized := make([]*sizedQueue, len(benchSizes))
	for i, n := range benchSizes {
		s := &sizedQueue{waiting: n, opts: testOptions(b.TempDir())}
		s.Queue = openTest(b, s.opts)
		fill(b, s.Queue, n, true)
		must(b, s.Close())
		sized[i] = s
	}
	for _, s := range sized {
		for _, clean := range []bool{true, false} {
			b.Run(fmt.Sprintf("start,waiting=%d,clean=%v", s.waiting, clean), func(b *testing.B) { s.starts(b, clean) })
		}
	}
	b.Run("put,lease,ack", func(b *testing.B) {
		for _, s := range sized {
			s.Queue = openTest(b, s.opts)
		}
		for b.Loop() {
			for range 200 { // few would say nothing of a disk that others use
				for _, s := range sized {
					s.cycle(b)
				}
			}
		}
		b.ReportMetric(0, "ns/op") // of all sizes together
		for _, s := range sized {
			b.ReportMetric(median(s.put), fmt.Sprintf("put@%d-µs", s.waiting))
			b.ReportMetric(median(s.lease), fmt.Sprintf("lease@%d-µs", s.waiting))
			b.ReportMetric(median(s.ack), fmt.Sprintf("ack@%d-µs", s.waiting))
		}
	})
}

type sizedQueue struct {
	*Queue
	opts            Options
	waiting, done   int
	put, lease, ack []time.Duration
}

// cycle puts a frame and delivers the one whose turn it is. Queues of every size take turns, so that whatever else the machine
// does slows all of them; for the same reason it is the median that is reported.
func (s *sizedQueue) cycle(b *testing.B) {
	f := benchFrame(int64(s.done))
	s.done++
	begin := time.Now()
	mustPut(b, s.Queue, f)
	put := time.Now()
	it := mustLease(b, s.Queue, 1)[0]
	lease := time.Now()
	must(b, s.Ack(context.Background(), it.ID, Receipt{Proof: ProofStored}))
	s.put = append(s.put, put.Sub(begin))
	s.lease = append(s.lease, lease.Sub(put))
	s.ack = append(s.ack, time.Since(lease))
}

// median is in µs.
func median(d []time.Duration) float64 {
	d = slices.Sorted(slices.Values(d))
	return float64(d[len(d)/2].Nanoseconds()) / 1000
}

// starts has a process of its own open the queue and lease from it: how long that takes, and what memory it has beyond the
// mapped file then, and when all is healed.
func (s *sizedQueue) starts(b *testing.B, clean bool) {
	var said started
	for b.Loop() {
		if !clean {
			must(b, os.Remove(s.markerPath()))
		}
		said = startInChild(b, s.opts.Dir)
	}
	if said.Waiting != s.waiting || said.Clean != clean {
		b.Errorf("%+v", said)
	}
	b.ReportMetric(0, "ns/op") // it includes the start of the process, and healing
	b.ReportMetric(float64(said.Open.Microseconds())/1000, "open-ms")
	b.ReportMetric(float64(said.Lease.Microseconds())/1000, "first-lease-ms")
	b.ReportMetric(said.Healed.Seconds(), "healed-s")
	b.ReportMetric(said.Used, "MiB-open")
	b.ReportMetric(said.UsedHealed, "MiB-healed")
	b.ReportMetric(said.Mapped, "MiB-mapped")
}

// started is what a process says of its start.
type started struct {
	Clean                    bool
	Waiting                  int
	Open, Lease, Healed      time.Duration
	Used, UsedHealed, Mapped float64 // MiB
}

// startEnv asks a process to open the queue in a directory and say how it was.
const startEnv = "QUEUE_TEST_START"

func startInChild(tb testing.TB, dir string) (s started) {
	tb.Helper()
	self, err := os.Executable()
	must(tb, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), startEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	must(tb, err)
	must(tb, json.Unmarshal(out, &s))
	return s
}

// start is the process.
func start(dir string) error {
	opts := testOptions(dir)
	opts.CheckCommand = []string{os.Args[0], "check"}
	var s started
	begin := time.Now()
	q, err := Open(context.Background(), opts)
	if err != nil {
		return err
	}
	s.Open = time.Since(begin)
	s.Clean, s.Waiting = q.Healed().Clean, int(q.Stats().Waiting)
	begin = time.Now()
	items, err := q.Lease(context.Background(), 1)
	if err != nil || len(items) != 1 {
		return fmt.Errorf("leased %d: %w", len(items), err)
	}
	s.Lease = time.Since(begin)
	if s.Used, _, err = memory(); err != nil {
		return err
	}
	if err := q.WaitHealed(context.Background()); err != nil {
		return err
	}
	s.Healed = time.Since(begin)
	if s.UsedHealed, s.Mapped, err = memory(); err != nil {
		return err
	}
	return errors.Join(q.Release(items[0].ID), q.Close(), json.NewEncoder(os.Stdout).Encode(s))
}

// memory is what this process has in memory, in MiB, beside the database, and what it has of that. Nothing where there is no /proc.
func memory() (beside, mapped float64, err error) {
	f, err := os.Open("/proc/self/smaps")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	database := false
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		var kib float64
		switch {
		case !strings.HasSuffix(fields[0], ":"): // a mapping: addresses, mode, offset, device, inode, and perhaps a path
			database = strings.HasPrefix(filepath.Base(fields[len(fields)-1]), "queue.db")
		case fields[0] == "Rss:":
			if _, err := fmt.Sscan(fields[1], &kib); err != nil {
				return 0, 0, err
			}
		}
		if database {
			mapped += kib / 1024
		} else {
			beside += kib / 1024
		}
	}
	return beside, mapped, lines.Err()
}
