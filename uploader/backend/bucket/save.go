package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Save reads the object into a file that appears at path when it is whole and proven, and not before. It returns an
// error that wraps fs.ErrExist when there is something at path already and overwrite is false. The file is readable
// by its owner only: frames show people.
func (b *Bucket) Save(ctx context.Context, key, path string, overwrite bool) (Object, error) {
	if _, err := os.Lstat(path); err == nil && !overwrite {
		return Object{}, fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return b.fetch(ctx, key, filepath.Dir(path), func(f *os.File) error {
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		return os.Rename(f.Name(), path)
	})
}

// Print reads the object and writes it to w when it is proven. Until then it is in a temporary file: there may be
// more of it than there is memory.
func (b *Bucket) Print(ctx context.Context, key string, w io.Writer) (Object, error) {
	return b.fetch(ctx, key, "", func(f *os.File) error {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(w, f)
		return err
	})
}

// fetch gives use the proven bytes in a temporary file in dir, which is gone afterwards if use has not renamed it.
func (b *Bucket) fetch(ctx context.Context, key, dir string, use func(*os.File) error) (Object, error) {
	f, err := os.CreateTemp(dir, ".shelf-backend-*.part")
	if err != nil {
		return Object{}, err
	}
	defer func() {
		_ = f.Close()           // closed already, or thrown away
		_ = os.Remove(f.Name()) // renamed already, or thrown away
	}()
	object, err := b.Read(ctx, key, f)
	if err != nil {
		return Object{}, err
	}
	return object, use(f)
}
