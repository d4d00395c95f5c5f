package frame

import (
	"encoding/binary"
	"iter"
)

// The TIFF field types that are read here. Source: TIFF 6.0, section 2; EXIF 2.32, 4.6.2.
const (
	typeByte      = 1
	typeASCII     = 2
	typeShort     = 3
	typeLong      = 4
	typeRational  = 5
	typeUndefined = 7
)

var typeSizes = [...]uint64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}

// maxFields limits the fields of one directory: damaged data must not cost time by what it claims.
const maxFields = 1024

// tiffBlock is an EXIF block or a TIFF file: the same structure, with offsets from its first byte. Nothing in it
// is believed: what lies outside the data is not there.
type tiffBlock struct {
	data  []byte
	order byteOrder
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// field is one entry of a directory.
type field struct {
	tag, typ uint16
	count    uint32
	value    []byte // exactly count values of typ, within the block; nil when they lie outside it
}

// readTIFFHeader returns the block and the offset of its first directory.
func readTIFFHeader(data []byte) (b tiffBlock, ifd0 uint32, ok bool) {
	if len(data) < 8 {
		return tiffBlock{}, 0, false
	}
	switch string(data[:4]) {
	case "II*\x00":
		b = tiffBlock{data, binary.LittleEndian}
	case "MM\x00*":
		b = tiffBlock{data, binary.BigEndian}
	default:
		return tiffBlock{}, 0, false
	}
	return b, b.order.Uint32(data[4:]), true
}

// slice is data[off:off+n], or nil when that is not within the block.
func (b tiffBlock) slice(off, n uint64) []byte {
	if size := uint64(len(b.data)); off > size || n > size-off {
		return nil
	}
	return b.data[off : off+n : off+n]
}

// fields yields the entries of the directory at off, as far as they are within the block.
func (b tiffBlock) fields(off uint32) iter.Seq[field] {
	return func(yield func(field) bool) {
		head := b.slice(uint64(off), 2)
		if head == nil {
			return
		}
		for i := range min(uint64(b.order.Uint16(head)), maxFields) {
			entry := b.slice(uint64(off)+2+12*i, 12)
			if entry == nil || !yield(b.field(entry)) {
				return
			}
		}
	}
}

// field reads one 12-byte entry: tag, type, count, and the value itself or, beyond 4 bytes, where it is.
func (b tiffBlock) field(entry []byte) field {
	f := field{tag: b.order.Uint16(entry), typ: b.order.Uint16(entry[2:]), count: b.order.Uint32(entry[4:])}
	if int(f.typ) >= len(typeSizes) {
		return f
	}
	size := typeSizes[f.typ] * uint64(f.count)
	if size <= 4 {
		f.value = entry[8 : 8+size : 8+size]
	} else {
		f.value = b.slice(uint64(b.order.Uint32(entry[8:])), size)
	}
	return f
}

// next is the offset of the directory that follows the one at off; 0 when there is none.
func (b tiffBlock) next(off uint32) uint32 {
	head := b.slice(uint64(off), 2)
	if head == nil {
		return 0
	}
	link := b.slice(uint64(off)+2+12*uint64(b.order.Uint16(head)), 4)
	if link == nil {
		return 0
	}
	return b.order.Uint32(link)
}

// uint is the i-th value of a field of type BYTE, SHORT or LONG.
func (b tiffBlock) uint(f field, i int) (uint32, bool) {
	if i < 0 || uint64(i) >= uint64(f.count) || f.value == nil {
		return 0, false
	}
	switch f.typ {
	case typeByte:
		return uint32(f.value[i]), true
	case typeShort:
		return uint32(b.order.Uint16(f.value[2*i:])), true
	case typeLong:
		return b.order.Uint32(f.value[4*i:]), true
	}
	return 0, false
}
