package capture

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The life of one good file.
func TestTake(t *testing.T) {
	r := open(t)
	path := r.write("Cam-1/2026/11/a.jpg")
	f := r.step().next()
	equal(t, "camera", f.Camera, "cam-1")
	equal(t, "path", f.Path, path)
	equal(t, "name", f.Name, "a.jpg")
	equal(t, "size", f.Size, int64(len(jpeg)))
	equal(t, "incomplete", f.Incomplete, false)
	if !bytes.Equal(r.read(f), jpeg) {
		t.Error("other bytes")
	}
	_, err := f.Read(3)
	isErr(t, "read over the limit", err, ErrTooLarge)
	must(t, f.Remove())
	equal(t, "source exists", exists(path), false)
	isErr(t, "second Remove", f.Remove(), ErrEnded)
	isErr(t, "Reject after Remove", f.Reject(Rejection{}), ErrEnded)
	f.Release(0) // nothing happens
	r.step().none(20 * time.Millisecond)
	names, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	equal(t, "left beside it", len(names), 0)
	c := r.camera("cam-1")
	equal(t, "seen", c.Seen, 1)
	equal(t, "taken", c.Taken, 1)
	equal(t, "waiting", c.Waiting, 0)
}

// Promise 1: what is at the path when Remove comes is not always what was handed out.
func TestRemoveOnlyWhatWasHandedOut(t *testing.T) {
	other := bytes.Replace(jpeg, []byte("pixels"), []byte("PIXELS"), 1)
	tests := []struct {
		name string
		do   func(t *testing.T, path string)
	}{
		{"overwritten in place, same length, at once", func(t *testing.T, path string) {
			must(t, os.WriteFile(path, other, 0o644))
		}},
		{"overwritten in place, same length, time put back", func(t *testing.T, path string) {
			fi, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, other, 0o644))
			must(t, os.Chtimes(path, fi.ModTime(), fi.ModTime()))
		}},
		{"replaced by rename", func(t *testing.T, path string) {
			must(t, os.WriteFile(path+".tmp", other, 0o644))
			must(t, os.Rename(path+".tmp", path))
		}},
		{"deleted and made again", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.WriteFile(path, other, 0o644))
		}},
		{"appended to", func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			_, err = f.Write(jpeg)
			must(t, err)
			must(t, f.Close())
		}},
	}
	for _, test := range tests {
		for _, end := range []string{"Remove", "Reject"} {
			t.Run(test.name+", then "+end, func(t *testing.T) {
				r := open(t)
				path := r.write("cam-1/a.jpg")
				// Old enough for its content not to be compared again: the looks alone must tell.
				at := time.Now().Add(-time.Hour)
				must(t, os.Chtimes(path, at, at))
				f := r.step().next()
				r.read(f)
				test.do(t, path)
				want, err := os.ReadFile(path)
				must(t, err)
				if end == "Remove" {
					err = f.Remove()
				} else {
					err = f.Reject(Rejection{Code: "corrupt"})
				}
				isErr(t, end, err, ErrChanged)
				again := r.next()
				equal(t, "offered again", again.Path, path)
				if got := r.read(again); !bytes.Equal(got, want) {
					t.Errorf("the new picture reads %q", got)
				}
				must(t, again.Remove())
				list, err := RejectedList(r.opts.Rejected)
				must(t, err)
				equal(t, "rejected", len(list), 0)
			})
		}
	}
}

func TestReadAfterChange(t *testing.T) {
	r := open(t)
	path := r.write("cam-1/a.jpg")
	f := r.step().next()
	must(t, os.WriteFile(path, append(jpeg, 1), 0o644))
	_, err := f.Read(1 << 20)
	isErr(t, "Read", err, ErrChanged)
	f.Release(0)

	f = r.next()
	must(t, os.Remove(path))
	_, err = f.Read(1 << 20)
	isErr(t, "Read", err, ErrVanished)
	must(t, f.Remove()) // gone is what was wanted
	r.none(20 * time.Millisecond)
}

func TestRejectVanished(t *testing.T) {
	r := open(t)
	path := r.write("cam-1/a.jpg")
	f := r.step().next()
	must(t, os.Remove(path))
	isErr(t, "Reject", f.Reject(Rejection{}), ErrVanished)
}

