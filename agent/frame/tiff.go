package frame

import "slices"

// The TIFF tags that are kept or looked at. Source: TIFF 6.0; Adobe's TIFF technical notes; ICC.1:2010, B.3.
const (
	tagWidth           = 256
	tagLength          = 257
	tagBitsPerSample   = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagStripOffsets    = 273
	tagSamplesPerPixel = 277
	tagRowsPerStrip    = 278
	tagStripCounts     = 279
	tagPlanar          = 284
	tagColorMap        = 320
	tagTileWidth       = 322
	tagTileLength      = 323
	tagTileOffsets     = 324
	tagTileCounts      = 325
	tagProfile         = 34675
)

// tiffKept are the fields that are copied as they are: what decodes the pixels, and the resolution. Each holds at
// most 16 values, or three for each of 256 colours, so that none can hide anything larger.
var tiffKept = []uint16{
	tagWidth, tagLength, tagBitsPerSample, tagCompression, tagPhotometric, 266 /* fill order */, tagSamplesPerPixel,
	tagRowsPerStrip, 282, 283 /* resolution */, tagPlanar, 292, 293 /* fax options */, 296, /* resolution unit */
	317 /* predictor */, tagColorMap, tagTileWidth, tagTileLength, 338 /* extra samples */, 339, /* sample format */
}

// tiffDropped names fields that are known and not kept. Any other field is dropped as unknown.
var tiffDropped = map[uint16]string{
	254: dropUnknown, 269: dropText, 270: dropText, 271: dropText, 272: dropText, 285: dropText, 305: dropText,
	tagDateTime: dropTime, 315: dropText, 316: dropText, 33432: dropText,
	330: dropExtraImage, 700: dropXMP, 33723: dropIPTC, 34377: dropIPTC,
	tagEXIFPointer: dropEXIF, tagGPSPointer: dropGPS,
}

// tiffWalk is what the first directory of a TIFF file says. Its slices are parts of raw.
type tiffWalk struct {
	block   tiffBlock
	kept    []field // sorted by tag, as the directory must be
	profile []byte
	dropped drops

	width, height int64
	fields        map[uint16]field
	data          []span // strips or tiles, in order
	tiled         bool
}

// parseTIFF keeps the first picture: the fields that decode it, its strips or tiles as they are, its colour
// profile and its orientation.
func parseTIFF(raw []byte, lim limits) (*layout, error) {
	w, err := walkTIFF(raw, lim)
	if err != nil {
		return nil, err
	}
	return &layout{
		width: int(w.width), height: int(w.height), exif: raw, exifIsFile: true, dropped: w.dropped,
		profile: w.profile, assemble: w.assemble,
	}, nil
}

func walkTIFF(raw []byte, lim limits) (*tiffWalk, error) {
	block, ifd0, ok := readTIFFHeader(raw)
	if !ok {
		return nil, reject(CodeTruncated, "%d bytes, less than the header", len(raw))
	}
	if block.slice(uint64(ifd0), 2) == nil {
		return nil, reject(CodeTruncated, "the directory is at byte %d of %d", ifd0, len(raw))
	}
	w := &tiffWalk{block: block, dropped: drops{}, fields: map[uint16]field{}}
	if n := block.order.Uint16(raw[ifd0:]); block.slice(uint64(ifd0)+2, 12*uint64(n)) == nil {
		return nil, reject(CodeTruncated, "the file ends within its directory")
	}
	for f := range block.fields(ifd0) {
		if err := w.sort(f); err != nil {
			return nil, err
		}
	}
	if block.next(ifd0) != 0 {
		w.dropped.add(dropExtraImage)
	}
	w.width, w.height = int64(w.value(tagWidth, 0)), int64(w.value(tagLength, 0))
	if err := lim.check(w.width, w.height, func() int64 { return w.memory(w.width, w.height) }); err != nil {
		return nil, err
	}
	return w, w.locate(w.width, w.height)
}

// sort decides about one field.
func (w *tiffWalk) sort(f field) error {
	switch {
	case slices.Contains(tiffKept, f.tag):
		if err := w.checkKept(f); err != nil {
			return err
		}
		w.kept = append(w.kept, f)
	case f.tag == tagStripOffsets, f.tag == tagStripCounts, f.tag == tagTileOffsets, f.tag == tagTileCounts:
	case f.tag == tagOrientation:
	case f.tag == tagProfile:
		profile, ok := validProfile(f.value)
		if !ok {
			w.dropped.add(dropICC)
		}
		w.profile = profile
	default:
		name, known := tiffDropped[f.tag]
		if !known {
			name = dropUnknown
		}
		w.dropped.add(name)
	}
	if _, twice := w.fields[f.tag]; twice {
		return reject(CodeCorrupt, "field %d is there twice", f.tag)
	}
	w.fields[f.tag] = f
	return nil
}

func (w *tiffWalk) checkKept(f field) error {
	most := uint32(16)
	if f.tag == tagColorMap {
		most = 3 * 256
	}
	switch f.typ {
	case typeByte, typeShort, typeLong, typeRational:
	default:
		return reject(CodeCorrupt, "field %d has type %d", f.tag, f.typ)
	}
	if f.count == 0 || f.count > most {
		return reject(CodeCorrupt, "field %d has %d values", f.tag, f.count)
	}
	if f.value == nil {
		return reject(CodeTruncated, "field %d lies outside the file", f.tag)
	}
	if n := len(w.kept); n > 0 && w.kept[n-1].tag >= f.tag {
		return reject(CodeCorrupt, "the directory is not sorted")
	}
	return nil
}

// value is the first value of a field, or otherwise when it is not there.
func (w *tiffWalk) value(tag uint16, otherwise uint32) uint32 {
	if v, ok := w.block.uint(w.fields[tag], 0); ok {
		return v
	}
	return otherwise
}

// memory bounds what x/image/tiff allocates: the picture, with an alpha channel added to colours, and the largest
// strip or tile, which a growing buffer may hold three times.
func (w *tiffWalk) memory(width, height int64) int64 {
	samples := int64(max(1, min(w.fields[tagBitsPerSample].count, 16)))
	bytesPerSample := int64(1)
	if w.value(tagBitsPerSample, 1) > 8 {
		bytesPerSample = 2
	}
	perPixel := bytesPerSample
	if samples > 1 {
		perPixel = 4 * bytesPerSample
	}
	blockWidth, blockHeight := w.blockSize(width, height)
	return perPixel*width*height + 3*samples*bytesPerSample*blockWidth*blockHeight
}
