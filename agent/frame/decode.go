package frame

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// verifySize reads every pixel of b. The structure of b is complete by now, so that data which ends early is damage, and
// not a file that was cut.
func (c *codec) verifySize(b []byte, lim limits, width, height int) (luma *image.Gray, err error) {
	gotWidth, gotHeight, luma, err := c.verify(b, lim)
	if err != nil {
		return nil, err
	}
	if gotWidth != width || gotHeight != height {
		return nil, reject(CodeCorrupt, "the header says %d x %d pixels, %d x %d were decoded",
			width, height, gotWidth, gotHeight)
	}
	return luma, nil
}

// decoding verifies by means of a decoder.
func decoding(decode func(io.Reader) (image.Image, error)) func([]byte, limits) (int, int, *image.Gray, error) {
	return func(b []byte, _ limits) (width, height int, luma *image.Gray, err error) {
		img, err := decode(bytes.NewReader(b))
		if err != nil {
			if isUnsupported(err) {
				return 0, 0, nil, reject(CodeUnsupported, "%v", err)
			}
			return 0, 0, nil, reject(CodeCorrupt, "%v", err)
		}
		size := img.Bounds().Size()
		return size.X, size.Y, nil, nil
	}
}

// isUnsupported tells the kinds of picture that the decoders do not know from damage. WebP has no such error.
func isUnsupported(err error) bool {
	var (
		pngErr  png.UnsupportedError
		tiffErr tiff.UnsupportedError
	)
	return errors.As(err, &pngErr) || errors.As(err, &tiffErr) || errors.Is(err, bmp.ErrUnsupported)
}
