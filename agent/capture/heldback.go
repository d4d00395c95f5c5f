package capture

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// HeldBack is the code of files that were rejected only until a person has corrected the masks. They are good
// pictures, so no age ends their time.
const HeldBack = "mask_mismatch"

// HeldFrames are the files of one camera that are held back in the rejected folder.
type HeldFrames struct {
	Camera string
	Files  int
	Newest time.Time // when the newest was rejected
	Detail string    // of the newest: why
}

// heldBack is what lies in the rejected folder with the code HeldBack. A person, or a command, may take it out at any
// time. Guarded by the store's lock; bounded as the folder is, by maxRejected.
type heldBack struct {
	listed  bool                           // the folder has been read since Open
	cameras map[string]map[string]heldFile // by camera, by the name in its folder
}

type heldFile struct {
	at     time.Time
	detail string
}

func (h *heldBack) add(r Rejected) {
	if r.Code != HeldBack {
		return
	}
	if h.cameras == nil {
		h.cameras = map[string]map[string]heldFile{}
	}
	if h.cameras[r.Camera] == nil {
		h.cameras[r.Camera] = map[string]heldFile{}
	}
	h.cameras[r.Camera][r.File] = heldFile{r.At, r.Detail}
}

// lookHeld finds what was held back before Open, once, and forgets what is not there any more. The lock is free while
// the disk is busy.
func (s *store) lookHeld() {
	step := s.ask()
	defer step.answered()
	s.mu.Lock()
	listed := s.held.listed
	s.mu.Unlock()
	if !listed {
		list, err := RejectedList(s.dir)
		s.mu.Lock()
		for _, r := range list {
			s.held.add(r)
		}
		s.held.listed = err == nil
		s.mu.Unlock()
	}
	for camera, names := range s.heldNames() {
		gone := slices.DeleteFunc(names, func(name string) bool {
			step.moved()
			_, err := os.Lstat(filepath.Join(s.dir, camera, name))
			return !errors.Is(err, fs.ErrNotExist)
		})
		s.forgetHeld(camera, gone)
	}
}

func (s *store) heldNames() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]string{}
	for camera, files := range s.held.cameras {
		all[camera] = slices.Collect(maps.Keys(files))
	}
	return all
}

func (s *store) forgetHeld(camera string, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		delete(s.held.cameras[camera], name)
	}
	if len(s.held.cameras[camera]) == 0 {
		delete(s.held.cameras, camera)
	}
}

// heldNow lists the cameras of which something is held back, by id.
func (s *store) heldNow() []HeldFrames {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []HeldFrames
	for camera, files := range s.held.cameras {
		h := HeldFrames{Camera: camera, Files: len(files)}
		for _, f := range files {
			if f.at.After(h.Newest) {
				h.Newest, h.Detail = f.at, f.detail
			}
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b HeldFrames) int { return strings.Compare(a.Camera, b.Camera) })
	return list
}
