package capture

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Disk is what is known of the capture folder and the disk that it is on.
type Disk string

// What a scan can find.
const (
	DiskPresent       Disk = "present"        // all is well
	DiskFolderMissing Disk = "folder_missing" // there is no such folder
	DiskMarkerMissing Disk = "marker_missing" // not mounted, or another disk or folder; files in it are taken; see Adopt
	DiskForeign       Disk = "foreign"        // the marker is another rig's; files in it wait; see Adopt
	DiskFailing       Disk = "failing"        // it or the marker cannot be read, or it could not be written to at Open: see Detail
	DiskSilent        Disk = "silent"         // it does not answer, as a network mount whose server is gone: see Detail
)

// WatchReason is why folders are, or are not, watched for events. Without a watch, files are found by scans alone.
type WatchReason string

// The reasons.
const (
	WatchStarting    WatchReason = "starting"    // Run has not got that far yet
	WatchLive        WatchReason = "live"        // every folder is watched
	WatchLimit       WatchReason = "limit"       // the system's watches are used up; Linux: fs.inotify.max_user_watches
	WatchDescriptors WatchReason = "descriptors" // the system's watchers or files are; Linux: fs.inotify.max_user_instances
	WatchNoFolder    WatchReason = "no_folder"   // there is nothing to watch
	WatchFailing     WatchReason = "failing"     // see Detail
)

// Watch is the state of the file system events.
type Watch struct {
	Reason  WatchReason
	Detail  string // the system's words
	Since   time.Time
	Folders int // watched
}

// UnnamedFolder is a first-level folder whose name is not a camera id and that Options.Folders does not name.
type UnnamedFolder struct {
	Name    string // as on disk
	Waiting int    // files directly in it, at most 1000 counted
}

// CameraState is one camera as seen from its folders.
type CameraState struct {
	Camera  string
	Folders []string // first-level folders, as on disk; "." for the capture folder itself
	Present bool     // it had a folder at the last scan

	LastSeen time.Time // when a new file was last noticed; zero if none was since Open
	LastFile time.Time // modification time of the newest file noticed
	Waiting  int       // files not yet taken away, those being written and those in a caller's hands included
	Writing  int       // of these, known to be incomplete or kept back
	Oldest   time.Time // modification time of the oldest waiting file; zero for none
	Seen     uint64    // files handed out since Open, each counted once
	Taken    uint64    // files removed or rejected since Open

	Problem string // why a folder cannot be listed or a file cannot be read or taken away; "" for none
}

// State is a snapshot for health and status. Times are the rig's clock.
type State struct {
	Disk   Disk
	Detail string // more about Disk, for engineers
	Since  time.Time

	Watch   Watch
	Cameras []CameraState   // by id
	Unnamed []UnnamedFolder // by name, at most 100; their files wait
	Odd     int             // symbolic links, FIFOs, devices, hard links and the like at the last scan; never opened
	TooMany bool            // there are more cameras than the agent follows
	Held    []HeldFrames    // by camera; in the rejected folder at the last scan, or come since
}

// diskState is what a scan finds out beside the files. Guarded by Watcher.mu.
type diskState struct {
	Disk    Disk
	Detail  string
	since   time.Time
	unnamed []UnnamedFolder
	odd     int
	tooMany bool
}

// lost is the state of a folder that cannot be opened.
func lost(dir string, err error) diskState {
	if vanished(err) {
		return diskState{Disk: DiskFolderMissing, Detail: err.Error()}
	}
	return failing(dir, err)
}

// failing says what is wrong with the folder and what to do, as an error of Open would.
func failing(dir string, err error) diskState {
	setup, ok := errors.AsType[*SetupError](err)
	if !ok {
		setup, ok = errors.AsType[*SetupError](setupError(dir, err))
	}
	if !ok {
		return diskState{Disk: DiskFailing, Detail: err.Error()}
	}
	return diskState{Disk: DiskFailing, Detail: setup.Error() + ". " + setup.Hint}
}

// setDisk stores a scan's result and logs a change once. What people should hear of it they hear from the condition that State
// feeds.
func (w *Watcher) setDisk(disk diskState) {
	slices.SortFunc(disk.unnamed, func(a, b UnnamedFolder) int { return cmp.Compare(a.Name, b.Name) })
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.disk.Disk
	disk.since = w.disk.since
	if disk.Disk != before {
		disk.since = time.Now()
		if disk.Disk != DiskPresent {
			w.opts.Logger.Debug("capture disk", "state", string(disk.Disk), "dir", w.opts.Dir, "detail", disk.Detail)
		} else if before != "" {
			w.opts.Logger.Debug("capture disk is back", "dir", w.opts.Dir)
		}
	}
	w.disk = disk
}

// State returns what is known now. It does not touch the disk.
func (w *Watcher) State() State {
	w.mu.Lock()
	s := State{
		Disk:    w.disk.Disk,
		Detail:  w.disk.Detail,
		Since:   w.disk.since,
		Watch:   w.watch.Watch,
		Unnamed: slices.Clone(w.disk.unnamed),
		Odd:     w.disk.odd,
		TooMany: w.disk.tooMany,
	}
	w.mu.Unlock()
	for _, asked := range []*asked{&w.rejected.asked, &w.asked} {
		if disk, is := asked.unanswered(time.Now()); is {
			s.Disk, s.Detail, s.Since = disk.Disk, disk.Detail, disk.since
		}
	}
	s.Cameras = w.ledger.state()
	s.Held = w.rejected.heldNow()
	return s
}

func (l *ledger) state() []CameraState {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []CameraState
	for _, c := range l.cameras {
		if c.present || c.total > 0 || c.handed > 0 {
			list = append(list, c.state())
		}
	}
	slices.SortFunc(list, func(a, b CameraState) int { return cmp.Compare(a.Camera, b.Camera) })
	return list
}

func (c *camera) state() CameraState {
	s := CameraState{
		Camera:   c.id,
		Folders:  slices.Clone(c.folders),
		Present:  c.present,
		LastSeen: c.arrived,
		LastFile: c.newest,
		Waiting:  max(c.total, len(c.entries)),
		Writing:  c.waiting,
		Seen:     c.handed,
		Taken:    c.taken,
	}
	worst, problem := 0, ""
	for _, e := range c.entries {
		s.Oldest = earlier(s.Oldest, e.info.mtime)
		if e.fails > worst {
			worst, problem = e.fails, e.problem
		}
	}
	s.Problem = cmp.Or(c.blind, problem)
	return s
}
