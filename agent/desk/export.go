package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"shelfagent/queue"
)

// Why an export ends early. What has been exported until then is whole, and the same export goes on from there.
var (
	// ErrNoRoom says that the other disk is full.
	ErrNoRoom = errors.New("no room is left on it")
	// ErrUnfaithful says that the other disk gave back other bytes than it was given: it is not to be trusted.
	ErrUnfaithful = errors.New("it does not keep what is written to it")
	// ErrReadOnly says that the other disk takes nothing.
	ErrReadOnly = errors.New("it cannot be written to")
	// ErrGone says that the other disk does not answer any more.
	ErrGone = errors.New("it does not answer")
	// ErrNoFolder says that there is nothing to make the folder in, or something else in its place.
	ErrNoFolder = errors.New("there is no such folder")
)

// errPayload marks a payload that cannot be had as it was queued: a frame's own problem, unless the queue does not
// answer at all.
var errPayload = errors.New("the queue cannot give the picture that was queued")

// partial begins the names of files that are not yet whole.
const partial = ".export-partial-"

// Exported is what an export did. Each frame is counted once.
type Exported struct {
	Written int64 // now
	Kept    int64 // were there already, and have been read again
	Left    int64 // left the queue while they were exported
	Lost    int64 // their picture is missing, damaged or unreadable in the queue
	Bytes   int64 // of what was written or kept
}

// Export copies the payloads that a filter selects to a folder, typically on a USB stick, as <camera>/<name>, and
// lists them in Manifest there. A file has its name only after it has been flushed to the disk and read back with the
// right digest. A frame that is there and right is kept, so an export that was interrupted is simply begun again. The
// queue keeps what it has.
//
// Lost frames are handed to lost, and the export goes on; its own errors are ErrNoRoom, ErrUnfaithful, ErrReadOnly, ErrGone,
// ErrNoFolder, lost's, those of the Desk and of the other disk.
func Export(ctx context.Context, d Desk, dir string, f queue.Filter, lost func(Frame, error) error) (Exported, error) {
	x := &export{desk: d, lost: lost}
	err := x.run(ctx, dir, f)
	return x.done, explain(err)
}

func (x *export) run(ctx context.Context, dir string, f queue.Filter) (err error) {
	if err := makeFolder(dir); err != nil {
		return err
	}
	x.root, err = os.OpenRoot(dir) // nothing is written through a link that somebody left there
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.root.Close()) }()
	if err := x.tidy(); err != nil {
		return err
	}
	if x.manifest, err = openManifest(x.root); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.manifest.close()) }()
	return Each(ctx, x.desk, f, func(frame Frame) error { return x.frame(ctx, frame) })
}

// makeFolder makes the folder of an export, in one that is there.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		info, statErr := os.Stat(dir)
		if statErr == nil && !info.IsDir() {
			return fmt.Errorf("%w: %s is a file", ErrNoFolder, dir)
		}
		return statErr
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: %w", ErrNoFolder, err)
	}
	return err
}

