package frame

import (
	"bytes"
	"encoding/binary"
)

const (
	jfifID    = "JFIF\x00"
	jfxxID    = "JFXX\x00"
	exifID    = "Exif\x00"
	xmpID     = "http://ns.adobe.com/x" // xap/1.0/ and, for packets beyond one segment, xmp/extension/
	profileID = "ICC_PROFILE\x00"
	mpfID     = "MPF\x00"
	adobeID   = "Adobe"

	jfifLen  = 14 // identifier, version, density, and a thumbnail of 0 × 0
	adobeLen = 12 // identifier, version, flags, colour transform

	maxSegment = 0xffff - 2 // bytes of payload
)

// application sorts an APPn or COM segment: the few that say how to show the pixels are remembered, and written
// anew by assemble; the others are dropped.
func (w *jpegWalk) application(marker byte, p []byte) {
	switch {
	case marker == mCOM:
		w.dropped.add(dropComment)
	case marker == mAPP0 && has(p, jfifID):
		w.keepJFIF(p)
	case marker == mAPP0 && has(p, jfxxID):
		w.dropped.add(dropThumbnail)
	case marker == mAPP1 && has(p, exifID):
		w.keepEXIF(p)
	case marker == mAPP1 && has(p, xmpID):
		w.dropped.add(dropXMP)
	case marker == mAPP2 && has(p, profileID):
		w.icc.add(p[len(profileID):])
	case marker == mAPP2 && has(p, mpfID):
		w.dropped.add(dropExtraImage)
	case marker == mAPP13:
		w.dropped.add(dropIPTC)
	case marker == mAPP14 && has(p, adobeID) && len(p) >= adobeLen:
		w.keepAdobe(p)
	default:
		w.dropped.add(dropApp)
	}
}

func has(p []byte, id string) bool { return len(p) >= len(id) && string(p[:len(id)]) == id }

// keepJFIF keeps the first header without its thumbnail. A short one, which decoders take as JFIF all the same,
// becomes a whole one with square pixels.
func (w *jpegWalk) keepJFIF(p []byte) {
	if w.jfif != nil {
		w.dropped.add(dropApp)
		return
	}
	if len(p) > jfifLen {
		w.dropped.add(dropThumbnail)
	}
	w.jfif = []byte(jfifID + "\x01\x01\x00\x00\x01\x00\x01\x00\x00")
	if len(p) >= jfifLen-2 {
		copy(w.jfif, p[:jfifLen-2])
	}
}

// keepEXIF remembers the first block, for its time and orientation.
func (w *jpegWalk) keepEXIF(p []byte) {
	if w.exif != nil || len(p) < len(exifID)+1 {
		w.dropped.add(dropEXIF)
		return
	}
	w.exif = p[len(exifID)+1:] // the identifier is followed by one byte of padding
	if len(w.exif) == 0 {
		w.dropped.add(dropEXIF)
	}
}

// keepAdobe keeps the last of several, as decoders do.
func (w *jpegWalk) keepAdobe(p []byte) {
	if w.adobe != nil || len(p) > adobeLen {
		w.dropped.add(dropApp)
	}
	w.adobe = p[:adobeLen]
}

// jpegProfile collects a colour profile from its segments, each with its number and the number of all.
// Source: ICC.1:2010, B.4.
type jpegProfile struct {
	parts [256][]byte
	count byte // of parts, as the first segment says; 0 before it
	wrong bool
}

func (i *jpegProfile) add(p []byte) {
	if len(p) < 2 || p[0] == 0 || p[0] > p[1] || i.parts[p[0]] != nil || i.count != 0 && i.count != p[1] {
		i.wrong = true
		return
	}
	i.count, i.parts[p[0]] = p[1], p[2:]
}

// join returns the profile; nil when there is none. ok is false when there was one that must go.
func (i *jpegProfile) join() (profile []byte, ok bool) {
	if i.count == 0 {
		return nil, !i.wrong
	}
	parts := i.parts[1 : int(i.count)+1]
	for _, p := range parts {
		i.wrong = i.wrong || p == nil
	}
	profile, ok = validProfile(bytes.Join(parts, nil))
	if !ok || i.wrong {
		return nil, false
	}
	return profile, true
}

// assemble writes the headers in the order that readers expect, JFIF first, and then the body as it was.
func (w *jpegWalk) assemble(orientation int, profile []byte) []byte {
	size := 512 + len(profile) + len(profile)/maxSegment*32 + w.body.size()
	out := append(make([]byte, 0, size), 0xff, mSOI)
	if w.jfif != nil {
		out = appendSegment(out, mAPP0, w.jfif)
	}
	if orientation > 1 {
		out = appendSegment(out, mAPP1, append([]byte(exifID+"\x00"), orientationEXIF(orientation)...))
	}
	out = appendProfile(out, profile)
	if w.adobe != nil {
		out = appendSegment(out, mAPP14, w.adobe)
	}
	return append(w.body.appendTo(out), 0xff, mEOI)
}

func appendSegment(out []byte, marker byte, payload []byte) []byte {
	out = append(out, 0xff, marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(payload)+2))
	return append(out, payload...)
}

func appendProfile(out, profile []byte) []byte {
	const room = maxSegment - len(profileID) - 2
	count := (len(profile) + room - 1) / room
	for i := range count {
		part := profile[i*room : min((i+1)*room, len(profile))]
		head := append([]byte(profileID), byte(i+1), byte(count))
		out = appendSegment(out, mAPP2, append(head, part...))
	}
	return out
}
