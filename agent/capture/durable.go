package capture

import (
	"errors"
	"io"
	"os"
	"runtime"
	"time"
)

// writeDurable writes a file that is whole and on the disk when it returns nil: temporary name, fsync, rename, fsync of
// the folder. A file of that name is replaced.
func writeDurable(d *folder, name string, data []byte) error {
	return fillDurable(d, name, time.Time{}, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// copyDurable is writeDurable for the rest of an open file; it keeps the modification time, which can be the capture
// time.
func copyDurable(d *folder, name string, from io.Reader, modified time.Time) error {
	return fillDurable(d, name, modified, func(f *os.File) error {
		_, err := io.Copy(f, from)
		return err
	})
}

func fillDurable(d *folder, name string, modified time.Time, fill func(*os.File) error) (err error) {
	tmp := ".shelf-agent-new-" + randomHex(8)
	f, err := d.create(tmp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = d.remove(tmp) // the first error is the one to report
		}
	}()
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if !modified.IsZero() {
		if err := os.Chtimes(d.at(tmp), time.Time{}, modified); err != nil {
			return err
		}
	}
	if err := d.rename(tmp, d, name); err != nil {
		return err
	}
	return d.sync()
}

// flush makes the content of a file that others wrote durable. Windows refuses it for a file opened for reading.
func flush(f *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return f.Sync()
}
