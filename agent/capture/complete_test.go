package capture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"
)

// needLease skips tests of what only Linux can do.
func needLease(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: there are no read leases on " + runtime.GOOS)
	}
}

func noLease(*os.File) leaseAnswer { return leaseUnsure }

// Promise 4: a file is handed out as soon as its writer closes it, and not before, however slow.
func TestSlowWriter(t *testing.T) {
	needLease(t)
	r := open(t, func(o *Options) { o.Settle = time.Hour }).run() // the lease alone must do
	must(t, os.MkdirAll(filepath.Join(r.dir, "cam-1"), 0o755))
	file, err := os.Create(filepath.Join(r.dir, "cam-1", "slow.jpg"))
	must(t, err)
	for range 3 {
		_, err = file.Write(jpeg) // ends in an end marker each time
		must(t, err)
		r.none(30 * time.Millisecond)
	}
	r.write("cam-1/quick.jpg")
	f := r.next()
	equal(t, "overtakes", f.Name, "quick.jpg")
	must(t, f.Remove())
	equal(t, "writing", r.camera("cam-1").Writing, 1)
	must(t, file.Close())
	f = r.next()
	equal(t, "size", f.Size, int64(3*len(jpeg)))
	equal(t, "incomplete", f.Incomplete, false)
	must(t, f.Remove())
}

func TestRenameIsCompleteAtOnce(t *testing.T) {
	needLease(t)
	r := open(t, func(o *Options) { o.Settle = time.Hour }).run()
	tmp := r.write("cam-1/.a.jpg.tmp")
	r.none(20 * time.Millisecond)
	must(t, os.Rename(tmp, filepath.Join(r.dir, "cam-1", "a.jpg")))
	equal(t, "name", r.next().Name, "a.jpg")
}

// A writer that closes after each append is recognised by the missing end marker.
func TestReopenAndAppend(t *testing.T) {
	needLease(t)
	r := open(t, func(o *Options) { o.Settle = time.Hour }).run()
	path := r.write("cam-1/a.jpg", jpeg[:12])
	r.none(50 * time.Millisecond)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = file.Write(jpeg[12:])
	must(t, err)
	must(t, file.Close())
	if f := r.next(); !bytes.Equal(r.read(f), jpeg) {
		t.Error("handed out between two appends")
	}
}

// The kernel's answer, the end of the file and the time it kept still make the verdict.
func TestJudge(t *testing.T) {
	const settle, giveUp = time.Second, time.Minute
	half := string(jpeg[:15])
	tests := []struct {
		name    string
		content string
		lease   leaseAnswer
		quiet   time.Duration
		want    verdict
		wait    time.Duration
	}{
		{"closed and whole", string(jpeg), leaseTaken, 0, isComplete, 0},
		{"closed, not a known format", "hello", leaseTaken, 0, isComplete, 0},
		{"closed, junk after the end", string(jpeg) + "junk", leaseTaken, 0, isComplete, 0},
		{"closed without an end", half, leaseTaken, 0, isWritten, settle},
		{"closed without an end, settled", half, leaseTaken, settle, isComplete, 0},
		{"closed empty", "", leaseTaken, settle / 4, isWritten, settle / 4 * 3},
		{"closed empty, settled", "", leaseTaken, settle, isComplete, 0},
		{"open", string(jpeg), leaseBusy, settle, isWritten, 0},
		{"open, not written to for long", string(jpeg), leaseBusy, giveUp, isOverdue, 0},
		{"open and empty for long", "", leaseBusy, giveUp, isOverdue, 0},
		{"no lease, new", string(jpeg), leaseUnsure, 0, isWritten, settle},
		{"no lease, settled", string(jpeg), leaseUnsure, settle, isComplete, 0},
		{"no lease, settled, junk after the end", string(jpeg) + "junk", leaseUnsure, settle, isComplete, 0},
		{"no lease, settled, not a known format", "hello", leaseUnsure, settle, isComplete, 0},
		{"no lease, settled, empty", "", leaseUnsure, settle, isComplete, 0},
		{"no lease, no end", half, leaseUnsure, settle, isWritten, settle},
		{"no lease, no end, almost given up", half, leaseUnsure, giveUp - 1, isWritten, 1},
		{"no lease, no end for long", half, leaseUnsure, giveUp, isOverdue, 0},
	}
	w := &Watcher{opts: Options{Settle: settle, GiveUp: giveUp}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := entry{info: info{size: int64(len(test.content))}}
			got := w.judge(e, bytes.NewReader([]byte(test.content)), test.lease, test.quiet)
			equal(t, "verdict", got.verdict, test.want)
			equal(t, "wait", got.wait, test.wait)
		})
	}
}

// What counts is the file as it is after the kernel's answer.
func TestWriterFinishesBeforeTheAnswer(t *testing.T) {
	r := open(t)
	path := r.write("cam-1/a.jpg")
	r.lease = func(*os.File) leaseAnswer {
		r.lease = noLease
		must(t, os.WriteFile(path, append(jpeg, jpeg...), 0o644))
		return leaseTaken
	}
	equal(t, "size", r.step().next().Size, int64(2*len(jpeg)))
}

// Without leases: kept still for Settle since it was first seen, or since it last changed.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, func(o *Options) { o.Settle = 10 * time.Second; o.GiveUp = time.Hour })
		r.lease = noLease
		path := r.write("cam-1/a.jpg", jpeg[:12])
		began := time.Now()
		r.step()
		// It grows, unnoticed by any event, after seven seconds.
		time.AfterFunc(7*time.Second, func() { r.write("cam-1/a.jpg", jpeg) })
		f := r.nextIn(time.Minute)
		if d := time.Since(began); d < 17*time.Second || d > 21*time.Second {
			t.Errorf("complete after %v", d)
		}
		equal(t, "path", f.Path, path)
		equal(t, "incomplete", f.Incomplete, false)
	})
}

