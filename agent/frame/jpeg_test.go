package frame

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
)

// scanData is the entropy-coded data of a file: from its first scan to the end-of-image marker.
func scanData(t *testing.T, raw []byte) []byte {
	t.Helper()
	from := bytes.Index(raw, []byte{0xff, mSOS})
	to := bytes.LastIndex(raw, []byte{0xff, mEOI})
	if from < 0 || to < from {
		t.Fatal("no scan")
	}
	return raw[from:to]
}

// The strip does not touch one bit of the picture: promise 3.
func TestJPEGScanIsCopied(t *testing.T) {
	for _, name := range []string{"video.jpg", "video-progressive.jpg", "video-restart.jpg", "portrait.jpg"} {
		raw := load(t, name)
		dirty := append(withSegments(raw, segment(mCOM, secret), segment(0xe7, secret)), secret...)
		clean := mustNew(t, dirty).Bytes
		if !bytes.Equal(scanData(t, clean), scanData(t, raw)) {
			t.Errorf("%s: the scan was changed", name)
		}
	}
}

func TestJPEGSegments(t *testing.T) {
	video := load(t, "video-420.jpg") // has a JFIF header
	const app1, exif = mAPP1, exifID + "\x00"
	profile := string(profileForTests())
	tests := []struct {
		story    string
		raw      []byte
		keeps    string // a part of the frame
		stripped string
	}{
		{"a thumbnail in the JFIF header", withSegments(video, segment(mAPP0, jfifID+"\x01\x01\x00\x00\x01\x00\x01\x02\x02"+secret)),
			"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00", "app thumbnail"},
		{"a thumbnail in a JFIF extension", withSegments(video, segment(mAPP0, jfxxID+secret)), "", "thumbnail"},
		{"a profile in one part", withSegments(video, segment(mAPP2, profileID+"\x01\x01"+profile)), profile, ""},
		{"a profile in two parts, in the wrong order", withSegments(video,
			segment(mAPP2, profileID+"\x02\x02"+profile[200:]), segment(mAPP2, profileID+"\x01\x02"+profile[:200])),
			profile, ""},
		{"a profile with bytes behind its end", withSegments(video, segment(mAPP2, profileID+"\x01\x01"+profile+secret)),
			profile, ""},
		{"a profile that lacks a part", withSegments(video, segment(mAPP2, profileID+"\x01\x02"+profile)), "", "icc"},
		{"a profile with a part that is there twice", withSegments(video, segment(mAPP2, profileID+"\x01\x01"+profile),
			segment(mAPP2, profileID+"\x01\x01"+profile)), "", "icc"},
		{"text that says it is a profile", withSegments(video, segment(mAPP2, profileID+"\x01\x01"+strings.Repeat(secret, 20))),
			"", "icc"},
		{"two EXIF blocks, the first one counts", withSegments(video,
			segment(app1, exif+string(orientationEXIF(6))), segment(app1, exif+string(cameraEXIF(binary.BigEndian, 3)))),
			string(orientationEXIF(6)), "exif"},
		{"an EXIF block without content", withSegments(video, segment(app1, exif)), "", "exif"},
		{"extended XMP", withSegments(video, segment(app1, "http://ns.adobe.com/xmp/extension/\x00"+secret)), "", "xmp"},
		{"fill bytes before a marker", withSegments(video, []byte{0xff, 0xff, 0xff}), "", ""},
		{"garbage between segments", withSegments(video, segment(mCOM, ""), []byte(secret)), "", "comment unknown"},
		{"an unknown APP14", withSegments(video, segment(mAPP14, secret)), "", "app"},
		{"a comment behind the scan", append(append(bytes.Clone(video[:len(video)-2]), segment(mCOM, secret)...), 0xff, mEOI),
			"", "comment"},
		{"a restart behind the last block", append(bytes.Clone(video[:len(video)-2]), 0xff, mRST0, 0xff, mEOI), "", ""},
		{"a video behind the picture", append(bytes.Clone(video), secret...), "", "trailing"},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			f := mustNew(t, tt.raw)
			if got := strings.Join(f.Stripped, " "); got != tt.stripped {
				t.Errorf("stripped %q, want %q", got, tt.stripped)
			}
			if bytes.Contains(f.Bytes, []byte(secret)) || !bytes.Contains(f.Bytes, []byte(tt.keeps)) {
				t.Errorf("kept the wrong parts: %q", f.Bytes[:min(700, len(f.Bytes))])
			}
		})
	}
}

