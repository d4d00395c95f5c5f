package capture

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path"
	"strings"
	"time"
)

// asidePrefix begins the name that a source has while it is being taken away.
const asidePrefix = ".shelf-agent-aside-"

// aside is a source under a name that no camera knows, and proven to be the file that was handed out.
type aside struct {
	f      *File
	d      *folder // that it lies in; not owned
	name   string
	file   *os.File
	leased bool
}

// Remove deletes the file once its frame is durable, and ends the hand-out. It deletes only the very file that was
// handed out; if that has changed or been replaced, it stays, is offered again, and the error is ErrChanged. A file
// that is gone already is no error. After any other error, the folder's permissions for instance, the file stays and
// is offered again after a growing pause.
//
// The deletion is not flushed to the disk: after a power cut the file may be there and be handed out again.
func (f *File) Remove() error {
	if f.ended.Swap(true) {
		return ErrEnded
	}
	defer f.w.ask("a removal").answered()
	err := f.end(f.remove())
	if errors.Is(err, ErrVanished) {
		return nil
	}
	return err
}

func (f *File) remove() error {
	dir, name := split(f.rel)
	d, err := descend(f.w.opts.Dir, dir)
	if err != nil {
		return f.lost(err)
	}
	defer d.close()
	a, err := f.setAside(d, name)
	if err != nil {
		return f.lost(err)
	}
	defer a.close()
	if a.leased && !leaseKept(a.file) {
		// A writer got hold of the file before it was set aside and is waiting for us.
		return f.lost(a.putBack(ErrChanged))
	}
	if err := d.remove(a.name); err != nil {
		return f.lost(a.putBack(err))
	}
	return nil
}

// end tells the ledger how a hand-out ended.
func (f *File) end(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrVanished):
		if f.w.ledger.finish(f.entry) {
			f.w.lookAt(f.rel)
		}
	case errors.Is(err, ErrChanged):
		f.w.ledger.release(f.entry, 0, time.Now())
	default:
		f.w.ledger.failed(f.entry, err, time.Now())
	}
	return err
}

// setAside renames the file in d and then makes sure that it caught the right one: the order matters, because between a
// look and an unlink by name there would be time for a new picture of that name. With an error, everything is as it was.
func (f *File) setAside(d *folder, name string) (*aside, error) {
	at, err := d.look(name)
	if err != nil {
		return nil, err
	}
	if !at.same(f.info) {
		return nil, ErrChanged
	}
	a := &aside{f: f, d: d, name: asideName(name)}
	f.w.asides.Store(a.path(), true) // before the scan can see it
	if err := d.rename(name, d, a.name); err != nil {
		a.close()
		return nil, err
	}
	if err := a.verify(); err != nil {
		err = a.putBack(err)
		a.close()
		return nil, err
	}
	return a, nil
}

// verify opens the file, under a lease where there are leases, and compares it with what was handed out.
func (a *aside) verify() error {
	file, _, err := a.d.open(a.name)
	if err != nil {
		return err
	}
	a.file = file
	switch a.f.w.lease(file) {
	case leaseTaken:
		a.leased = true
	case leaseBusy:
		if !a.f.Incomplete {
			return ErrChanged
		}
	}
	in, err := infoOf(file)
	if err != nil {
		return err
	}
	if !in.content(a.f.info) {
		return ErrChanged
	}
	return a.f.compareFresh(file)
}

// compareFresh reads a file again whose time stamp could not show a change, and compares the content.
func (f *File) compareFresh(file io.Reader) error {
	if !f.fresh {
		return nil
	}
	var h maphash.Hash
	h.SetSeed(f.w.seed)
	if _, err := io.Copy(&h, file); err != nil {
		return err
	}
	if h.Sum64() != f.sum {
		return ErrChanged
	}
	return nil
}

// putBack gives the file its name again and returns cause. If it cannot, the scan will.
func (a *aside) putBack(cause error) error {
	if _, err := restoreAside(a.d, a.name); err != nil {
		return fmt.Errorf("%w; and its name could not be given back: %w", cause, err)
	}
	return cause
}

func (a *aside) close() {
	if a.file != nil {
		_ = a.file.Close() // and with it the lease
	}
	a.f.w.asides.Delete(a.path())
}

func (a *aside) path() string {
	dir, _ := split(a.f.rel)
	return path.Join(dir, a.name)
}

// asideName keeps the end of a name that would become too long for the file system, since there the extension is.
func asideName(name string) string {
	const longest = 255
	prefix := asidePrefix + randomHex(8) + "-"
	return prefix + name[max(0, len(prefix)+len(name)-longest):]
}

// restoreAside gives a file that was set aside its name back, or a similar one if that is taken by now.
func restoreAside(d *folder, name string) (restored string, err error) {
	_, original, ok := strings.Cut(strings.TrimPrefix(name, asidePrefix), "-")
	if !ok || original == "" {
		original = strings.TrimPrefix(name, ".")
	}
	if samePlace(d, name, original) {
		return original, d.remove(name) // a crash between link and unlink
	}
	err = d.moveNew(name, d, original)
	if errors.Is(err, os.ErrExist) {
		ext := path.Ext(original)
		original = strings.TrimSuffix(original, ext) + "~" + randomHex(4) + ext
		err = d.moveNew(name, d, original)
	}
	return original, err
}

func samePlace(d *folder, a, b string) bool {
	x, errX := d.look(a)
	y, errY := d.look(b)
	return errX == nil && errY == nil && x.ino != 0 && x.ino == y.ino && x.dev == y.dev
}

// randomHex returns n random bytes in hex.
func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
