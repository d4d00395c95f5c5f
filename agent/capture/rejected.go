package capture

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// ReasonLost is the code of a file whose reason is not beside it, or cannot be read: somebody, or a bad disk, took it.
const ReasonLost = "reason_lost"

// RejectedList returns what lies in a rejected folder, oldest first. A missing folder is an empty one.
func RejectedList(dir string) ([]Rejected, error) {
	var list []Rejected
	files, err := rejectedFiles(dir)
	for _, file := range files {
		if !file.orphan {
			list = append(list, file.read(dir))
		}
	}
	return list, err
}

// read returns what the reason says, or what the name does.
func (file rejectedFile) read(dir string) Rejected {
	var r Rejected
	data, err := os.ReadFile(filepath.Join(dir, file.camera, file.name+".json"))
	if err != nil || json.Unmarshal(data, &r) != nil {
		r = Rejected{At: file.at, Size: file.size, Source: file.source(), Modified: file.at, Rejection: Rejection{
			Code: ReasonLost, Sentence: "The note that says why this file was rejected is gone or damaged.",
		}}
	}
	r.Camera, r.File = file.camera, file.name // as found, whatever the JSON says
	return r
}

// source is where the file may have been, as its name has it.
func (file rejectedFile) source() string {
	name := file.name[min(len(rejectedTime)+len("-01234567-"), len(file.name)-1):]
	if file.camera == DefaultCamera {
		return name
	}
	return path.Join(file.camera, name)
}

// RejectedRetry moves a rejected file back to where it came from below the capture folder, under a similar name if
// its own is taken, where it is found like any new file. It returns the path it has there.
func RejectedRetry(dir, captureDir string, r Rejected) (string, error) {
	if !fs.ValidPath(r.Source) || !ValidCamera(r.Camera) || r.File != path.Base(r.File) {
		return "", fmt.Errorf("capture: retry %q: not a rejected file's record", r.File)
	}
	from, err := descend(dir, r.Camera)
	if err != nil {
		return "", fmt.Errorf("capture: retry %s: %w", r.File, err)
	}
	defer from.close()
	folder, name := split(r.Source)
	to, err := ensure(captureDir, folder)
	if err != nil {
		return "", fmt.Errorf("capture: retry %s: %w", r.File, err)
	}
	defer to.close()
	if _, err := to.look(name); err == nil {
		ext := path.Ext(name)
		name = strings.TrimSuffix(name, ext) + "~" + randomHex(4) + ext
	}
	if err := moveBack(from, r.File, to, name); err != nil {
		return "", fmt.Errorf("capture: retry %s: %w", r.File, err)
	}
	// Without its file the reason is an orphan, which pruning removes.
	_ = from.remove(r.File + ".json")
	return to.at(name), nil
}

func moveBack(from *folder, file string, to *folder, name string) error {
	err := from.rename(file, to, name)
	if !crossDevice(err) {
		return errors.Join(err, to.sync())
	}
	f, in, err := from.open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := copyDurable(to, name, f, in.mtime); err != nil {
		return err
	}
	return from.remove(file)
}

// clockSane is before this program existed: an older stamp is that of a rig without a battery-backed clock that had not
// met NTP yet, and tells no age.
var clockSane = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// rejectedFile is a file, or a reason without one, in the rejected folder. Its name tells its age.
type rejectedFile struct {
	camera, name string
	at           time.Time
	size         int64 // bytes, the reason included
	orphan       bool  // only the reason is there
}

// rejectedFiles lists what Reject left in dir, oldest first. Names that are not its own are not listed, and so never
// pruned.
func rejectedFiles(dir string) ([]rejectedFile, error) {
	cameras, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("capture: rejected folder: %w", err)
	}
	var list []rejectedFile
	var errs []error
	for _, camera := range cameras {
		if !camera.IsDir() || !ValidCamera(camera.Name()) {
			continue
		}
		files, err := rejectedOf(dir, camera.Name())
		list, errs = append(list, files...), append(errs, err)
	}
	slices.SortFunc(list, func(a, b rejectedFile) int { return cmp.Compare(a.name, b.name) })
	return list, errors.Join(errs...)
}

