package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// The swap comes after the look and before the rename: what was caught is another file, and gets its name back.
func TestAsideCaughtAnother(t *testing.T) {
	r := open(t)
	path := r.write("cam-1/a.jpg")
	f := r.step().next()
	d, err := descend(r.dir, "cam-1")
	must(t, err)
	defer d.close()
	must(t, os.WriteFile(path+".tmp", []byte("new"), 0o644))
	must(t, os.Rename(path+".tmp", path))
	a := &aside{f: f, d: d, name: asideName("a.jpg")}
	must(t, d.rename("a.jpg", d, a.name))
	defer a.close()
	isErr(t, "verify", a.verify(), ErrChanged)
	isErr(t, "putBack", a.putBack(ErrChanged), ErrChanged)
	data, err := os.ReadFile(path)
	must(t, err)
	equal(t, "content", string(data), "new")
}

// A writer that resolved the name just before the rename waits in open(2) until the lease ends. Its picture is not lost.
func TestRemoveFeelsWaitingWriter(t *testing.T) {
	needLease(t)
	r := open(t)
	path := r.write("cam-1/a.jpg")
	f := r.step().next()
	r.read(f)
	wrote := make(chan error, 1)
	r.lease = func(file *os.File) leaseAnswer {
		answer := takeLease(file)
		late, err := filepath.Glob(filepath.Join(r.dir, "cam-1", asidePrefix+"*"))
		if err != nil || len(late) != 1 {
			t.Errorf("no file was set aside: %v, %v", late, err)
			return answer
		}
		go func() { wrote <- os.WriteFile(late[0], []byte("late"), 0) }()
		for leaseKept(file) {
			runtime.Gosched() // until the writer has got to its open
		}
		return answer
	}
	isErr(t, "Remove", f.Remove(), ErrChanged)
	must(t, <-wrote)
	data, err := os.ReadFile(path)
	must(t, err)
	equal(t, "content", string(data), "late")
}

// Someone writes again when Read or Remove comes, and nothing about the file shows it yet.
func TestOpenForWritingAgain(t *testing.T) {
	needLease(t)
	r := open(t)
	path := r.write("cam-1/a.jpg")
	f := r.step().next()
	r.read(f)
	writer, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Read(1 << 20)
	isErr(t, "Read", err, ErrChanged)
	isErr(t, "Remove", f.Remove(), ErrChanged)
	r.none(30 * time.Millisecond)
	must(t, writer.Close())
	must(t, r.next().Remove())
}

// A file read so soon after its last write that a second one could have the same time stamp is compared by content.
func TestFreshFileIsCompared(t *testing.T) {
	r := open(t)
	path := r.write("cam-1/a.jpg")
	f := r.step().next()
	r.read(f)
	equal(t, "fresh", f.fresh, true)
	f.sum++ // what was read was something else
	isErr(t, "Remove", f.Remove(), ErrChanged)
	equal(t, "source exists", exists(path), true)

	r.aged("cam-1/a.jpg", time.Minute)
	f = r.next()
	r.read(f)
	equal(t, "fresh", f.fresh, false)
	must(t, f.Remove())
}

// A camera that replaces one file as fast as it can, and a consumer that takes it: only the camera itself may make a
// picture go unseen, so the last one of each burst always comes out.
func TestRacingReplacement(t *testing.T) {
	r := open(t).run()
	const bursts, pictures = 60, 40
	var taken int
	for burst := range bursts {
		done := make(chan error, 1)
		go func() {
			for i := range pictures {
				if err := replace(filepath.Join(r.dir, "cam-1"), "latest.jpg", fmt.Appendf(nil, "%d %d", burst, i)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for last := fmt.Sprint(burst, pictures-1); ; {
			f := r.next()
			data, err := f.Read(1 << 20)
			if err != nil {
				f.Release(0)
				continue
			}
			if f.Remove() != nil {
				continue
			}
			taken++
			if string(data) == last {
				break
			}
		}
		must(t, <-done)
	}
	t.Logf("%d of %d pictures were taken", taken, bursts*pictures)
}

func replace(dir, name string, data []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tmp := filepath.Join(dir, ".new")
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}
