package capture

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// scan looks at everything in the capture folder once, and at the disk itself. An error means that the folder could
// not be looked at; what is wrong below it is recorded with the camera.
func (w *Watcher) scan(ctx context.Context) error {
	select {
	case w.scanning <- struct{}{}:
		defer func() { <-w.scanning }()
	case <-ctx.Done():
		return ctx.Err()
	}
	step := w.ask("the scan")
	defer step.answered()
	w.findRejected()
	w.beginCover()
	defer w.endCover()
	d, err := openFolder(w.opts.Dir)
	if err != nil {
		return w.lostFolder(err)
	}
	defer d.close()
	disk, err := checkMarker(d, w.opts.Seen)
	if err != nil {
		disk = failing(w.opts.Dir, err)
	} else if disk.Disk != DiskForeign {
		if err := w.tryWritingAgain(d); err != nil {
			disk = failing(w.opts.Dir, err)
		}
	}
	w.ledger.pause(disk.Disk == DiskForeign)

	s := &scan{w: w, ctx: ctx, step: step, now: time.Now(), folders: map[string][]string{}}
	err = s.top(d)
	for _, id := range sortedKeys(s.folders) {
		s.camera(d, id, s.folders[id])
	}
	w.ledger.absent(s.folders)
	w.ledger.scanned()
	disk.unnamed, disk.odd, disk.tooMany = s.unnamed, s.odd, s.tooMany
	if err != nil {
		trouble := failing(w.opts.Dir, err)
		disk.Disk, disk.Detail = trouble.Disk, trouble.Detail
	}
	w.setDisk(disk)
	return err
}

// lostFolder records that the folder itself cannot be opened.
func (w *Watcher) lostFolder(err error) error {
	w.ledger.absent(nil)
	w.setDisk(lost(w.opts.Dir, err))
	return err
}

// scan is one pass over the folder.
type scan struct {
	w       *Watcher
	ctx     context.Context
	step    *question // nil for a hint, which looks at one folder
	now     time.Time
	folders map[string][]string // camera id to first-level folders
	unnamed []UnnamedFolder
	odd     int
	tooMany bool
	hint    bool  // an event's, not a whole scan: a file with two names may be about to lose one, see linkGrace
	err     error // the first one in the camera at hand
}

// top reads the first level: files for the default camera, folders for later.
func (s *scan) top(d *folder) error {
	s.w.cover(".")
	files := false
	err := d.each(func(name string) bool {
		s.progress()
		name = s.restored(d, ".", name)
		if ignored(name) {
			return s.ctx.Err() == nil
		}
		in, err := d.look(name)
		switch {
		case err != nil: // gone meanwhile
		case in.folder && !ownFolder(name) && !s.w.isRejected(name):
			s.folder(d, name)
		case in.regular:
			files = true
		case !in.folder:
			s.odd++
		}
		return s.ctx.Err() == nil
	})
	if files {
		s.folders[DefaultCamera] = append(s.folders[DefaultCamera], ".")
	}
	return err
}

func (s *scan) folder(d *folder, name string) {
	if id := CameraOf(name, s.w.opts.Folders); id != "" {
		s.folders[id] = append(s.folders[id], name)
		return
	}
	if len(s.unnamed) < maxUnnamed {
		s.unnamed = append(s.unnamed, UnnamedFolder{Name: name, Waiting: countFiles(d, name)})
	}
}

// camera scans the folders of one camera.
func (s *scan) camera(d *folder, id string, folders []string) {
	c := s.w.ledger.get(id)
	if c == nil {
		s.tooMany = true
		return
	}
	slices.Sort(folders)
	s.w.ledger.begin(c, s.now)
	s.err = s.ctx.Err()
	for _, name := range folders {
		if name == "." {
			s.list(c, d, ".", nil)
			continue
		}
		sub, err := d.sub(name)
		if err != nil {
			s.failed(err)
			continue
		}
		s.walk(c, sub, name, 1)
		sub.close()
	}
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	s.w.ledger.end(c, folders, s.err)
}

// walk lists the folder at rel and those below it.
func (s *scan) walk(c *camera, d *folder, rel string, depth int) {
	s.w.cover(rel) // before the listing: what comes after it makes an event
	s.list(c, d, rel, func(name string) {
		if depth >= maxDepth || s.w.isRejected(path.Join(rel, name)) {
			return
		}
		sub, err := d.sub(name)
		if err != nil {
			s.failed(err)
			return
		}
		defer sub.close()
		s.walk(c, sub, path.Join(rel, name), depth+1)
	})
}

// list adds the files of one folder to the ledger and calls below, if not nil, for the folders in it.
func (s *scan) list(c *camera, d *folder, rel string, below func(name string)) {
	err := d.each(func(name string) bool {
		s.progress()
		name = s.restored(d, rel, name)
		if ignored(name) {
			return s.ctx.Err() == nil
		}
		in, err := d.look(name)
		switch {
		case err != nil:
			s.failed(err)
		case in.folder:
			if below != nil {
				below(name)
			}
		case !in.regular:
			if below != nil { // the first level's have been counted
				s.odd++
			}
		case in.links > 1 && !s.hint && !s.w.ledger.knows(c, path.Join(rel, name)):
			s.odd++
		default:
			s.w.ledger.add(c, path.Join(rel, name), in, time.Now())
		}
		return s.ctx.Err() == nil
	})
	s.failed(err)
}

// progress says that the scan moves on.
func (s *scan) progress() {
	if s.step != nil {
		s.step.moved()
	}
}

// failed keeps the first error that is not merely something gone meanwhile.
func (s *scan) failed(err error) {
	if err != nil && s.err == nil && !vanished(err) && !errors.Is(err, errOdd) {
		s.err = err
	}
}

// restored gives a file its name back that a crash, or a failed rename, left set aside; other names it returns as
// they are.
func (s *scan) restored(d *folder, rel, name string) string {
	if !strings.HasPrefix(name, asidePrefix) {
		return name
	}
	if _, busy := s.w.asides.Load(path.Join(rel, name)); busy {
		return name
	}
	original, err := restoreAside(d, name)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			s.w.opts.Logger.Warn("a file that was set aside cannot get its name back", "file", d.at(name), "error", err)
		}
		return name
	}
	s.w.opts.Logger.Info("file restored after an interruption", "file", d.at(original))
	return original
}

// countFiles counts the files in an unnamed folder, not deeper and not beyond a thousand.
func countFiles(d *folder, name string) (n int) {
	sub, err := d.sub(name)
	if err != nil {
		return 0
	}
	defer sub.close()
	_ = sub.each(func(name string) bool { // a count for a person; what cannot be listed counts as nothing
		if in, err := sub.look(name); err == nil && in.regular && !ignored(name) {
			n++
		}
		return n < 1000
	})
	return n
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
