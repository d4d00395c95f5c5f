package capture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// info is what one look at a name or an open file tells. Two infos of one unchanged file are equal by same.
type info struct {
	regular bool
	folder  bool
	links   uint64 // number of names; 0 where the system does not say
	size    int64
	mtime   time.Time
	changed int64  // the inode's change time in ns; 0 where the system has none
	dev     uint64 // with ino the file's identity; both 0 where only an open file tells
	ino     uint64
}

// content says whether a and b can be the same file with the same content. Renaming keeps it.
func (a info) content(b info) bool {
	if a.ino != 0 && b.ino != 0 && (a.dev != b.dev || a.ino != b.ino) {
		return false
	}
	return a.regular == b.regular && a.size == b.size && a.mtime.Equal(b.mtime)
}

// same is content, and nothing else about the file has changed either: not its times put back, not its names.
func (a info) same(b info) bool {
	return a.content(b) && (a.changed == 0 || b.changed == 0 || a.changed == b.changed)
}

// A folder is an open directory. Names in it are single path elements, and no operation follows a symbolic link, so that
// a path cannot be bent by whoever may write below the capture folder while it is being walked. The system-specific
// half is in folder_unix.go and folder_windows.go.

// descend opens the folder at rel, a slash-separated path below top; "." is top itself.
func descend(top, rel string) (*folder, error) {
	d, err := openFolder(top)
	if err != nil || rel == "." {
		return d, err
	}
	for name := range strings.SplitSeq(rel, "/") {
		next, err := d.sub(name)
		d.close()
		if err != nil {
			return nil, err
		}
		d = next
	}
	return d, nil
}

// ensure opens the folder at rel below top like descend and makes, durably, what is missing below top.
func ensure(top, rel string) (*folder, error) {
	d, err := openFolder(top)
	if err != nil || rel == "." {
		return d, err
	}
	for name := range strings.SplitSeq(rel, "/") {
		next, err := d.subOrNew(name)
		d.close()
		if err != nil {
			return nil, err
		}
		d = next
	}
	return d, nil
}

func (d *folder) subOrNew(name string) (*folder, error) {
	next, err := d.sub(name)
	if !errors.Is(err, os.ErrNotExist) {
		return next, err
	}
	if err := d.mkdir(name); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	if err := d.sync(); err != nil {
		return nil, err
	}
	return d.sub(name)
}

// each calls fn with every name in d, in the directory's own order and in bounded memory, until fn returns false.
func (d *folder) each(fn func(name string) bool) error {
	f, err := d.listing()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for {
		names, err := f.Readdirnames(512)
		for _, name := range names {
			if !fn(name) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// moveNew renames from to to in the folder dst and never replaces a file there (os.ErrExist).
func (d *folder) moveNew(from string, dst *folder, to string) error {
	err := d.link(from, dst, to)
	if err == nil {
		return d.remove(from)
	}
	if errors.Is(err, os.ErrExist) || errors.Is(err, os.ErrNotExist) || crossDevice(err) {
		return err
	}
	// No hard links here (FAT, exFAT): a look before the rename has to do.
	if _, err := dst.look(to); err == nil {
		return os.ErrExist
	}
	return d.rename(from, dst, to)
}

// split cuts a slash-separated relative path into its folder, "." for none, and its last element.
func split(rel string) (dir, name string) {
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		return rel[:i], rel[i+1:]
	}
	return ".", rel
}

// below returns path relative to top, slash-separated, and whether it is inside top at all.
func below(top, path string) (string, bool) {
	rel, err := filepath.Rel(top, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}
