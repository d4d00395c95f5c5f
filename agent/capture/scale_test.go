package capture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// Promise 8: more files than are remembered come out all, oldest first, from a ledger that stays small.
func TestBacklog(t *testing.T) {
	r := open(t)
	const files, limit = 2000, 64
	r.ledger = newLedger(limit, r.kick)
	must(t, os.Mkdir(filepath.Join(r.dir, "cam-1"), 0o755))
	start := time.Now().Add(-time.Hour)
	for i := range files {
		path := filepath.Join(r.dir, "cam-1", fmt.Sprintf("%016x-%d.jpg", rand.Uint64(), i)) // in no order
		must(t, os.WriteFile(path, jpeg, 0o644))
		at := start.Add(time.Duration(i) * time.Second)
		must(t, os.Chtimes(path, at, at))
	}
	r.step()
	equal(t, "waiting", r.camera("cam-1").Waiting, files)
	for i := range files {
		select {
		case <-r.kicks:
			r.step()
		default:
		}
		if i%97 == 50 && i < files-2*limit {
			// A young file does not overtake those that are not remembered.
			path := r.write("cam-1/young.jpg")
			r.lookAt("cam-1/young.jpg")
			equal(t, "remembered", r.ledger.find("cam-1", "cam-1/young.jpg"), nil)
			must(t, os.Remove(path))
		}
		f := r.next()
		var n int
		if _, err := fmt.Sscanf(f.Name[17:], "%d.jpg", &n); err != nil || n != i {
			t.Fatalf("%d. file is %s", i, f.Name)
		}
		if n := len(r.ledger.cameras["cam-1"].entries); n > limit {
			t.Fatalf("%d files are remembered", n)
		}
		must(t, f.Remove())
	}
	r.step().none(20 * time.Millisecond)
}

// While a camera is scanned again, only files older than all that were left to this scan are handed out.
func TestNoOvertakingWhileScanning(t *testing.T) {
	l := newLedger(2, func() {})
	now := time.Now()
	at := func(age int) info { return info{regular: true, mtime: now.Add(-time.Duration(age) * time.Minute)} }
	c := l.get("cam-1")
	l.begin(c, now)
	for _, age := range []int{9, 7, 8} {
		l.add(c, fmt.Sprint(age), at(age), now)
	}
	l.end(c, []string{"cam-1"}, nil)
	e, _, _, _ := l.take(now) // 9; now there would be room
	equal(t, "first", e.path, "9")
	l.finish(e)

	l.begin(c, now)
	l.add(c, "1", at(1), now) // the scan comes across the youngest first
	e, _, _, _ = l.take(now)
	equal(t, "second", e.path, "8")
	l.finish(e)
	if e, _, _, _ = l.take(now); e != nil {
		t.Errorf("%s was handed out before the scan had seen all", e.path)
	}
	l.add(c, "7", at(7), now)
	l.end(c, []string{"cam-1"}, nil)
	e, _, _, _ = l.take(now)
	equal(t, "third", e.path, "7")
}

// Files that were put off do not keep out the others, even if there are many.
func TestManyReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t)
		r.ledger = newLedger(16, r.kick)
		for i := range 16 {
			r.aged(fmt.Sprintf("cam-1/old-%02d.jpg", i), time.Hour)
		}
		r.step()
		for range 16 {
			r.next().Release(time.Hour)
		}
		for i := range 10 {
			r.write(fmt.Sprintf("cam-1/new-%d.jpg", i))
		}
		r.step()
		for range 10 {
			f := r.next()
			equal(t, "name", f.Name[:4], "new-")
			must(t, f.Remove())
		}
		for range 16 {
			must(t, r.nextIn(2*time.Hour).Remove())
		}
	})
}

func TestTooManyCameras(t *testing.T) {
	r := open(t)
	for i := range maxCameras + 1 {
		must(t, os.Mkdir(filepath.Join(r.dir, fmt.Sprintf("cam-%d", i)), 0o755))
	}
	r.step()
	equal(t, "too many", r.State().TooMany, true)
	equal(t, "cameras", len(r.State().Cameras), maxCameras)
}

// Many files at start: the oldest is out soon, and what is known of them is small. Both are logged, and bounded only
// against gross mistakes. SHELFAGENT_BACKLOG is how many; `make test-backlog` takes 100,000.
func TestStartWithBacklog(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: writes 20,000 files")
	}
	n := 20_000
	if text := os.Getenv("SHELFAGENT_BACKLOG"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		must(t, err)
	}
	r := open(t)
	must(t, os.Mkdir(filepath.Join(r.dir, "cam-1"), 0o755))
	for i := range n {
		must(t, os.WriteFile(filepath.Join(r.dir, "cam-1", fmt.Sprintf("%06d.jpg", i)), jpeg, 0o644))
	}
	r.aged("cam-1/oldest.jpg", time.Hour)
	before := alive()
	began := time.Now()
	r.run()
	f := r.next()
	took := time.Since(began)
	equal(t, "first", f.Name, "oldest.jpg")
	must(t, f.Remove())
	r.until("the scan is over", func(s State) bool { return len(s.Cameras) == 1 && s.Cameras[0].Waiting >= n })
	memory := alive() - before
	t.Logf("of %d files the first was out after %v; %d KiB are remembered of them", n+1, took, memory>>10)
	if took > 10*time.Second {
		t.Error("too late")
	}
	if memory > 4<<20 {
		t.Errorf("%d bytes are remembered", memory)
	}
	began = time.Now()
	for range 5000 { // more than are remembered: another scan comes in between
		must(t, r.nextIn(2*time.Minute).Remove())
	}
	t.Logf("5,000 files taken in %v", time.Since(began))
}

// alive is the heap without garbage, in bytes.
func alive() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A slow listing does not hold back everything: see firstScanHold.
func TestHoldEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t)
		r.write("cam-1/a.jpg")
		in, err := os.Lstat(filepath.Join(r.dir, "cam-1/a.jpg"))
		must(t, err)
		began := time.Now()
		c := r.ledger.get("cam-1")
		r.ledger.begin(c, began)
		r.ledger.add(c, "cam-1/a.jpg", info{regular: true, size: in.Size(), mtime: in.ModTime()}, began)
		f := r.next()
		equal(t, "held for", time.Since(began), firstScanHold)
		must(t, f.Remove())
	})
}

// BenchmarkHandOut is the way of one small file through the package when nothing waits: written, found, read, removed.
func BenchmarkHandOut(b *testing.B) {
	dir := b.TempDir()
	w, err := Open(Options{Dir: dir, Rejected: filepath.Join(dir, ".rejected")})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = w.Run(b.Context()) }()
	path := filepath.Join(dir, "a.jpg")
	for b.Loop() {
		if err := os.WriteFile(path, jpeg, 0o644); err != nil {
			b.Fatal(err)
		}
		f, err := w.Next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Read(1 << 20); err != nil {
			b.Fatal(err)
		}
		if err := f.Remove(); err != nil {
			b.Fatal(err)
		}
	}
}
