package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	programPath = "shelf-backend"
	rootsPath   = "etc/ssl/certs/ca-certificates.crt" // where crypto/x509 looks first
	taskRoot    = "var/task"                          // where a Lambda function finds what is its own, such as ca.pem
	// nobody is a number alone: there is no user database. It owns nothing.
	nobody = "65532:65532"
)

var machines = map[string]elf.Machine{"arm64": elf.EM_AARCH64, "amd64": elf.EM_X86_64}

// static refuses what would not start in an empty image.
func static(program []byte, arch string) error {
	want, known := machines[arch]
	if !known {
		return fmt.Errorf("%q is not an architecture of this image; say arm64 or amd64", arch)
	}
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return fmt.Errorf("it is no program for linux: %w", err)
	}
	if f.Machine != want {
		return fmt.Errorf("it was built for %s, not for %s", f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("it is not static: build it with CGO_ENABLED=0")
		}
	}
	return nil
}

// assemble makes the image: one layer, and what a machine has to know to start it. The added files are its own.
func assemble(program []byte, arch, version string, added []file) (v1.Image, error) {
	content, err := tarOf(append([]file{
		{name: "etc/", mode: 0o755}, {name: "etc/ssl/", mode: 0o755}, {name: "etc/ssl/certs/", mode: 0o755},
		{name: rootsPath, mode: 0o444, body: roots()},
		{name: programPath, mode: 0o555, body: program},
		{name: "var/", mode: 0o755}, {name: taskRoot + "/", mode: 0o755},
	}, added...))
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	made, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), layer)
	if err != nil {
		return nil, err
	}
	config, err := made.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config = v1.Config{
		User: nobody, Entrypoint: []string{"/" + programPath}, WorkingDir: "/" + taskRoot,
		Labels: map[string]string{"org.opencontainers.image.title": programPath, "org.opencontainers.image.version": version},
	}
	return mutate.ConfigFile(made, config)
}

// save writes the image as a tar file in the OCI image layout. The file appears when it is whole.
func save(made v1.Image, path string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".image-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := layout.Write(filepath.Join(dir, "layout"), mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: made})); err != nil {
		return err
	}
	files, err := read(filepath.Join(dir, "layout"))
	if err != nil {
		return err
	}
	content, err := tarOf(files)
	if err != nil {
		return err
	}
	whole := filepath.Join(dir, "image.tar")
	if err := os.WriteFile(whole, content, 0o644); err != nil {
		return err
	}
	return os.Rename(whole, path)
}

// file is an entry of a tar file; a folder's name ends in a slash.
type file struct {
	name string
	mode int64
	body []byte
}

// read lists a folder, in the order of names.
func read(dir string) (files []file, err error) {
	tree := os.DirFS(dir)
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			files = append(files, file{name: name + "/", mode: 0o755})
			return nil
		}
		body, err := fs.ReadFile(tree, name)
		files = append(files, file{name: name, mode: 0o644, body: body})
		return err
	})
	return files, err
}

// tarOf leaves out whatever differs from machine to machine: times and owners.
func tarOf(files []file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.body)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR, Typeflag: tar.TypeReg}
		if f.name[len(f.name)-1] == '/' {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.body); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}
