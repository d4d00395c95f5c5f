package frame

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

func encodeJPEG(c canvas, quality int) ([]byte, error) {
	var out bytes.Buffer
	err := jpeg.Encode(&out, c, &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

func encodePNG(c canvas, _ int) ([]byte, error) {
	var out bytes.Buffer
	err := png.Encode(&out, c)
	return out.Bytes(), err
}

func encodeBMP(c canvas, _ int) ([]byte, error) {
	var out bytes.Buffer
	err := bmp.Encode(&out, c)
	return out.Bytes(), err
}

func encodeTIFF(c canvas, _ int) ([]byte, error) {
	var out bytes.Buffer
	err := tiff.Encode(&out, c, &tiff.Options{Compression: tiff.Deflate})
	return out.Bytes(), err
}

// dressJPEG adds the JFIF header, too: it says that the components are Y, Cb and Cr.
func dressJPEG(encoded, profile []byte) []byte {
	out := appendSegment([]byte{0xff, mSOI}, mAPP0, []byte(jfifID+"\x01\x01\x00\x00\x01\x00\x01\x00\x00"))
	return append(appendProfile(out, profile), encoded[2:]...)
}

func dressPNG(encoded, profile []byte) []byte {
	if profile == nil {
		return encoded
	}
	stream := bytes.NewBufferString("icc\x00\x00")
	z := zlib.NewWriter(stream)
	_, _ = z.Write(profile) // a bytes.Buffer takes everything
	_ = z.Close()
	const head = len(pngSignature) + pngOverhead + 13 // the profile follows IHDR
	out := appendChunk(bytes.Clone(encoded[:head]), "iCCP", stream.Bytes())
	return append(out, encoded[head:]...)
}

// dressBMP makes the short header the long one, which has a place for a profile.
func dressBMP(encoded, profile []byte) []byte {
	if profile == nil {
		return encoded
	}
	const grown = bmpV5Header - bmpInfoHeader
	rest := encoded[bmpFileHeader+bmpInfoHeader:]
	out := append(bytes.Clone(encoded[:bmpFileHeader+bmpInfoHeader]), make([]byte, grown)...)
	le := binary.LittleEndian
	size := uint32(len(encoded) + grown)
	le.PutUint32(out[bmpOffPixels:], le.Uint32(encoded[bmpOffPixels:])+grown)
	le.PutUint32(out[bmpFileHeader:], bmpV5Header)
	le.PutUint32(out[bmpOffSpace:], bmpSpaceEmbed)
	le.PutUint32(out[bmpOffProfile:], size-bmpFileHeader)
	le.PutUint32(out[bmpOffProfile+4:], uint32(len(profile)))
	le.PutUint32(out[bmpOffFileSize:], size+uint32(len(profile)))
	return append(append(out, rest...), profile...)
}

func dressTIFF(encoded, profile []byte) []byte {
	if profile == nil {
		return encoded
	}
	w, err := walkTIFF(encoded, limits{pixels: 1 << 40, memory: 1 << 40})
	if err != nil {
		panic(err) // it was written a moment ago
	}
	w.profile = profile
	return w.assemble(1)
}
