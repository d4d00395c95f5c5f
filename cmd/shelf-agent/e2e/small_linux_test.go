package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfagent/agent/status"
)

// The small machine: what the agent may have, and what it should need (DESIGN, "Numbers to hold").
const (
	smallMemory = 96 << 20 // bytes, of everything that the kernel counts as the agent's
	goals       = "goals: idle under 0.5 % of one core and 40 MiB RSS; the program, stripped, under 20 MiB"

	idleFor, busyFor = time.Minute, 30 * time.Second
)

// BenchmarkSmallMachine is what an agent with eight cameras costs on one core and 96 MiB: idle, and while it films. CPU
// time is of all its threads. Wakeups are their voluntary context switches: each is a thread that slept and was woken,
// which is what keeps a processor from resting; a timer that ends while another thread runs costs none.
func BenchmarkSmallMachine(b *testing.B) {
	r := newRig(b, plan{s3: serverInMemory(b), agent: map[string]string{"level": `"info"`, "listen": `"127.0.0.1:0"`}})
	r.startBackend()
	r.awaitBackend()
	limited := startSmall(b, r)
	pictures := photographs(b, 12)
	shot := 0
	shoot := func() {
		name := r.path("capture", camera(shot), fmt.Sprintf("%06d.jpg", shot))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name+".tmp", pictures[shot%len(pictures)], 0o600); err != nil {
			b.Fatal(err)
		}
		if err := os.Rename(name+".tmp", name); err != nil {
			b.Fatal(err)
		}
		shot++
	}
	for range 8 {
		shoot()
	}
	r.await("every camera is known", time.Minute, func(s status.Snapshot) bool { return len(s.Cameras) == 8 && s.Queue.Delivered == 8 })
	for _, load := range []struct {
		name  string
		every time.Duration // between frames; 0 is idle
		spent time.Duration
	}{
		{"idle", 0, idleFor},
		{"frame-a-second", time.Second, busyFor},
		{"frame-a-second-each", time.Second / 8, busyFor},
	} {
		b.Run(load.name, func(b *testing.B) {
			b.Logf("%s; %s", limited, goals)
			before, began := costOf(b, r.agent), time.Now()
			keepShooting(load.every, load.spent, shoot)
			after, spent := costOf(b, r.agent), time.Since(began)
			r.awaitDelivered(shot)
			b.ReportMetric(100*(after.cpu-before.cpu).Seconds()/spent.Seconds(), "%core")
			b.ReportMetric(float64(after.wakeups-before.wakeups)/spent.Seconds(), "wakeups/s")
			b.ReportMetric(float64(after.rss)/(1<<20), "RSS-MiB")
			b.ReportMetric(float64(after.peak)/(1<<20), "peak-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
	b.Run("program", func(b *testing.B) {
		b.ReportMetric(strippedSize(b)/(1<<20), "MiB")
		b.ReportMetric(0, "ns/op")
	})
	r.agent.stop()
}

// keepShooting shoots at an even pace; at no pace, it waits.
func keepShooting(every, during time.Duration, shoot func()) {
	end := time.After(during)
	if every == 0 {
		<-end
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
			shoot()
		}
	}
}

// startSmall starts the agent on one core, in a control group of its own with little memory; where that cannot be had,
// without the limit. It says which.
func startSmall(b *testing.B, r *rig) (limited string) {
	b.Helper()
	join := "true"
	if group, err := smallGroup(b); err != nil {
		limited = fmt.Sprintf("one core, memory NOT limited: %v", err)
	} else {
		join, limited = "echo $$ > "+group+"/cgroup.procs", fmt.Sprintf("one core, memory limited to %d MiB", smallMemory>>20)
	}
	log, err := os.Create(r.path("agent.log"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }() // the child has its own
	r.agent = startExtra(b, log, nil, nil, "/bin/sh", "-c", join+` && exec taskset --cpu-list 0 "$@"`, "sh",
		filepath.Join(programs, "shelf-agent"), "run", "--config", r.path("agent.toml"))
	r.await("the agent answers", 20*time.Second, isUp)
	return limited
}

// smallGroup makes a control group, of version 1 where memory belongs to that.
func smallGroup(b *testing.B) (string, error) {
	group, file := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(group); err != nil {
		group, file = "/sys/fs/cgroup", "memory.max"
	}
	group = filepath.Join(group, fmt.Sprintf("shelf-small-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		return "", err
	}
	b.Cleanup(func() {
		if err := os.Remove(group); err != nil { // the agent, stopped before, was the last in it
			b.Errorf("a control group is left behind: %v", err)
		}
	})
	return group, os.WriteFile(filepath.Join(group, file), []byte(strconv.Itoa(smallMemory)), 0o644)
}

// cost is what a process has used so far.
type cost struct {
	cpu       time.Duration
	wakeups   int64
	rss, peak int64 // bytes
}

func costOf(b *testing.B, p *process) cost {
	b.Helper()
	proc := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	c := cost{rss: fieldOf(b, proc+"/status", "VmRSS:") << 10, peak: fieldOf(b, proc+"/status", "VmHWM:") << 10}
	tasks, err := filepath.Glob(proc + "/task/*")
	if err != nil || len(tasks) == 0 {
		b.Fatalf("the agent has no threads: %v", err)
	}
	for _, task := range tasks {
		c.wakeups += fieldOf(b, task+"/status", "voluntary_ctxt_switches:")
		raw, err := os.ReadFile(task + "/schedstat")
		if err != nil {
			b.Fatal(err)
		}
		nanoseconds, err := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		c.cpu += time.Duration(nanoseconds)
	}
	return c
}

// fieldOf is a number in a file like /proc/self/status.
func fieldOf(b *testing.B, file, name string) int64 {
	b.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("%s has no %s", file, name)
	return 0
}

// strippedSize builds the agent as a release does.
func strippedSize(b *testing.B) float64 {
	b.Helper()
	program := filepath.Join(b.TempDir(), "shelf-agent")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "shelfagent/cmd/shelf-agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size())
}
