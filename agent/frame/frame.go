package frame

import (
	"crypto/sha256"
	"image"
	"slices"
	"time"
)

// The limits that the zero Options stand for.
const (
	DefaultMaxBytes  = 32 << 20   // bytes
	DefaultMaxPixels = 50_000_000 // width × height
	DefaultMaxMemory = 128 << 20  // bytes
	DefaultQuality   = 90         // of JPEG
)

// MostPixels is the largest Options.MaxPixels that a rig may have: whoever judges frames of all rigs takes it.
const MostPixels = 1_000_000_000

// Options say what is accepted. The zero value means the documented defaults.
type Options struct {
	// Formats that are allowed; empty means all.
	Formats []Format
	// MaxBytes is the largest file, in bytes; 0 means DefaultMaxBytes.
	MaxBytes int64
	// MaxPixels is the largest width × height; 0 means DefaultMaxPixels.
	MaxPixels int64
	// MaxMemory is the most memory, in bytes, that decoding one frame may take beside its file, as estimated
	// from its header; 0 means DefaultMaxMemory. The package comment gives the bytes per pixel.
	MaxMemory int64
	// MinWidth and MinHeight are in pixels, of the picture as it is shown; 0 means no minimum.
	MinWidth, MinHeight int

	// Masks are blackened. A frame that they do not fit is held back.
	Masks []Mask
	// LongestEdge is the most pixels of the longer side: a larger picture is made smaller. 0 means no limit.
	LongestEdge int
	// Quality is that of JPEG, 1 to 100. 0 leaves a JPEG as it is coded, unless masks or LongestEdge demand otherwise;
	// what is coded then gets DefaultQuality.
	Quality int
	// Output is the format that every frame leaves in; "" means its own. WebP that is worked on becomes JPEG: there is
	// no encoder for it.
	Output Format
}

// Source is what is known about the file besides its bytes.
type Source struct {
	// ModTime of the file: the capture time, where the picture does not tell a plausible one.
	ModTime time.Time
	// Location is the zone of EXIF times without an offset; nil means UTC. A local time that occurs twice
	// (clocks set back) is read as one of the two, always the same one.
	Location *time.Location
}

// TimeSource says where Frame.CapturedAt comes from.
type TimeSource string

// The sources of a capture time.
const (
	TimeEXIF      TimeSource = "exif"       // EXIF, with its own offset from UTC
	TimeEXIFLocal TimeSource = "exif_local" // EXIF, read as a local time in Source.Location
	TimeMod       TimeSource = "mtime"      // Source.ModTime
)

// Frame is a picture that may be uploaded.
type Frame struct {
	// Bytes are what is to be uploaded: valid and private. They never share memory with the raw bytes.
	Bytes  []byte
	Format Format
	// Width and Height are in pixels, of the picture as it is shown: upright, with Orientation applied.
	Width, Height int
	// Orientation is the EXIF orientation that Bytes carry, 1 to 8; 1 is also what no orientation means.
	Orientation int
	// Reworked says what was done to the pixels, in this order, of: masked, upright, scaled, encoded. It is nil for a frame
	// whose pixel data was copied; then Bytes hold the file's own. See the Reworked constants.
	Reworked []string
	// Quality is that of a JPEG that was coded anew, 1 to 100; 0 otherwise.
	Quality int
	// Luma is the brightness of the picture in Bytes at an eighth of its width and height, each rounded up, as stored:
	// Orientation is not applied. What is masked is black in it as well. It is nil for a JPEG in RGB or CMYK.
	Luma *image.Gray
	// CapturedAt is in UTC, cut to milliseconds, and never before 1970: that year's first instant is what is said when
	// neither EXIF nor Source told a time.
	CapturedAt time.Time
	TimeSource TimeSource
	// Stripped names what was removed, sorted, each once; nil when the file had nothing to remove.
	Stripped []string
	// SHA256 is of Bytes.
	SHA256 [sha256.Size]byte
}

// New makes a frame of raw, which it reads and does not keep. The error is always a *Rejection.
func New(raw []byte, src Source, opts Options) (*Frame, error) {
	opts = opts.withDefaults()
	c, err := identify(raw, opts)
	if err != nil {
		return nil, err
	}
	return c.frame(raw, src, opts)
}

// frame does what New promises, for a file that claims to be of this codec's format.
func (c *codec) frame(raw []byte, src Source, opts Options) (f *Frame, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, reject(CodeCorrupt, "decoder panicked: %v", p)
		}
	}()
	lim := opts.limits()
	lim.rework = opts.mayRework() && c.format != JPEG // a JPEG is weighed when it is known how it is stored
	l, err := c.parse(raw, lim)
	if err != nil {
		return nil, err
	}
	meta := readEXIF(l.exif)
	width, height := upright(l.width, l.height, meta.orientation)
	if width < opts.MinWidth || height < opts.MinHeight {
		return nil, reject(CodeTooSmall, "%d x %d pixels, at least %d x %d wanted",
			width, height, opts.MinWidth, opts.MinHeight)
	}
	f = &Frame{Format: c.format, Width: width, Height: height, Orientation: meta.orientation}
	if opts.reworks(c.format, width, height) {
		err = f.rework(c, l, opts)
	} else {
		f.Bytes = l.assemble(meta.orientation)
		f.Luma, err = c.verifySize(f.Bytes, opts.limits(), l.width, l.height)
	}
	if err != nil {
		return nil, err
	}
	f.CapturedAt, f.TimeSource = captureTime(meta, src)
	f.Stripped = l.stripped(meta)
	f.SHA256 = sha256.Sum256(f.Bytes)
	return f, nil
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxPixels <= 0 {
		o.MaxPixels = DefaultMaxPixels
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = DefaultMaxMemory
	}
	return o
}

// identify judges what can be judged without reading any structure.
func identify(raw []byte, opts Options) (*codec, error) {
	if int64(len(raw)) > opts.MaxBytes {
		return nil, reject(CodeTooLarge, "%d bytes, at most %d allowed", len(raw), opts.MaxBytes)
	}
	if len(raw) == 0 {
		return nil, reject(CodeEmpty, "0 bytes")
	}
	if allZero(raw) {
		return nil, reject(CodeEmpty, "%d bytes, all of them zero", len(raw))
	}
	c, err := sniff(raw)
	if err != nil {
		return nil, err
	}
	if len(opts.Formats) > 0 && !slices.Contains(opts.Formats, c.format) {
		return nil, reject(CodeFormatNotAllowed, "%s, allowed are %v", c.format, opts.Formats)
	}
	return c, nil
}

// allZero is true for what a file system shows of data that a power cut kept from the disk.
func allZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}
