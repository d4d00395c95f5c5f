package capture

import (
	"path/filepath"
	"strings"
)

// isRejected says whether rel is the rejected folder or in it.
func (w *Watcher) isRejected(rel string) bool {
	w.mu.Lock()
	rejected := w.rejectedRel
	w.mu.Unlock()
	return rejected != "" && (rel == rejected || strings.HasPrefix(rel, rejected+"/"))
}

// findRejected finds out whether the rejected folder is below the capture folder, whatever links their paths go through:
// to take what was rejected for something new would never end.
func (w *Watcher) findRejected() {
	rel, inside := below(realPath(w.opts.Dir), realPath(w.opts.Rejected))
	if !inside {
		rel = ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rejectedRel = rel
}

// realPath resolves the symbolic links in as much of path as exists.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	dir, name := filepath.Split(filepath.Clean(path))
	if name == "" {
		return path
	}
	return filepath.Join(realPath(dir), name)
}