// explain tells what is wrong with the other disk, if that is what an error says: the desk's own are no errors of a file.
func explain(err error) error {
	const windowsDiskFull = syscall.Errno(112)
	var file *fs.PathError
	var link *os.LinkError
	what := func(errnos ...error) bool {
		return slices.ContainsFunc(errnos, func(errno error) bool { return errors.Is(err, errno) })
	}
	switch {
	case errors.Is(err, errPayload), !errors.As(err, &file) && !errors.As(err, &link):
		return err
	case what(syscall.ENOSPC, syscall.EDQUOT), runtime.GOOS == "windows" && what(windowsDiskFull):
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	case what(syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case what(syscall.EIO, syscall.ENODEV, syscall.ENXIO):
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

// export is one run of Export.
type export struct {
	desk     Desk
	root     *os.Root
	manifest *manifest
	lost     func(Frame, error) error
	done     Exported

	flushed func(part string) // tests only: called before a file is read back
}

// tidy removes what an interrupted export left.
func (x *export) tidy() error {
	entries, err := fs.ReadDir(x.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partial) && e.Type().IsRegular() {
			err = errors.Join(err, x.root.Remove(e.Name()))
		}
	}
	return err
}

func (x *export) frame(ctx context.Context, f Frame) error {
	name := string(f.ID)
	right, err := x.holds(name, f)
	if err != nil {
		return err
	}
	if !right {
		if err = x.copy(ctx, name, f); err != nil {
			return x.judge(ctx, f, err)
		}
	}
	if err := x.manifest.add(f); err != nil {
		if !right { // the manifest names every file, or the file is not there
			err = errors.Join(err, x.root.Remove(name))
		}
		return err
	}
	if right {
		x.done.Kept++
	} else {
		x.done.Written++
	}
	x.done.Bytes += f.Bytes
	return nil
}

// judge decides whether a failed copy is the frame's own problem.
func (x *export) judge(ctx context.Context, f Frame, err error) error {
	if !errors.Is(err, errPayload) {
		return err
	}
	now, showErr := x.desk.Show(ctx, string(f.ID))
	switch {
	case showErr == nil && now.Left(), errors.Is(showErr, queue.ErrNotFound):
		x.done.Left++
		return nil
	case showErr != nil:
		return showErr
	}
	x.done.Lost++
	return x.lost(f, err)
}

// holds tells whether a frame is there already, with the right bytes.
func (x *export) holds(name string, f Frame) (bool, error) {
	info, err := x.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || info.Size() != f.Bytes {
		return false, nil
	}
	digest, err := x.digest(name)
	return digest == f.SHA256, err
}

// digest reads a file back from the disk itself, as far as the system can be made to.
func (x *export) digest(name string) (string, error) {
	file, err := x.root.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // read only
	forget(file)
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// copy writes a frame under a name that says that it is not whole, flushes it, reads it back, and gives it its own.
func (x *export) copy(ctx context.Context, name string, f Frame) (err error) {
	payload, err := x.desk.Payload(ctx, f.ID)
	if err != nil {
		return fmt.Errorf("%w: %w", errPayload, err)
	}
	defer func() { _ = payload.Close() }() // read only
	if err := x.folder(path.Dir(name)); err != nil {
		return err
	}
	part := partial + f.SHA256
	defer func() {
		if err != nil {
			if removeErr := x.root.Remove(part); !errors.Is(removeErr, fs.ErrNotExist) {
				err = errors.Join(err, removeErr)
			}
		}
	}()
	if err := x.fill(part, payload, f); err != nil {
		return err
	}
	if x.flushed != nil {
		x.flushed(part)
	}
	digest, err := x.digest(part)
	if err != nil {
		return err
	}
	if digest != f.SHA256 {
		return fmt.Errorf("%w: %s was written with SHA-256 %s and read back with %s", ErrUnfaithful, name, f.SHA256, digest)
	}
	if err := x.root.Rename(part, name); err != nil {
		return err
	}
	return x.syncDir(path.Dir(name))
}

// fill writes what has the right digest, and flushes it. A payload that breaks off or is another is an errPayload.
func (x *export) fill(part string, payload io.Reader, f Frame) (err error) {
	file, err := x.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	source := &source{from: payload}
	if _, err := io.Copy(io.MultiWriter(file, sum), source); err != nil {
		if source.err != nil {
			return fmt.Errorf("%w: %w", errPayload, source.err)
		}
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is %s", errPayload, got)
	}
	return file.Sync()
}

// source remembers a reader's own error, so that it can be told from the writer's.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// folder makes a camera's folder, durably.
func (x *export) folder(name string) error {
	err := x.root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return x.syncDir(".")
}

// syncDir makes names durable, where the system can: some file systems of sticks, and Windows, cannot be asked to.
func (x *export) syncDir(name string) error {
	dir, err := x.root.Open(name)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}
