package capture

import (
	"cmp"
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

// RejectedList returns what lies in a rejected folder, oldest first. A missing folder is an empty one; files without a
// readable reason beside them are left out.
func RejectedList(dir string) ([]Rejected, error) {
	var list []Rejected
	files, err := rejectedFiles(dir)
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file.camera, file.name+".json"))
		if err != nil || file.orphan {
			continue
		}
		r := Rejected{}
		if json.Unmarshal(data, &r) != nil {
			continue
		}
		r.Camera, r.File = file.camera, file.name // as found, whatever the JSON says
		list = append(list, r)
	}
	return list, err
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
	for reason, size := range sizes {
		name, ok := strings.CutSuffix(reason, ".json")
		if !ok || len(name) < len(rejectedTime) {
			continue
		}
		at, err := time.Parse(rejectedTime, name[:len(rejectedTime)])
		if err != nil {
			continue
		}
		fileSize, there := sizes[name]
		list = append(list, rejectedFile{camera, name, at, size + fileSize, !there})
	}
	return list, nil
}

// store bounds the rejected folder.
type store struct {
	dir      string
	maxBytes int64
	maxAge   time.Duration
	log      *slog.Logger

	mu    sync.Mutex
	known bool  // bytes and files have been counted
	bytes int64 // about; a prune counts anew
	files int
}

// added takes note of one more file and prunes when that crossed a bound.
func (s *store) added(size int64) {
	s.mu.Lock()
	s.bytes += size
	s.files++
	over := !s.known || s.bytes > s.maxBytes || s.files > maxRejected
	s.mu.Unlock()
	if over {
		s.prune(time.Now())
	}
}

// prune deletes what is too old, and then the oldest until nine tenths of the bounds hold, so that not every further
// rejection has to list the folder. The newest stays.
func (s *store) prune(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := rejectedFiles(s.dir)
	if err != nil {
		s.log.Warn("rejected folder cannot be listed", "error", err)
	}
	s.known, s.bytes, s.files = true, 0, len(list)
	for _, file := range list {
		s.bytes += file.size
	}
	shrink := s.bytes > s.maxBytes || s.files > maxRejected
	for i, file := range list {
		age := now.Sub(file.at)
		old := age > s.maxAge || file.orphan && age > 24*time.Hour
		much := shrink && (s.bytes > s.maxBytes/10*9 || s.files > maxRejected/10*9)
		if i == len(list)-1 && !old || !old && !much {
			continue
		}
		s.remove(file)
	}
}

// remove deletes the file before its reason, so that what a crash leaves is an orphan and goes later.
func (s *store) remove(file rejectedFile) {
	path := filepath.Join(s.dir, file.camera, file.name)
	for _, p := range []string{path, path + ".json"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("rejected file cannot be pruned", "file", p, "error", err)
			return
		}
	}
	s.bytes -= file.size
	s.files--
}
