package frame

import (
	"maps"
	"slices"
)

// layout is what a walk over a file's structure has found.
type layout struct {
	width, height int    // as stored, before any orientation is applied
	exif          []byte // the EXIF block, from its byte order mark; nil when there is none
	exifIsFile    bool   // a TIFF file is its own EXIF block
	dropped       drops
	profile       []byte // a valid ICC profile, plain; nil when there is none
	// assemble returns a new file of what may be kept. An orientation of 2 to 8 is written into it.
	assemble func(orientation int) []byte
}

// limits are checked from a header, before anything is allocated by what it claims.
type limits struct {
	pixels int64 // width × height
	memory int64 // bytes
	rework bool  // the picture may be worked on, which takes memory as well: see reworkMemory
}

func (o Options) limits() limits { return limits{pixels: o.MaxPixels, memory: o.MaxMemory} }

// check judges the size that a header claims. memory is an upper bound, in bytes, for decoding the picture; it
// is asked for only once the pixels are known to be few enough for it not to overflow.
func (l limits) check(width, height int64, memory func() int64) error {
	if width <= 0 || height <= 0 {
		return reject(CodeCorrupt, "%d x %d pixels", width, height)
	}
	if width > l.pixels/height {
		return reject(CodeTooManyPixels, "%d x %d pixels, at most %d allowed", width, height, l.pixels)
	}
	need := memory()
	if l.rework {
		need = max(need+4*width*height, reworkMemory*width*height)
	}
	if need > l.memory {
		return reject(CodeTooManyPixels, "%d x %d pixels of this kind need %d bytes to decode, at most %d allowed",
			width, height, need, l.memory)
	}
	return nil
}

// What Frame.Stripped can name.
const (
	dropAnimation  = "animation"   // further frames of an animated PNG
	dropApp        = "app"         // JPEG application segments of a maker, or unknown ones
	dropComment    = "comment"     // JPEG comments
	dropEXIF       = "exif"        // an EXIF block; a kept orientation is written anew
	dropExtraImage = "extra_image" // further pictures: multi-picture JPEG index, TIFF pages
	dropGPS        = "gps"         // a position within EXIF
	dropICC        = "icc"         // a colour profile that is not valid
	dropIPTC       = "iptc"        // IPTC or Photoshop resources
	dropMakerNote  = "maker_note"  // a maker note within EXIF
	dropText       = "text"        // text chunks and fields
	dropThumbnail  = "thumbnail"   // a small second picture
	dropTime       = "time"        // modification times
	dropTrailing   = "trailing"    // bytes after the end of the picture
	dropUnknown    = "unknown"     // chunks and fields that are on no list
	dropXMP        = "xmp"         // an XMP packet
)

// drops collects names for Frame.Stripped.
type drops map[string]struct{}

func (d drops) add(name string) { d[name] = struct{}{} }

func (d drops) addIf(found bool, name string) {
	if found {
		d.add(name)
	}
}

// names are sorted; nil when there is none.
func (d drops) names() []string { return slices.Sorted(maps.Keys(d)) }

// stripped is what Frame.Stripped says: what the walk has dropped, and what the EXIF block held, unless it is the
// block that this package itself writes.
func (l *layout) stripped(meta exifData) []string {
	l.dropped.addIf(meta.makerNote, dropMakerNote)
	l.dropped.addIf(meta.gps, dropGPS)
	if len(l.exif) > 0 && !l.exifIsFile && !isOrientationEXIF(l.exif) {
		l.dropped.add(dropEXIF)
		l.dropped.addIf(meta.thumbnail, dropThumbnail)
	}
	return l.dropped.names()
}
