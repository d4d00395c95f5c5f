package demo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// exif is what the simulated cameras tell about a picture, the place of the shop included.
type exif struct {
	make, model         string
	taken               time.Time
	latitude, longitude float64
}

// EXIF types and tags (CIPA DC-008, "Exchangeable image file format").
const (
	typeASCII    = 2
	typeShort    = 3
	typeLong     = 4
	typeRational = 5

	tagMake, tagModel, tagOrientation, tagDateTime = 0x010f, 0x0110, 0x0112, 0x0132
	tagEXIF, tagGPS                                = 0x8769, 0x8825
	tagOriginal, tagOffset, tagSubSecond           = 0x9003, 0x9011, 0x9291
	tagLatRef, tagLat, tagLonRef, tagLon           = 1, 2, 3, 4
)

// withEXIF puts an APP1 segment behind the SOI marker of a JPEG and leaves every other byte alone.
func withEXIF(picture []byte, e exif) []byte {
	body := append([]byte("Exif\x00\x00"), e.tiff()...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return bytes.Join([][]byte{picture[:2], segment, body, picture[2:]}, nil)
}

func (e exif) tiff() []byte {
	const header = 8
	local := e.taken.Format("2006:01:02 15:04:05")
	inner := directory{
		{tagOriginal, typeASCII, ascii(local)},
		{tagOffset, typeASCII, ascii(e.taken.Format("-07:00"))},
		{tagSubSecond, typeASCII, ascii(fmt.Sprintf("%03d", e.taken.Nanosecond()/1e6))},
	}
	gps := directory{
		{tagLatRef, typeASCII, ascii("N")}, {tagLat, typeRational, degrees(e.latitude)},
		{tagLonRef, typeASCII, ascii("E")}, {tagLon, typeRational, degrees(e.longitude)},
	}
	main := directory{
		{tagMake, typeASCII, ascii(e.make)}, {tagModel, typeASCII, ascii(e.model)},
		{tagOrientation, typeShort, []byte{0, 1}}, {tagDateTime, typeASCII, ascii(local)},
		{tagEXIF, typeLong, nil}, {tagGPS, typeLong, nil},
	}
	innerAt := header + main.size()
	gpsAt := innerAt + inner.size()
	main[4].value = binary.BigEndian.AppendUint32(nil, uint32(innerAt))
	main[5].value = binary.BigEndian.AppendUint32(nil, uint32(gpsAt))

	out := []byte{'M', 'M', 0, 42, 0, 0, 0, header}
	out = main.append(out)
	out = inner.append(out)
	return gps.append(out)
}

type entry struct {
	tag, kind uint16
	value     []byte
}

type directory []entry

// size counts the entries, and behind them the values that do not fit into one.
func (d directory) size() int {
	n := 2 + 12*len(d) + 4
	for _, e := range d {
		if len(e.value) > 4 {
			n += (len(e.value) + 1) &^ 1
		}
	}
	return n
}

func (d directory) append(out []byte) []byte {
	order := binary.BigEndian
	values := len(out) + 2 + 12*len(d) + 4
	var behind []byte
	out = order.AppendUint16(out, uint16(len(d)))
	for _, e := range d {
		unit := map[uint16]int{typeASCII: 1, typeShort: 2, typeLong: 4, typeRational: 8}[e.kind]
		out = order.AppendUint16(order.AppendUint16(out, e.tag), e.kind)
		out = order.AppendUint32(out, uint32(len(e.value)/unit))
		if len(e.value) <= 4 {
			out = append(out, append(bytes.Clone(e.value), make([]byte, 4-len(e.value))...)...)
			continue
		}
		out = order.AppendUint32(out, uint32(values+len(behind)))
		behind = append(behind, e.value...)
		if len(behind)%2 == 1 {
			behind = append(behind, 0)
		}
	}
	return append(append(out, 0, 0, 0, 0), behind...)
}

func ascii(s string) []byte { return append([]byte(s), 0) }

// degrees is an angle as three rationals: degrees, minutes, hundredths of seconds.
func degrees(angle float64) []byte {
	whole, rest := math.Modf(angle)
	minutes, rest := math.Modf(rest * 60)
	var out []byte
	for _, r := range [][2]float64{{whole, 1}, {minutes, 1}, {math.Round(rest * 6000), 100}} {
		out = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, uint32(r[0])), uint32(r[1]))
	}
	return out
}