// rejectedOf pairs the files and reasons of one camera.
func rejectedOf(dir, camera string) ([]rejectedFile, error) {
	entries, err := os.ReadDir(filepath.Join(dir, camera))
	if err != nil {
		return nil, fmt.Errorf("capture: rejected folder: %w", err)
	}
	sizes := map[string]int64{}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() {
			sizes[e.Name()] = fi.Size()
		}
	}
	var list []rejectedFile
	for name, size := range sizes {
		file := rejectedFile{camera: camera, name: name, size: size}
		if _, ok := sizes[name+".json"]; ok {
			file.size += sizes[name+".json"]
		} else if of, ok := strings.CutSuffix(name, ".json"); ok { // a reason, for what a camera called x.json has one of its own
			if _, there := sizes[of]; there {
				continue
			}
			file.name, file.orphan = of, true
		}
		if len(file.name) <= len(rejectedTime) {
			continue
		}
		if file.at, err = time.Parse(rejectedTime, file.name[:len(rejectedTime)]); err != nil {
			continue
		}
		list = append(list, file)
	}
	return list, nil
}

// store bounds the rejected folder.
type store struct {
	dir      string
	maxBytes int64
	maxAge   time.Duration
	log      *slog.Logger
	asked    asked // what its disk, which may be another than the capture folder's, has not answered yet

	pass sync.Mutex // held by a prune: one at a time

	mu    sync.Mutex // guards what follows; free while the disk is busy, for State asks
	known bool       // bytes and files have been counted
	bytes int64      // about; a prune counts anew
	files int
	held  heldBack
}

// added takes note of one more file and prunes when that crossed a bound.
func (s *store) added(r Rejected) {
	s.mu.Lock()
	s.bytes += r.Size
	s.files++
	s.held.add(r)
	over := !s.known || s.bytes > s.maxBytes || s.files > maxRejected
	s.mu.Unlock()
	if over {
		s.prune(time.Now())
	}
}

// pruned is what one pass of prune has deleted.
type pruned struct {
	old, much int       // too old, and beyond the bounds
	oldest    time.Time // stamp of the first one
}

// prune deletes what is too old, and then the oldest until nine tenths of the bounds hold, so that not every further
// rejection has to list the folder. The newest stays. What it deleted is logged once.
func (s *store) prune(now time.Time) {
	s.pass.Lock()
	defer s.pass.Unlock()
	step := s.ask()
	defer step.answered()
	list, err := rejectedFiles(s.dir)
	if err != nil {
		s.log.Warn("rejected folder cannot be listed", "error", err)
	}
	bytes, files := int64(0), len(list)
	for _, file := range list {
		bytes += file.size
	}
	shrink := bytes > s.maxBytes || files > maxRejected
	var gone pruned
	for i, file := range list {
		step.moved()
		old := s.tooOld(file, now)
		much := shrink && (bytes > s.maxBytes/10*9 || files > maxRejected/10*9)
		if i == len(list)-1 && !old || !old && !much || !s.remove(file) {
			continue
		}
		bytes -= file.size
		files--
		if gone.oldest.IsZero() {
			gone.oldest = file.at
		}
		if old {
			gone.old++
		} else {
			gone.much++
		}
	}
	s.counted(bytes, files)
	s.report(gone)
}

func (s *store) ask() *question { return s.asked.ask("the rejected folder "+s.dir, "the scan") }

// counted takes note of what a prune has left. What was added meanwhile it may have missed: the next one counts anew.
func (s *store) counted(bytes int64, files int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.bytes, s.files = true, bytes, files
}

// tooOld never says so of a frame that is held back, nor where the stamp or the reason cannot be relied on.
func (s *store) tooOld(file rejectedFile, now time.Time) bool {
	age := now.Sub(file.at)
	switch {
	case file.at.Before(clockSane):
		return false
	case file.orphan:
		return age > min(s.maxAge, 24*time.Hour)
	case age <= s.maxAge:
		return false
	}
	code := file.read(s.dir).Code
	return code != HeldBack && code != ReasonLost
}

func (s *store) report(gone pruned) {
	if gone.old+gone.much == 0 {
		return
	}
	level := slog.LevelInfo
	if gone.much > 0 {
		level = slog.LevelWarn // before their time, and frames that are held back may be among them
	}
	s.log.Log(context.Background(), level, "rejected files pruned", "dir", s.dir, "files", gone.old+gone.much,
		"too_old", gone.old, "beyond_bounds", gone.much, "oldest", gone.oldest,
		"max_age", s.maxAge, "max_bytes", s.maxBytes, "max_files", maxRejected)
}

// remove deletes the file before its reason, so that what a crash leaves is an orphan and goes later. It says whether
// both are gone.
func (s *store) remove(file rejectedFile) bool {
	path := filepath.Join(s.dir, file.camera, file.name)
	for _, p := range []string{path, path + ".json"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("rejected file cannot be pruned", "file", p, "error", err)
			return false
		}
	}
	return true
}
