package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// MarkerName is the file in the capture folder that tells the capture disk from an empty mount point.
const MarkerName = ".shelf-agent-capture"

// marker is the content of the marker, and, id alone, of the file Options.Seen.
type marker struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Note    string    `json:"note,omitempty"`
}

const markerNote = "shelf-agent knows its capture disk by this file. Please leave it here."

// checkMarker compares the marker in the open capture folder with the one recorded, and makes one if none is. With an
// error the state says DiskFailing.
func checkMarker(d *folder, seen string) (diskState, error) {
	recorded, err := readSeen(seen)
	if err != nil {
		return diskState{Disk: DiskFailing}, err
	}
	id, err := readMarker(d)
	if err != nil {
		return diskState{Disk: DiskFailing}, err
	}
	switch {
	case id == "" && recorded == "":
		return makeMarker(d, seen)
	case id == "":
		return diskState{Disk: DiskMarkerMissing, Detail: "marker " + recorded + " is not in the folder"}, nil
	case recorded == "":
		// A first start that was cut short, or an agent that was installed anew.
		return present(recordMarker(seen, id))
	case id != recorded:
		return diskState{Disk: DiskForeign, Detail: "marker " + id + " instead of " + recorded}, nil
	}
	return diskState{Disk: DiskPresent}, nil
}

func makeMarker(d *folder, seen string) (diskState, error) {
	m := marker{ID: randomHex(16), Created: time.Now().UTC().Truncate(time.Second), Note: markerNote}
	if err := writeMarker(d, MarkerName, m, seen); err != nil {
		return diskState{Disk: DiskFailing}, setupError(d.at(MarkerName), err)
	}
	return present(recordMarker(seen, m.ID))
}

func present(err error) (diskState, error) {
	if err != nil {
		return diskState{Disk: DiskFailing}, err
	}
	return diskState{Disk: DiskPresent}, nil
}

// Adopted is what [Adopt] found and did.
type Adopted struct {
	ID     string // of the marker in the capture folder, recorded now
	Before string // recorded before; "" for none
	Made   bool   // the folder had no marker
}

// Adopt accepts the capture folder as it is: it makes a marker if there is none and records it in the file seen. For
// a person who has replaced the disk or made the folder anew; a running agent notices at its next scan. What root
// makes here belongs to the owner of the folder that seen is in, as it would had the agent made it.
func Adopt(dir, seen string) (Adopted, error) {
	before, err := readSeen(seen)
	if err != nil {
		return Adopted{}, err
	}
	d, err := openFolder(dir)
	if err != nil {
		return Adopted{}, setupError(dir, err)
	}
	defer d.close()
	id, err := readMarker(d)
	switch {
	case err != nil:
		return Adopted{}, err
	case id == "":
		if _, err := makeMarker(d, seen); err != nil {
			return Adopted{}, err
		}
		id, err = readMarker(d)
		return Adopted{ID: id, Before: before, Made: true}, err
	case id != before:
		err = recordMarker(seen, id)
	}
	return Adopted{ID: id, Before: before}, err
}

// readMarker returns the id in the marker, "" if there is no marker or it says nothing.
func readMarker(d *folder) (string, error) {
	f, _, err := d.open(MarkerName)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", setupError(d.at(MarkerName), err)
	}
	defer func() { _ = f.Close() }()
	return decodeMarker(f)
}

// readSeen returns the recorded id, "" for none.
func readSeen(seen string) (string, error) {
	if seen == "" {
		return "", nil
	}
	f, err := os.Open(seen)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("capture: recorded marker: %w", err)
	}
	defer func() { _ = f.Close() }()
	return decodeMarker(f)
}

func decodeMarker(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		return "", fmt.Errorf("capture: marker: %w", err)
	}
	var m marker
	if json.Unmarshal(data, &m) != nil {
		return "", nil // a damaged marker tells as much as none
	}
	return m.ID, nil
}

func recordMarker(seen, id string) error {
	if seen == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(seen), 0o750); err != nil {
		return fmt.Errorf("capture: record marker: %w", err)
	}
	d, err := openFolder(filepath.Dir(seen))
	if err != nil {
		return fmt.Errorf("capture: record marker: %w", err)
	}
	defer d.close()
	m := marker{ID: id, Created: time.Now().UTC().Truncate(time.Second)}
	return writeMarker(d, filepath.Base(seen), m, seen)
}

// writeMarker makes a file that belongs to the owner of the folder that seen is in.
func writeMarker(d *folder, name string, m marker, seen string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return fillDurable(d, name, time.Time{}, func(f *os.File) error {
		_, err := f.Write(append(data, '\n'))
		return errors.Join(err, chownLike(f, seen))
	})
}
