package frame

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
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
	return luma, c.sameSize(gotWidth, gotHeight, width, height)
}

// sameSize holds what was decoded against what the header said.
func (c *codec) sameSize(gotWidth, gotHeight, width, height int) error {
	if gotWidth != width || gotHeight != height {
		return reject(CodeCorrupt, "the header says %d x %d pixels, %d x %d were decoded",
			width, height, gotWidth, gotHeight)
	}
	return nil
}

// decoding verifies by means of a decoder.
func decoding(decode func(io.Reader) (image.Image, error)) func([]byte, limits) (int, int, *image.Gray, error) {
	return func(b []byte, _ limits) (width, height int, luma *image.Gray, err error) {
		img, err := decode(bytes.NewReader(b))
		if err != nil {
			return 0, 0, nil, decodeError(err)
		}
		size := img.Bounds().Size()
		return size.X, size.Y, lumaOf(img), nil
	}
}

func decodeError(err error) error {
	if isUnsupported(err) {
		return reject(CodeUnsupported, "%v", err)
	}
	return reject(CodeCorrupt, "%v", err)
}

// isUnsupported tells the kinds of picture that the decoders do not know from damage. WebP has no such error.
func isUnsupported(err error) bool {
	var (
		jpegErr jpeg.UnsupportedError
		pngErr  png.UnsupportedError
		tiffErr tiff.UnsupportedError
	)
	return errors.As(err, &jpegErr) || errors.As(err, &pngErr) || errors.As(err, &tiffErr) || errors.Is(err, bmp.ErrUnsupported)
}