// The marker in front of a component's transform decides its colours: RGB stays RGB.
func TestJPEGKeepsAdobe(t *testing.T) {
	raw := load(t, "video-cmyk.jpg")
	at := bytes.Index(raw, []byte{0xff, mSOS})
	last := segment(mAPP14, string(raw[bytes.Index(raw, []byte("Adobe")):][:adobeLen])+secret)
	f := mustNew(t, bytes.Join([][]byte{raw[:at], last, raw[at:]}, nil))
	if n := bytes.Count(f.Bytes, []byte("Adobe")); n != 1 || bytes.Contains(f.Bytes, []byte(secret)) {
		t.Errorf("%d Adobe segments", n)
	}
}

func TestJPEGRejections(t *testing.T) {
	video := load(t, "video-444.jpg")
	sof := bytes.Index(video, []byte{0xff, mSOF0})
	tests := []struct {
		story string
		raw   []byte
		want  Code
	}{
		{"no picture at all", []byte{0xff, mSOI, 0xff, mEOI}, CodeCorrupt},
		{"no scan", append(bytes.Clone(video[:bytes.Index(video, []byte{0xff, mSOS})]), 0xff, mEOI), CodeCorrupt},
		{"two frame headers", append(bytes.Clone(video[:sof]), append(video[sof:sof+19:sof+19], video[sof:]...)...), CodeCorrupt},
		{"a picture within a picture", withSegments(video, []byte{0xff, mSOI}), CodeCorrupt},
		{"a segment of no length", withSegments(video, []byte{0xff, mCOM, 0, 0}), CodeCorrupt},
		{"a segment beyond the end", append(bytes.Clone(video[:len(video)-2]), 0xff, mCOM, 0xff, 0xff), CodeTruncated},
		{"no sampling", replaced(video, "\x01\x11\x00", "\x01\x00\x00"), CodeCorrupt},
		{"no height", replaced(video, "\x08\x00\x67", "\x08\x00\x00"), CodeUnsupported},
		{"a scan header of the wrong length", replaced(video, "\xff\xda\x00\x0c\x03", "\xff\xda\x00\x0c\x02"), CodeCorrupt},
		{"a small file that costs hours", bytes.Join([][]byte{video[:len(video)-2],
			bytes.Repeat([]byte("\xff\xda\x00\x08\x01\x01\x00\x01\x01\x00\x00"), maxScans), {0xff, mEOI}}, nil), CodeUnsupported},
		{"forty thousand scattered comments", withSegments(video, bytes.Repeat([]byte("\xff\xfe\x00\x02\xff\xdd\x00\x04\x00\x00"), 40000)),
			CodeCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.story, func(t *testing.T) {
			_, err := New(tt.raw, Source{}, Options{})
			if got := codeOf(t, err); got != tt.want {
				t.Errorf("code %q, want %q: %v", got, tt.want, err)
			}
		})
	}
}

// A progressive picture without the first scan of a component has pixels without a value, and decoders say nothing.
func TestJPEGMissingScan(t *testing.T) {
	raw := load(t, "video-progressive.jpg")
	_, err := New(raw, Source{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.Index(raw, []byte{0xff, mSOS})
	second := first + 2 + bytes.Index(raw[first+2:], []byte{0xff, mDHT})
	_, err = New(append(bytes.Clone(raw[:first]), raw[second:]...), Source{}, Options{})
	if got := codeOf(t, err); got != CodeCorrupt {
		t.Errorf("code %q: %v", got, err)
	}
}

// largeJPEG is a made photograph: too large to be kept in the repository.
func largeJPEG(t testing.TB, width, height int) []byte {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	seed := uint32(1)
	for i := range img.Y {
		seed = seed*1664525 + 1013904223
		img.Y[i] = uint8(i/97) + uint8(seed>>28)
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = uint8(i/53), uint8(i/71)
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 85}); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestLargeJPEG(t *testing.T) {
	raw := withSegments(largeJPEG(t, 3840, 2160), segment(mAPP1, exifID+"\x00"+string(cameraEXIF(binary.BigEndian, 1))))
	f := mustNew(t, raw)
	if f.Width != 3840 || f.Height != 2160 || len(f.Stripped) != 4 {
		t.Errorf("%d x %d, stripped %v", f.Width, f.Height, f.Stripped)
	}
	if pixels(t, f.Bytes).ColorModel() != color.YCbCrModel {
		t.Error("not the same kind of picture")
	}
}
