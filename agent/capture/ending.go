package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// ending is what the last bytes of a file say about its being whole. It confirms that a file that keeps still is
// complete; whether the picture is valid is not decided here.
type ending int

const (
	_          ending = iota
	endUnknown        // no format that this package knows
	endThere          // the end marker is there
	endAbsent         // a known format, and no end marker yet
)

const (
	maxSegments = 10_000    // JPEG segments or PNG chunks walked before a file is called endless
	maxSearch   = 256 << 20 // bytes searched for a JPEG's end before the same
)

// endingOf reads a few bytes of a well-made file; of a JPEG with other data after its end, as much as it takes to find
// that end. Errors of r are those of a file that shrinks meanwhile, too.
func endingOf(r io.ReaderAt, size int64) (ending, error) {
	head := make([]byte, 12)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return jpegEnding(r, size)
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return pngEnding(r, size)
	case len(head) == 12 && string(head[:4]) == "RIFF" && string(head[8:]) == "WEBP":
		return endIf(size >= 8+int64(binary.LittleEndian.Uint32(head[4:]))), nil
	}
	return endUnknown, nil
}

func endIf(there bool) ending {
	if there {
		return endThere
	}
	return endAbsent
}

// jpegEnding looks for EOI (ff d9) at the very end, and else anywhere after the first SOS. Before it, EOI also ends the
// thumbnail inside an EXIF segment; after it, entropy-coded data never contains ff d9 (ITU-T T.81, B.1.1.5).
func jpegEnding(r io.ReaderAt, size int64) (ending, error) {
	var b [4]byte
	if _, err := r.ReadAt(b[:2], size-2); err != nil {
		return 0, err
	}
	if b[0] == 0xff && b[1] == 0xd9 {
		return endThere, nil
	}
	for at, n := int64(2), 0; n < maxSegments && at+4 <= size; n++ {
		if _, err := r.ReadAt(b[:], at); err != nil {
			return 0, err
		}
		length := int64(binary.BigEndian.Uint16(b[2:]))
		switch {
		case b[0] != 0xff:
			return endAbsent, nil
		case b[1] == 0xff: // fill byte
			at++
		case b[1] == 0x01, b[1]&^7 == 0xd0: // TEM, RSTn: no length
			at += 2
		case b[1] == 0xd9:
			return endThere, nil
		case b[1] == 0xda:
			there, err := contains(r, at+2+length, size, []byte{0xff, 0xd9})
			return endIf(there), err
		default:
			at += 2 + max(length, 2)
		}
	}
	return endAbsent, nil
}

// pngEnding walks the chunks to IEND, whose CRC must be there too (PNG, 5.3).
func pngEnding(r io.ReaderAt, size int64) (ending, error) {
	var b [8]byte
	for at, n := int64(8), 0; n < maxSegments && at+12 <= size; n++ {
		if _, err := r.ReadAt(b[:], at); err != nil {
			return 0, err
		}
		if string(b[4:]) == "IEND" {
			return endThere, nil
		}
		at += 12 + int64(binary.BigEndian.Uint32(b[:]))
	}
	return endAbsent, nil
}

// contains searches bytes from to end of r, from the back, where the match is more likely.
func contains(r io.ReaderAt, from, end int64, what []byte) (bool, error) {
	overlap := int64(len(what) - 1)
	from = max(from, end-maxSearch)
	buf := make([]byte, 64<<10)
	for end > from+overlap {
		start := max(from, end-int64(len(buf)))
		part := buf[:end-start]
		if _, err := r.ReadAt(part, start); err != nil {
			return false, err
		}
		if bytes.Contains(part, what) {
			return true, nil
		}
		if start == from {
			break
		}
		end = start + overlap
	}
	return false, nil
}
