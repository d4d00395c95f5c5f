package support

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// Write makes the archive at a place where nothing is yet, for its owner's eyes alone. What it could not finish it takes
// away again.
func (b Bundle) Write(file string, now time.Time) (err error) {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	if err := b.pack(out, now); err != nil {
		return err
	}
	if err := toCaller(out); err != nil {
		return err
	}
	return out.Sync()
}

func (b Bundle) pack(out io.Writer, now time.Time) error {
	zipped := gzip.NewWriter(out)
	archive := tar.NewWriter(zipped)
	for _, p := range b.Parts {
		text := p.Text
		if p.Missing != "" && !strings.HasSuffix(p.Name, ".json") {
			text = append([]byte("# Not all is here: "+p.Missing+".\n\n"), text...)
		}
		header := &tar.Header{Name: b.Name + "/" + p.Name, Mode: 0o600, Size: int64(len(text)), ModTime: now.UTC().Truncate(time.Second), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(text); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zipped.Close())
}
