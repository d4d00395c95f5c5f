package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Rejection is why the consumer does not want a file.
type Rejection struct {
	Code     string `json:"code"`             // for machines: "truncated"
	Sentence string `json:"sentence"`         // for people: what it means
	Detail   string `json:"detail,omitempty"` // for engineers: the decoder's words
}

// Rejected is a file in the rejected folder, as the JSON beside it says.
type Rejected struct {
	Rejection
	At       time.Time `json:"at"` // UTC, by the rig's clock
	Size     int64     `json:"size"`
	SHA256   string    `json:"sha256"` // hex
	Source   string    `json:"source"` // where it was, below the capture folder, slash-separated
	Camera   string    `json:"camera"`
	File     string    `json:"file"` // its name now, in the folder of its camera
	Modified time.Time `json:"modified"`
}

// rejectedTime begins the names in the rejected folder, so that they sort by age.
const rejectedTime = "20060102T150405.000Z"

// Reject moves the file into the rejected folder, with its reason beside it, and ends the hand-out. Both are durable
// before the source goes. If the file has changed since it was handed out it stays, is offered again, and the error
// is ErrChanged: it may be good now. ErrVanished: there is nothing to keep. After any other error the file stays and
// is offered again after a growing pause.
func (f *File) Reject(why Rejection) error {
	if f.ended.Swap(true) {
		return ErrEnded
	}
	step := f.w.ask("a rejection")
	r, err := f.reject(why)
	err = f.end(err)
	step.answered()
	if err == nil {
		f.w.rejected.added(r)
	}
	return err
}

func (f *File) reject(why Rejection) (Rejected, error) {
	if err := os.MkdirAll(f.w.opts.Rejected, 0o750); err != nil {
		return Rejected{}, f.lostRejecting(err)
	}
	to, err := ensure(f.w.opts.Rejected, f.Camera)
	if err != nil {
		return Rejected{}, f.lostRejecting(err)
	}
	defer to.close()

	dir, name := split(f.rel)
	d, err := descend(f.w.opts.Dir, dir)
	if err != nil {
		return Rejected{}, f.lost(err)
	}
	defer d.close()
	a, err := f.setAside(d, name)
	if err != nil {
		return Rejected{}, f.lost(err)
	}
	defer a.close()
	r, err := a.keep(to, why)
	if err != nil {
		return Rejected{}, f.lostRejecting(a.putBack(err))
	}
	return r, nil
}

// lostRejecting is lost for errors that can be the rejected folder's: a missing one must not pass for a missing file.
func (f *File) lostRejecting(err error) error {
	if errors.Is(err, ErrChanged) {
		return f.lost(err)
	}
	return fmt.Errorf("capture: reject %s: %w", f.Path, err)
}

// keep moves the file to the folder to. The reason goes first: a file without a reason would be a riddle, a reason
// without a file is recognised as what a crash left.
func (a *aside) keep(to *folder, why Rejection) (Rejected, error) {
	if a.leased {
		giveLease(a.file) // hashing and copying can take long, and writers would wait
	}
	sum, err := a.hash()
	if err != nil {
		return Rejected{}, err
	}
	r := Rejected{
		Rejection: why,
		At:        time.Now().UTC(),
		Size:      a.f.Size,
		SHA256:    sum,
		Source:    a.f.rel,
		Camera:    a.f.Camera,
		Modified:  a.f.ModTime.UTC(),
	}
	r.File = rejectedName(r.At, a.f.Name)
	data, err := json.Marshal(r)
	if err != nil {
		return Rejected{}, err
	}
	if err := writeDurable(to, r.File+".json", append(data, '\n')); err != nil {
		return Rejected{}, err
	}
	if err := a.moveDurably(to, r.File); err != nil {
		_ = to.remove(r.File + ".json")
		return Rejected{}, err
	}
	return r, nil
}

// hash reads the whole file and makes sure that it is still as handed out afterwards.
func (a *aside) hash() (string, error) {
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	h := sha256.New()
	n, err := io.Copy(h, a.file)
	if err != nil {
		return "", err
	}
	in, err := infoOf(a.file)
	if err != nil {
		return "", err
	}
	if n != a.f.Size || !in.content(a.f.info) {
		return "", ErrChanged
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// moveDurably renames, or across file systems copies and then deletes. The camera's writes need not be on the disk yet,
// so the content is flushed in either case.
func (a *aside) moveDurably(to *folder, name string) error {
	if err := flush(a.file); err != nil {
		return err
	}
	err := a.d.rename(a.name, to, name)
	if crossDevice(err) {
		if _, err := a.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := copyDurable(to, name, a.file, a.f.ModTime); err != nil {
			return err
		}
		return a.d.remove(a.name)
	}
	if err != nil {
		return err
	}
	if err := to.sync(); err != nil {
		a.f.w.opts.Logger.Warn("rejected file may not survive a power cut", "file", to.at(name), "error", err)
	}
	return nil
}

// rejectedName is unique, sorts by time, and holds nothing of the camera's name for the file that could trouble a
// terminal, a shell or another file system.
func rejectedName(at time.Time, name string) string {
	const longest = 200
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.ToValidUTF8(name[max(0, len(name)-longest):], "_")
	return at.UTC().Format(rejectedTime) + "-" + randomHex(4) + "-" + name
}