func TestGiveUp(t *testing.T) {
	tests := []struct {
		name  string
		lease func(*os.File) leaseAnswer
		data  []byte
	}{
		{"its writer never closes it", func(*os.File) leaseAnswer { return leaseBusy }, jpeg},
		{"no end marker, no leases", noLease, jpeg[:12]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := open(t, func(o *Options) { o.GiveUp = 5 * time.Minute })
				r.lease = test.lease
				r.write("cam-1/a.jpg", test.data)
				began := time.Now()
				f := r.step().nextIn(time.Hour)
				if d := time.Since(began); d < 5*time.Minute || d > 5*time.Minute+time.Second {
					t.Errorf("given up after %v", d)
				}
				equal(t, "incomplete", f.Incomplete, true)
				r.read(f)
				must(t, f.Reject(Rejection{Code: "truncated"}))
			})
		})
	}
}

// A slow writer is not a dead one.
func TestGrowingIsNotGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, func(o *Options) { o.GiveUp = 5 * time.Minute })
		r.lease = func(*os.File) leaseAnswer { return leaseBusy }
		path := r.write("cam-1/a.jpg", jpeg)
		r.step()
		var group errgroup.Group
		group.Go(func() error {
			for range 10 {
				time.Sleep(4 * time.Minute) // of the bubble's clock
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if err := os.WriteFile(path, append(data, jpeg...), 0o644); err != nil {
					return err
				}
			}
			return nil
		})
		f := r.nextIn(2 * time.Hour)
		equal(t, "size", f.Size, int64(11*len(jpeg)))
		must(t, group.Wait())
	})
}

// The probes follow a writer closely at first, and cost little later.
func TestProbePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t)
		began := time.Now()
		var at []time.Duration
		r.lease = func(*os.File) leaseAnswer {
			at = append(at, time.Since(began))
			if time.Since(began) > 30*time.Second {
				return leaseTaken
			}
			return leaseBusy
		}
		r.write("cam-1/a.jpg")
		r.step().nextIn(time.Minute)
		if len(at) > 200 {
			t.Errorf("%d probes in 30 s", len(at))
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap > max(at[i]/8, minProbe) || gap > maxProbe {
				t.Errorf("a gap of %v at %v", gap, at[i])
			}
		}
	})
}

func TestLease(t *testing.T) {
	needLease(t)
	path := filepath.Join(t.TempDir(), "a")
	writer, err := os.Create(path)
	must(t, err)
	reader, err := os.Open(path)
	must(t, err)
	defer reader.Close()
	equal(t, "while open for writing", takeLease(reader), leaseBusy)
	must(t, writer.Close())
	equal(t, "when closed", takeLease(reader), leaseTaken)
	equal(t, "kept", leaseKept(reader), true)

	// A writer that comes now waits for us, the lease knows, and the process survives the signal.
	opened := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			err = f.Close()
		}
		opened <- err
	}()
	for leaseKept(reader) {
		runtime.Gosched()
	}
	select {
	case <-opened:
		t.Error("the writer did not wait")
	default:
	}
	giveLease(reader)
	must(t, <-opened)
	equal(t, "when closed again", takeLease(reader), leaseTaken)
}

func TestEnding(t *testing.T) {
	thumbnail := "\xff\xd8\xff\xe1\x00\x08\xff\xd8\xff\xd9ab"
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\x01IHDRaCRC4"
	tests := []struct {
		name, content string
		want          ending
	}{
		{"nothing known", "hello", endUnknown},
		{"one byte", "\xff", endUnknown},
		{"jpeg", string(jpeg), endThere},
		{"jpeg with junk", string(jpeg) + string(make([]byte, 200_000)), endThere},
		{"jpeg cut in its data", string(jpeg[:15]), endAbsent},
		{"jpeg cut in its header", string(jpeg[:5]), endAbsent},
		{"jpeg of three bytes", string(jpeg[:3]), endAbsent},
		{"jpeg with a whole thumbnail, cut", thumbnail + "\xff\xda\x00\x02pix", endAbsent},
		{"jpeg with a whole thumbnail, whole", thumbnail + "\xff\xda\x00\x02pix\xff\xd9ab", endThere},
		{"jpeg with fill bytes", "\xff\xd8\xff\xff\xff\xda\x00\x02p\xff\xd9ab", endThere},
		{"jpeg with segments that lead nowhere", "\xff\xd8\xff\xe0\xff\xffab", endAbsent},
		{"png", png + "\x00\x00\x00\x00IENDCRC4", endThere},
		{"png with junk", png + "\x00\x00\x00\x00IENDCRC4junk", endThere},
		{"png cut", png, endAbsent},
		{"png cut in the last chunk", png + "\x00\x00\x00\x00IENDCR", endAbsent},
		{"webp", "RIFF\x06\x00\x00\x00WEBPab", endThere},
		{"webp cut", "RIFF\x07\x00\x00\x00WEBPab", endAbsent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := endingOf(bytes.NewReader([]byte(test.content)), int64(len(test.content)))
			must(t, err)
			equal(t, "ending", got, test.want)
		})
	}
	// An end marker on the border of two blocks of the search.
	for shift := range 8 {
		content := append(bytes.Clone(jpeg), make([]byte, 64<<10-4+shift)...)
		got, err := endingOf(bytes.NewReader(content), int64(len(content)))
		must(t, err)
		equal(t, fmt.Sprint("shifted by ", shift), got, endThere)
	}
}
