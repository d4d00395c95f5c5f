//go:build linux && (amd64 || arm64)

package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shelfagent/queue"
)

// envWork names the workload that a process under test runs, envFolder its folder.
const (
	envWork   = "SHELFAGENT_FAULTS_WORK"
	envFolder = "SHELFAGENT_FAULTS_FOLDER"
)

// envLong selects the long runs: every point, every errno, larger workloads.
const envLong = "SHELFAGENT_FAULTS_LONG"

func long() bool { return os.Getenv(envLong) != "" }

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "check" {
		os.Exit(queue.CheckExitCode(queue.CheckFile(os.Args[2])))
	}
	if name := os.Getenv(envWork); name != "" {
		if err := Submit(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(70)
		}
		workloads[name](os.Getenv(envFolder))
		os.Exit(0)
	}
	// With the race detector every process sleeps for a second at its end, and there are hundreds of them here.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// life is a run of a workload on a folder.
func life(t testing.TB, work, dir string, f Fault) Run {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Run{Dir: dir, Argv: []string{self}, Fault: f, Env: []string{envWork + "=" + work, envFolder + "=" + dir, "GOMAXPROCS=2"}}
}

// lived is what became of a run, and what it said.
type lived struct {
	Outcome
	words []word
}

// try lives it. Its error is also that of a process that hangs, or ends badly by itself.
func try(r Run) (lived, error) {
	o, err := r.Do(context.Background())
	l := lived{Outcome: o}
	if err != nil {
		return l, err
	}
	l.words, err = heard(o.Stdout)
	switch {
	case o.Hung:
		err = errors.Join(err, fmt.Errorf("it hangs:\n%s", o.Stderr))
	case !o.Killed && o.Exit != 0:
		err = errors.Join(err, fmt.Errorf("it exits with %d:\n%s", o.Exit, o.Stderr))
	}
	return l, err
}

// do is try where nothing may go wrong. Where the machine cannot watch, the test is skipped, loudly.
func do(t testing.TB, r Run) lived {
	t.Helper()
	l, err := try(r)
	if errors.Is(err, ErrUnsupported) {
		t.Skipf("NOT TESTED: %v (needed: Linux 5.7 or newer, and no filter of a container around us that forbids seccomp)", err)
	}
	must(t, err)
	return l
}

// queueDir is where the queue of a folder is. The queue makes it: that is watched as well.
func queueDir(dir string) string { return filepath.Join(dir, "queue") }

// options are those of every queue here: a disk without limits, but with a reserve, so that its file is made too.
func options(dir string) queue.Options {
	return queue.Options{Dir: queueDir(dir), MaxBytes: 1 << 40, MinFree: 1, Reserve: 64 << 10, LockTimeout: 10 * time.Second}
}

var day = time.Date(2026, 11, 22, 1, 18, 3, 123_000_000, time.UTC)

// frame makes the nth frame of a camera. Every fourth is longer than some pages, so that its write can be torn; the
// records of others are long, so that the database grows.
func frame(camera string, n int) queue.New {
	payload := fmt.Appendf(nil, "picture %d of %s", n, camera)
	if n%4 == 3 {
		payload = append(payload, make([]byte, 40_000)...)
	}
	metadata := map[string]string{"width": "3840"}
	if n%4 == 1 || n%4 == 2 {
		metadata["note"] = strings.Repeat("x", 7000)
	}
	return sealed(queue.New{Camera: camera, CapturedAt: day.Add(time.Duration(n) * time.Second), Ext: "jpg", ContentType: "image/jpeg",
		Metadata: metadata, Source: camera + "/IMG_" + strconv.Itoa(n) + ".jpg", Payload: payload})
}

// sealed is a frame with the digests of its payload.
func sealed(n queue.New) queue.New {
	n.SHA256 = sha256.Sum256(n.Payload)
	return n
}

// idOf is the ID that a frame will have.
func idOf(n queue.New) queue.ID {
	return queue.ID(fmt.Sprintf("%s/%s-%x.%s", n.Camera, n.CapturedAt.UTC().Format("20060102T150405.000Z"), n.SHA256, n.Ext))
}

// filesBelow lists regular files, relative to a folder.
func filesBelow(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, name)
		}
		return err
	})
	return names, err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
