package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"

	"shelfagent/agent/health"
)

// maxWatched bounds how many folders are tried.
const maxWatched = 10_000

// watches finds whether the system would tell of new files, by asking it to, for all folders at once. A running agent has its
// watches already, and more might be its user's last ones: where one may run, a single watch is tried, and the rest reckoned.
func watches(dir string, agentRuns bool) Result {
	const step = "watches"
	if _, err := os.ReadDir(dir); err != nil {
		return skipped(step, "it needs the capture folder")
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return unwatched(step, err)
	}
	defer func() { _ = watcher.Close() }() // nothing is lost with it
	folders := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil, !entry.IsDir(), folders == maxWatched:
			return nil // the capture folder's step says what cannot be read
		}
		folders++
		if agentRuns && folders > 1 {
			return nil
		}
		return watcher.Add(path)
	})
	switch limit := watchLimit(); {
	case err != nil:
		return unwatched(step, err)
	case !agentRuns:
		return ok(step, fmt.Sprintf("the system tells of new files in all folders (%d)%s", folders, limitText(limit)))
	case folders > limit:
		r := warn(step, fmt.Sprintf("the agent needs a watch for each folder (%d)%s", folders, limitText(limit)), moreWatches)
		return r.is(health.WatchLimit)
	default:
		return ok(step, fmt.Sprintf("the system tells of new files; the agent needs a watch for each folder (%d)%s", folders, limitText(limit)))
	}
}

const moreWatches = "Raise the limit of watches: sudo sysctl fs.inotify.max_user_watches=524288, and the same line in a file of /etc/sysctl.d."

// unwatched says what the agent says of the same error.
func unwatched(step string, err error) Result {
	r := warn(step, "the system does not tell of new files: "+err.Error(), "")
	switch {
	case errors.Is(err, syscall.ENOSPC):
		r.Do = moreWatches
		return r.is(health.WatchLimit)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		r.Do = "Raise the limit of watchers: sudo sysctl fs.inotify.max_user_instances=512, and the same line in a file of /etc/sysctl.d."
		return r.is(health.WatchLimit)
	default:
		return r.is(health.WatchDead)
	}
}

// watchLimit is how many watches a user may have here, in a container perhaps less than outside; none known is no limit.
func watchLimit() int {
	limit := math.MaxInt
	for _, file := range []string{"/proc/sys/fs/inotify/max_user_watches", "/proc/sys/user/max_inotify_watches"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			limit = min(limit, n)
		}
	}
	return limit
}

func limitText(limit int) string {
	if limit == math.MaxInt {
		return ""
	}
	return fmt.Sprintf("; a user may have %d watches", limit)
}
