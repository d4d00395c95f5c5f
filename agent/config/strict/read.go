package strict

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxBytes is the largest file that is read. A configuration of a thousand cameras has a tenth of it.
const MaxBytes = 1 << 20

// Reasons why a file is not read, beside those of io/fs.
var (
	ErrFolder   = errors.New("is a folder; name a file in it")
	ErrTooLarge = fmt.Errorf("is larger than %d KiB, so it is no configuration file", MaxBytes>>10)
)

// ReadError says why a file could not be read.
type ReadError struct {
	File string
	Err  error
}

func (e *ReadError) Error() string {
	var path *fs.PathError
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		return e.File + ": there is no such file"
	case errors.Is(e.Err, fs.ErrPermission):
		return e.File + ": this user may not read it"
	case errors.Is(e.Err, ErrFolder), errors.Is(e.Err, ErrTooLarge):
		return e.File + " " + e.Err.Error()
	case errors.As(e.Err, &path):
		return e.File + ": " + path.Err.Error() // it names the file a second time
	default:
		return e.File + ": " + e.Err.Error()
	}
}

func (e *ReadError) Unwrap() error { return e.Err }

// ReadFile reads a file of at most MaxBytes. Its error is a *ReadError.
func ReadFile(file string) ([]byte, error) {
	raw, err := readBounded(file)
	if err != nil {
		return nil, &ReadError{file, err}
	}
	return raw, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, ErrFolder
	}
	raw, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxBytes {
		return nil, ErrTooLarge
	}
	return raw, nil
}
