package capture

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"
)

// Waiting is a file that lies in the capture folder.
type Waiting struct {
	Camera   string // "" when its folder names none
	Path     string // below the capture folder, slash-separated
	Modified time.Time
	Size     int64
	Unready  bool // its name says that its writer will rename it when it is done
}

// WaitingFiles calls one for each file below o.Dir that the agent would take, or will once it has another name or its folder
// a camera. It opens no file and changes nothing, so that it may be used beside a running agent. Of Options, Dir, Folders
// and Rejected count. An error of one's ends it. A folder below that cannot be listed does not: its error is returned
// when all others have been looked at.
func WaitingFiles(ctx context.Context, o Options, one func(Waiting) error) error {
	rejected, inside := below(realPath(o.Dir), realPath(o.Rejected))
	if !inside {
		rejected = ""
	}
	d, err := openFolder(o.Dir)
	if err != nil {
		return err
	}
	defer d.close()
	l := &lister{ctx: ctx, folders: o.Folders, rejected: rejected, one: one}
	l.list(d, ".", DefaultCamera, 0)
	return errors.Join(l.stop, l.failed)
}

// lister walks the capture folder for a person.
type lister struct {
	ctx      context.Context
	folders  map[string]string
	rejected string
	one      func(Waiting) error

	stop   error // ends the walk
	failed error // the first folder that could not be listed
}

// list looks at one folder and those below it.
func (l *lister) list(d *folder, rel, camera string, depth int) {
	err := d.each(func(name string) bool {
		if l.stop = l.ctx.Err(); l.stop != nil {
			return false
		}
		in, err := d.look(name)
		at := path.Join(rel, name)
		switch {
		case err != nil || strings.HasPrefix(name, "."):
		case in.folder:
			l.below(d, name, at, camera, depth)
		case in.regular:
			l.stop = l.one(Waiting{Camera: camera, Path: at, Modified: in.mtime, Size: in.size, Unready: ignored(name)})
		}
		return l.stop == nil
	})
	l.note(err)
}

func (l *lister) below(d *folder, name, at, camera string, depth int) {
	if ignored(name) || at == l.rejected || depth >= maxDepth || depth == 0 && ownFolder(name) {
		return
	}
	if depth == 0 {
		camera = CameraOf(name, l.folders)
	}
	sub, err := d.sub(name)
	if err != nil {
		l.note(err)
		return
	}
	defer sub.close()
	l.list(sub, at, camera, depth+1)
}

// note keeps the first error that is not merely something gone meanwhile.
func (l *lister) note(err error) {
	if err != nil && l.failed == nil && !vanished(err) && !errors.Is(err, errOdd) {
		l.failed = err
	}
}
