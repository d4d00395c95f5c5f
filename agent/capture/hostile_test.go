package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Promise 7: of everything here, only the good pictures come out, and nothing is opened in a way that blocks.
func TestHostileFolder(t *testing.T) {
	needUnix(t)
	r := open(t)
	outside := filepath.Join(t.TempDir(), "secret.jpg")
	must(t, os.WriteFile(outside, jpeg, 0o600))
	outsideDir := filepath.Dir(outside)

	r.write("cam-1/good.jpg")
	r.write("good.jpg")
	r.write("elsewhere.jpg/good.jpg") // a folder named like a picture is a folder
	for _, at := range []string{"", "cam-1"} {
		in := filepath.Join(r.dir, at)
		must(t, os.Symlink(outside, filepath.Join(in, "link.jpg")))
		must(t, os.Symlink("good.jpg", filepath.Join(in, "inside.jpg")))
		must(t, os.Symlink("nowhere", filepath.Join(in, "dangling.jpg")))
		must(t, os.Symlink(outsideDir, filepath.Join(in, "folder")))
		must(t, os.Link(outside, filepath.Join(in, "hard.jpg")))
		makeFIFO(t, filepath.Join(in, "fifo.jpg"))
		makeSocket(t, filepath.Join(in, "socket.jpg"))
		must(t, os.Mkdir(filepath.Join(in, "empty.jpg"), 0o755))
	}
	for _, name := range []string{".hidden.jpg", "a.tmp", "a.part", "a.PARTIAL", "a.filepart", "a.jpg.crdownload", ".dir/a.jpg", "lost+found/a.jpg"} {
		r.write("cam-1/" + name)
		r.write(name)
	}
	r.step()
	got := map[string]bool{}
	for range 4 {
		f := r.next()
		r.read(f)
		got[f.Camera+" "+f.Path[len(r.dir)+1:]] = true
	}
	r.step().none(50 * time.Millisecond)
	want := map[string]bool{"cam-1 cam-1/good.jpg": true, "default good.jpg": true, "elsewhere.jpg elsewhere.jpg/good.jpg": true,
		"cam-1 cam-1/lost+found/a.jpg": true}
	equal(t, "handed out", fmt.Sprint(got), fmt.Sprint(want))
	equal(t, "odd", r.State().Odd, 14)
}

// What the scan saw may be something else when it is opened.
func TestSwappedAfterScan(t *testing.T) {
	needUnix(t)
	outside := t.TempDir()
	must(t, os.WriteFile(filepath.Join(outside, "a.jpg"), jpeg, 0o600))
	tests := []struct {
		name string
		swap func(t *testing.T, folder, file string)
	}{
		{"file by link", func(t *testing.T, _, file string) {
			must(t, os.Remove(file))
			must(t, os.Symlink(filepath.Join(outside, "a.jpg"), file))
		}},
		{"file by FIFO", func(t *testing.T, _, file string) {
			must(t, os.Remove(file))
			makeFIFO(t, file)
		}},
		{"folder by link", func(t *testing.T, folder, _ string) {
			must(t, os.RemoveAll(folder))
			must(t, os.Symlink(outside, folder))
		}},
		{"folder by FIFO", func(t *testing.T, folder, _ string) {
			must(t, os.RemoveAll(folder))
			makeFIFO(t, folder)
		}},
		{"folder by link into the capture folder", func(t *testing.T, folder, _ string) {
			must(t, os.Rename(folder, folder+"-2"))
			must(t, os.Symlink(folder+"-2", folder))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// Between scan and hand-out.
			r := open(t)
			path := r.write("cam-1/a.jpg")
			r.step()
			test.swap(t, filepath.Dir(path), path)
			r.none(20 * time.Millisecond)

			// Between hand-out and the end.
			for _, end := range []func(*File) error{(*File).Remove, func(f *File) error { return f.Reject(Rejection{}) }} {
				r := open(t)
				path := r.write("cam-1/a.jpg")
				f := r.step().next()
				test.swap(t, filepath.Dir(path), path)
				if data, err := f.Read(1 << 20); err == nil {
					t.Errorf("Read returned %d bytes", len(data))
				}
				_ = end(f) // an error or not: what counts is below
				r.none(20 * time.Millisecond)
			}
			if !exists(filepath.Join(outside, "a.jpg")) {
				t.Error("a file outside is gone")
			}
		})
	}
}

// Some writers publish with link and unlink: two names for a moment.
func TestLinkThenUnlink(t *testing.T) {
	needUnix(t)
	r := open(t).run()
	path := r.write("cam-1/.new")
	must(t, os.Link(path, filepath.Join(r.dir, "cam-1", "a.jpg")))
	r.none(100 * time.Millisecond)
	must(t, os.Remove(path))
	equal(t, "name", r.next().Name, "a.jpg")
}

func TestDepth(t *testing.T) {
	r := open(t)
	deep := "cam-1"
	for range maxDepth + 3 {
		deep += "/d"
	}
	r.write(deep + "/a.jpg")
	r.write("cam-1/d/d/a.jpg")
	equal(t, "depth", r.step().next().Path, filepath.Join(r.dir, "cam-1/d/d/a.jpg"))
	r.none(20 * time.Millisecond)
}

func TestCameraNames(t *testing.T) {
	long := "a23456789012345678901234567890123456789012345678901234567890123"
	folders := map[string]string{"Left Aisle": "left", "Éclair": "eclair", "cam-9": "nine"}
	tests := map[string]string{
		"cam-1": "cam-1", "CAM-1": "cam-1", "0": "0", "a.b_c-d": "a.b_c-d", long: long,
		"Left Aisle": "left", "Éclair": "eclair", "cam-9": "nine",
		"left aisle": "", "-a": "", ".a": "", "_a": "", "a b": "", "é": "", "\u212a": "", "": "", long + "4": "", "a/b": "", "a\x00": "",
	}
	for folder, want := range tests {
		equal(t, fmt.Sprintf("camera of %q", folder), CameraOf(folder, folders), want)
	}
}

func TestUnnamedFolder(t *testing.T) {
	r := open(t, func(o *Options) { o.Folders = map[string]string{"Till 4": "till-4"} })
	r.write("Left Aisle/a.jpg")
	r.write("Left Aisle/b.jpg")
	r.write("Till 4/a.jpg")
	r.write("TILL-4/a.jpg")
	r.step()
	equal(t, "camera", r.next().Camera, "till-4")
	equal(t, "camera", r.next().Camera, "till-4")
	r.none(20 * time.Millisecond)
	equal(t, "unnamed", fmt.Sprint(r.State().Unnamed), "[{Left Aisle 2}]")
	equal(t, "folders", fmt.Sprint(r.camera("till-4").Folders), "[TILL-4 Till 4]")
}