func TestRelease(t *testing.T) {
	r := open(t)
	r.write("cam-1/a.jpg")
	f := r.step().next()
	began := time.Now()
	f.Release(100 * time.Millisecond)
	r.step() // a scan does not bring it forward
	f = r.next()
	if d := time.Since(began); d < 100*time.Millisecond {
		t.Errorf("offered again after %v", d)
	}
	equal(t, "seen", r.camera("cam-1").Seen, 1)
	began = time.Now()
	f.Release(100 * time.Millisecond)
	r.write("cam-1/a.jpg", jpeg, jpeg)
	r.step() // neither does a change
	f = r.next()
	if d := time.Since(began); d < 100*time.Millisecond {
		t.Errorf("offered again after %v", d)
	}
	f.Release(0)
}

// A picture written under the name of the one in hand, after that was removed, is found without a scan.
func TestSameNameAgain(t *testing.T) {
	r := open(t).run()
	for i := range 50 {
		want := append([]byte(fmt.Sprintf("%d", i)), jpeg...)
		path := r.write("cam-1/latest.jpg", want)
		f := r.next()
		if got := r.read(f); !bytes.Equal(got, want) {
			t.Fatalf("round %d: read %q", i, got)
		}
		must(t, f.Remove())
		equal(t, "source exists", exists(path), false)
	}
}

// Promise 5.
func TestManyCallers(t *testing.T) {
	r := open(t).run()
	const files, callers = 400, 8
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	inHand, taken := map[string]bool{}, 0
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				f, err := r.Next(ctx)
				if err != nil {
					return
				}
				mu.Lock()
				if inHand[f.Path] {
					t.Errorf("%s is in two hands", f.Path)
				}
				inHand[f.Path] = true
				mu.Unlock()
				_, err = f.Read(1 << 20)
				mu.Lock()
				inHand[f.Path] = false
				mu.Unlock()
				if err != nil || rand.IntN(4) == 0 {
					f.Release(time.Duration(rand.IntN(3)) * time.Millisecond)
					continue
				}
				if err := f.Remove(); err != nil {
					continue
				}
				mu.Lock()
				if taken++; taken == files {
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for i := range files {
		r.write(fmt.Sprintf("cam-%d/%d.jpg", i%5, i))
		if i%50 == 0 {
			must(t, r.scan(t.Context()))
		}
	}
	wg.Wait()
	equal(t, "taken", taken, files)
}

// Promise 6.
func TestOrder(t *testing.T) {
	r := open(t)
	for i := range 3 {
		age := time.Duration(i) * time.Hour
		r.aged(fmt.Sprintf("b/%d.jpg", i), age)
		r.aged(fmt.Sprintf("a/x/%d.jpg", 2-i), time.Hour+age) // b is younger altogether, and still has its turn
	}
	r.aged("top.jpg", 0)
	r.step()
	var got []string
	for range 7 {
		f := r.next()
		got = append(got, f.Camera+"/"+f.Name)
	}
	want := "[a/0.jpg b/2.jpg default/top.jpg a/1.jpg b/1.jpg a/2.jpg b/0.jpg]"
	equal(t, "order", fmt.Sprint(got), want)
}

// A crash, or a failed rename, can leave a file under its aside name.
func TestAsideIsRestored(t *testing.T) {
	r := open(t)
	path := r.write("cam-1/a.jpg")
	must(t, os.Rename(path, filepath.Join(r.dir, "cam-1", asideName("a.jpg"))))
	f := r.step().next()
	equal(t, "path", f.Path, path)
	must(t, f.Remove())

	// Its name is taken by now.
	must(t, os.Rename(r.write("cam-1/a.jpg"), filepath.Join(r.dir, "cam-1", asideName("a.jpg"))))
	r.write("cam-1/a.jpg")
	r.step()
	if a, b := r.next(), r.next(); a.Path == b.Path {
		t.Errorf("both are %s", a.Path)
	}

	// The crash was between link and unlink.
	path = r.write("cam-2/a.jpg")
	must(t, os.Link(path, filepath.Join(r.dir, "cam-2", asideName("a.jpg"))))
	equal(t, "path", r.step().next().Path, path)
}

func TestLongName(t *testing.T) {
	r := open(t)
	long := fmt.Sprintf("%0251d.jpg", 1)
	r.write("cam-1/" + long)
	f := r.step().next()
	must(t, f.Reject(Rejection{Code: "corrupt"}))
	r.write("cam-1/" + long)
	must(t, r.step().next().Remove())
}
