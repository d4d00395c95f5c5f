package frame

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exiftool is a reader of metadata that is not ours, and knows far more of it.
func exiftool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("exiftool")
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("exiftool is missing: apt-get install libimage-exiftool-perl")
	}
	t.Skip("SKIPPED: THE PRIVACY OF FRAMES IS NOT CHECKED BY AN OUTSIDER. apt-get install libimage-exiftool-perl")
	return ""
}

// allowed is whether a tag that exiftool finds may be in a frame: facts about the file and the encoding, the colour
// profile, the resolution, and the orientation.
func allowed(group, tag string) bool {
	switch group {
	case "ExifTool", "System":
		return tag != "Warning" && tag != "Error" // these speak of the file, and not from it
	case "File":
		return tag != "Comment"
	case "Composite":
		return tag == "ImageSize" || tag == "Megapixels"
	case "JFIF":
		return tag == "JFIFVersion" || slices.Contains(tiffTags, tag)
	case "Adobe":
		return slices.Contains([]string{"DCTEncodeVersion", "APP14Flags0", "APP14Flags1", "ColorTransform"}, tag)
	case "PNG", "PNG-pHYs", "RIFF":
		return slices.Contains(chunkTags, tag)
	case "IFD0":
		return tag == "Orientation" || slices.Contains(tiffTags, tag)
	}
	return strings.HasPrefix(group, "ICC")
}

// chunkTags are what the headers of PNG and WebP say about a picture.
var chunkTags = []string{
	"ImageWidth", "ImageHeight", "BitDepth", "ColorType", "Compression", "Filter", "Interlace", "ProfileName",
	"PixelsPerUnitX", "PixelsPerUnitY", "PixelUnits", "WebP_Flags", "VP8Version", "HorizontalScale", "VerticalScale",
	"AlphaPreprocessing", "AlphaFiltering", "AlphaCompression",
}

// tiffTags are what a TIFF picture needs to be a picture.
var tiffTags = []string{
	"ImageWidth", "ImageHeight", "BitsPerSample", "Compression", "PhotometricInterpretation", "FillOrder",
	"StripOffsets", "StripByteCounts", "SamplesPerPixel", "RowsPerStrip", "XResolution", "YResolution",
	"ResolutionUnit", "PlanarConfiguration", "Predictor", "ColorMap", "TileWidth", "TileLength", "TileOffsets",
	"TileByteCounts", "ExtraSamples", "SampleFormat", "T4Options", "T6Options",
}

// private lists the tags that must not be in a frame.
func private(found map[string]string) []string {
	var left []string
	for tag, group := range found {
		if !allowed(group, tag) {
			left = append(left, group+":"+tag)
		}
	}
	slices.Sort(left)
	return left
}

// tags reads the metadata of a file: the group of each tag. Where two groups have a tag, one that must not be there
// wins.
func tags(t *testing.T, tool, file string) map[string]string {
	t.Helper()
	out, err := exec.Command(tool, "-json", "-G1", "-a", "-u", "-U", "-ee", file).Output()
	var found []map[string]any
	if json.Unmarshal(out, &found) != nil || len(found) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	groups := map[string]string{}
	delete(found[0], "SourceFile")
	for key := range found[0] {
		group, tag, _ := strings.Cut(key, ":")
		if before, twice := groups[tag]; !twice || allowed(before, tag) {
			groups[tag] = group
		}
	}
	return groups
}

// Promise 2, judged by exiftool, on files that exiftool itself has filled with whatever it can write.
func TestExiftoolFindsNothingPrivate(t *testing.T) {
	tool := exiftool(t)
	writes := []string{
		"-Artist=" + secret, "-Copyright=" + secret, "-ImageDescription=" + secret, "-Make=" + secret,
		"-UserComment=" + secret, "-SerialNumber=" + secret, "-OwnerName=" + secret, "-Orientation#=6",
		"-GPSLatitude=52.5", "-GPSLatitudeRef=N", "-GPSLongitude=13.4", "-GPSLongitudeRef=E", "-GPSAltitude=34",
		"-AllDates=2026:11:22 02:18:03", "-XMP:Creator=" + secret, "-XMP:Subject=" + secret, "-XMP:GPSLatitude=52.5",
		"-IPTC:Caption-Abstract=" + secret, "-Comment=" + secret, "-Photoshop:CopyrightFlag=1",
	}
	for _, name := range []string{"camera.jpg", "video-cmyk.jpg", "video-progressive.jpg", "camera.png", "camera.tif",
		"video-tiles.tif", "camera.webp", "rose-alpha.webp", "video.bmp", "two-pictures.jpg"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), name)
			dirty := load(t, name)
			if name == "camera.webp" {
				dirty = dirty[:len(dirty)-len(secret)] // exiftool does not write to one with a trailer
			}
			if err := os.WriteFile(file, dirty, 0o600); err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(name) != ".bmp" { // which exiftool cannot write
				args := append(slices.Clone(writes), "-m", "-q", "-q", "-overwrite_original", file)
				if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			if name != "video.bmp" && len(private(tags(t, tool, file))) < 5 {
				t.Fatal("exiftool finds nothing private in what it wrote: this test would see nothing")
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f := mustNew(t, raw)
			if err := os.WriteFile(file, f.Bytes, 0o600); err != nil {
				t.Fatal(err)
			}
			found := tags(t, tool, file)
			if left := private(found); len(left) > 0 {
				t.Errorf("still there: %v", left)
			}
			if f.Orientation != 1 && found["Orientation"] != "IFD0" {
				t.Errorf("the orientation is gone: %v", found)
			}
			if strings.HasPrefix(name, "camera") && !strings.HasPrefix(found["ProfileClass"], "ICC") {
				t.Errorf("the colour profile is gone: %v", found)
			}
		})
	}
}
