package frame

import (
	"bytes"
	"errors"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// verify decodes every pixel of b. The structure of b is complete by now, so that data which ends early is
// damage, and not a file that was cut.
func (c *codec) verify(b []byte, width, height int) error {
	img, err := c.decode(bytes.NewReader(b))
	if err != nil {
		if isUnsupported(err) {
			return reject(CodeUnsupported, "%v", err)
		}
		return reject(CodeCorrupt, "%v", err)
	}
	if got := img.Bounds().Size(); got.X != width || got.Y != height {
		return reject(CodeCorrupt, "the header says %d x %d pixels, %d x %d were decoded", width, height, got.X, got.Y)
	}
	return nil
}

// isUnsupported tells the kinds of picture that the decoders do not know from damage. WebP has no such error.
func isUnsupported(err error) bool {
	var (
		jpegErr jpeg.UnsupportedError
		pngErr  png.UnsupportedError
		tiffErr tiff.UnsupportedError
	)
	return errors.As(err, &jpegErr) || errors.As(err, &pngErr) || errors.As(err, &tiffErr) ||
		errors.Is(err, bmp.ErrUnsupported)
}
