package frame

import (
	"image"
	"io"

	"golang.org/x/image/webp"
)

// decodeWebP mends the colours of a lossy picture. VP8 stores brightness from 16 to 235 and colour from 16 to 240, while
// image.YCbCr means the full range of JPEG; the decoder hands the one out as the other, which greys the picture
// (golang/go#40173). Source: RFC 6386, 9.2; ITU-R BT.601, 2.5.
func decodeWebP(r io.Reader) (image.Image, error) {
	img, err := webp.Decode(r)
	if err != nil {
		return nil, err
	}
	switch img := img.(type) {
	case *image.YCbCr:
		fullRange(img)
	case *image.NYCbCrA:
		fullRange(&img.YCbCr)
	}
	return img, nil
}

func fullRange(img *image.YCbCr) {
	stretch(img.Y, 16, 0, 219)
	stretch(img.Cb, 128, 128, 224)
	stretch(img.Cr, 128, 128, 224)
}

// stretch makes wide steps of 255 out of the whole range of so many; from is the sample that becomes to.
func stretch(samples []byte, from, to, wide int) {
	var table [256]byte
	for v := range table {
		table[v] = uint8(min(max(to+((v-from)*255+wide*256+wide/2)/wide-256, 0), 255)) // the 256 keep it positive to round
	}
	for i, v := range samples {
		samples[i] = table[v]
	}
}
