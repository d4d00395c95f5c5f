package frame

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the made files of testdata/frames again")

// madeFrames are the files of testdata/frames that are made from others of the same folder: the pixels of a file of
// the Go project, in what cameras put around them.
func madeFrames(t *testing.T) map[string][]byte {
	t.Helper()
	video, png := load(t, "video.jpg"), load(t, "video.png")
	made := map[string][]byte{
		"camera.jpg":         cameraJPEG(video),
		"camera.png":         cameraPNG(t, png),
		"camera.webp":        cameraWebP(load(t, "rose-lossy.webp")),
		"camera.tif":         cameraTIFF(t, load(t, "video.tif")),
		"two-pictures.jpg":   append(withSegments(video, segment(mAPP2, mpfID+secret)), video...),
		"truncated.jpg":      video[:len(video)*2/3],
		"truncated-scan.jpg": append(bytes.Clone(video[:len(video)*2/3]), 0xff, mEOI),
		"truncated.png":      png[:len(png)*2/3],
		"power-cut.jpg":      append(bytes.Clone(video[:8192]), make([]byte, len(video)-8192)...),
		"damaged.png":        flipped(png, len(png)/2),
		"animated.webp":      riff(vp8x(webpAnimation, 150, 100), appendRIFF(nil, "ANIM", make([]byte, 6))),
	}
	for o := 1; o <= 8; o++ {
		exif := buildEXIF(binary.BigEndian, []field{short(binary.BigEndian, tagOrientation, uint16(o))}, nil, nil, nil)
		made[fmt.Sprintf("orientation-%d.jpg", o)] =
			withSegments(load(t, "video-420.jpg"), segment(mAPP1, exifID+"\x00"+string(exif)))
	}
	return made
}

func cameraJPEG(raw []byte) []byte {
	raw = withSegments(raw,
		segment(mAPP0, jfifID+"\x01\x02\x01\x00\x48\x00\x48\x01\x01abc"),
		segment(mAPP1, exifID+"\x00"+string(cameraEXIF(binary.LittleEndian, 6))),
		segment(mAPP1, xmpID+"ap/1.0/\x00<x:xmpmeta>"+secret+"</x:xmpmeta>"),
		segment(mAPP2, profileID+"\x01\x01"+string(profileForTests())),
		segment(mAPP13, "Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x17\x1c\x02\x78\x00\x12"+secret+"\x00"),
		segment(0xe5, secret),
		segment(mCOM, secret))
	return append(raw, "SEFT"+secret...)
}

func cameraPNG(t *testing.T, raw []byte) []byte {
	var profile bytes.Buffer
	z := zlib.NewWriter(&profile)
	if _, err := z.Write(profileForTests()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return append(withChunks(raw,
		chunk("iCCP", secret+"\x00\x00"+profile.String()+secret),
		chunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00"),
		chunk("eXIf", string(cameraEXIF(binary.BigEndian, 8))),
		chunk("tEXt", "Comment\x00"+secret), chunk("zTXt", "Comment\x00\x00"+secret),
		chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+secret),
		chunk("tIME", "\x07\xea\x0b\x16\x01\x02\x03"), chunk("prVt", secret)), secret...)
}

// cameraWebP makes an extended file of a simple one.
func cameraWebP(raw []byte) []byte {
	return append(riff(
		vp8x(webpICC|webpEXIF|0x04, 400, 301),
		appendRIFF(nil, "ICCP", profileForTests()),
		raw[12:],
		appendRIFF(nil, "EXIF", cameraEXIF(binary.LittleEndian, 3)),
		appendRIFF(nil, "XMP ", []byte("<x:xmpmeta>"+secret+"</x:xmpmeta>")),
		appendRIFF(nil, "prvt", []byte(secret))), secret...)
}

// cameraTIFF adds fields to the directory of a file, and a second page.
func cameraTIFF(t *testing.T, raw []byte) []byte {
	b, ifd0, ok := readTIFFHeader(raw)
	if !ok {
		t.Fatal("not a TIFF file")
	}
	out := bytes.Clone(raw)
	if len(out)%2 != 0 {
		out = append(out, 0)
	}
	sub := []field{ascii(tagOriginal, "2026:11:22 02:18:03"), ascii(tagOffsetOrig, "+01:00"), ascii(tagMakerNote, secret)}
	subAt := uint32(len(out))
	out = appendIFD(out, b.order, sub, 0)
	var fields []field
	for f := range b.fields(ifd0) {
		if f.tag != tagOrientation && f.tag != 270 {
			fields = append(fields, f)
		}
	}
	profile := profileForTests()
	fields = append(fields, ascii(270, secret), short(b.order, tagOrientation, 6),
		field{700, typeByte, uint32(len(secret)), []byte(secret)},
		field{tagProfile, typeUndefined, uint32(len(profile)), profile},
		long(b.order, tagEXIFPointer, subAt))
	slices.SortFunc(fields, func(x, y field) int { return int(x.tag) - int(y.tag) })
	at := uint32(len(out))
	out = appendIFD(out, b.order, fields, subAt)
	b.order.PutUint32(out[4:], at)
	return out
}

func flipped(raw []byte, at int) []byte {
	out := bytes.Clone(raw)
	out[at] ^= 0x10
	return out
}

// What is checked in is what the makers above make, so that a reader can tell what a file holds.
func TestMadeFrames(t *testing.T) {
	for name, want := range madeFrames(t) {
		if *update {
			if err := os.WriteFile(filepath.Join(framesDir, name), want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if name == "camera.png" {
			continue // its profile is compressed by a library whose output may change
		}
		if !bytes.Equal(load(t, name), want) {
			t.Errorf("%s is not what is made now; run go test -run TestMadeFrames -update ./agent/frame", name)
		}
	}
}
