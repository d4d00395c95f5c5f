package frame

import "encoding/binary"

// maxProfile is the largest colour profile that is kept, in bytes. Profiles of cameras and screens are below
// 1 MiB; the limit is for a compressed one that claims to be small.
const maxProfile = 4 << 20

// validProfile returns the ICC profile at the start of p, without what follows it, if there is one.
// Source: ICC.1:2022, 7.2: the size is the first field, "acsp" is at offset 36, 128 bytes are the header, and
// the tag count follows it.
func validProfile(p []byte) ([]byte, bool) {
	if len(p) < 132 || len(p) > maxProfile || string(p[36:40]) != "acsp" {
		return nil, false
	}
	size := binary.BigEndian.Uint32(p)
	if size < 132 || uint64(size) > uint64(len(p)) {
		return nil, false
	}
	return p[:size], true
}
