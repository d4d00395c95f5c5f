package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"

	"shelfagent/agent/health"
)

// maxWatched bounds how many folders are tried.
const maxWatched = 10_000

// watches finds whether the system would tell of new files, by asking it to, for all folders at once.
func watches(dir string) Result {
	const step = "watches"
	if _, err := os.ReadDir(dir); err != nil {
		return skipped(step, "it needs the capture folder")
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return unwatched(step, err)
	}
	defer func() { _ = watcher.Close() }() // nothing is lost with it
	watched := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil, !entry.IsDir(), watched == maxWatched:
			return nil // the capture folder's step says what cannot be read
		}
		watched++
		return watcher.Add(path)
	})
	if err != nil {
		return unwatched(step, err)
	}
	return ok(step, fmt.Sprintf("the system tells of new files in all folders (%d)%s", watched, limitText()))
}

func unwatched(step string, err error) Result {
	r := warn(step, "the system does not tell of new files: "+err.Error(), "")
	switch {
	case errors.Is(err, syscall.ENOSPC):
		r.Do = "Raise the limit of watches: sudo sysctl fs.inotify.max_user_watches=524288, and the same line in a file of /etc/sysctl.d."
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		r.Do = "Raise the limit of watchers: sudo sysctl fs.inotify.max_user_instances=512, and the same line in a file of /etc/sysctl.d."
	}
	return r.is(health.WatchDead)
}

// limitText is the system's own limit, where it says one.
func limitText() string {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_user_watches")
	if err != nil {
		return ""
	}
	return "; a user may have " + strings.TrimSpace(string(limit)) + " watches"
}
