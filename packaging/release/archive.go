package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// archived is what is in an archive beside the program: its name there, and on the stage.
var archived = [][2]string{
	{"README.md", "README.md"},
	{"config.toml", "config.toml"},
	{"LICENCES.txt", "copyright"},
}

func zipFile(_ context.Context, r *release, t target) error {
	return r.archive(t, ".zip", func(out io.Writer, folder string, members [][2]string) error {
		w := zip.NewWriter(out)
		for _, m := range members {
			header := &zip.FileHeader{Name: folder + "/" + m[0], Method: zip.Deflate, Modified: r.epoch}
			header.SetMode(modeOf(m[0], t))
			entry, err := w.CreateHeader(header)
			if err != nil {
				return err
			}
			if err := copyFile(entry, filepath.Join(r.stage, m[1])); err != nil {
				return err
			}
		}
		return w.Close()
	})
}

func tarFile(_ context.Context, r *release, t target) error {
	return r.archive(t, ".tar.gz", func(out io.Writer, folder string, members [][2]string) error {
		packed := gzip.NewWriter(out)
		w := tar.NewWriter(packed)
		for _, m := range members {
			info, err := os.Stat(filepath.Join(r.stage, m[1]))
			if err != nil {
				return err
			}
			if err := w.WriteHeader(&tar.Header{
				Typeflag: tar.TypeReg, Name: folder + "/" + m[0], Size: info.Size(), Mode: int64(modeOf(m[0], t)), ModTime: r.epoch,
				Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
			}); err != nil {
				return err
			}
			if err := copyFile(w, filepath.Join(r.stage, m[1])); err != nil {
				return err
			}
		}
		return errors.Join(w.Close(), packed.Close())
	})
}

// archive writes one, whose files lie in a folder of its name.
func (r *release) archive(t target, ending string, write func(out io.Writer, folder string, members [][2]string) error) error {
	folder := fmt.Sprintf("shelf-agent_%s_%s", r.version, t.name())
	path := filepath.Join(r.out, folder+ending)
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	err = write(out, folder, append([][2]string{{t.program(), t.program()}}, archived...))
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return r.stamp(path, 0o644)
}

func modeOf(name string, t target) os.FileMode {
	if name == t.program() {
		return 0o755
	}
	return 0o644
}

func copyFile(to io.Writer, name string) error {
	from, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, from.Close())
}

// sums writes SHA256SUMS of a folder's files, as sha256sum does.
func sums(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	var text []byte
	for _, e := range entries {
		h := sha256.New()
		if err := copyFile(h, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
		text = fmt.Appendf(text, "%x  %s\n", h.Sum(nil), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), text, 0o644)
}
