package config

import "net/netip"

// The words of status.pictures.
const (
	picturesLoopback = "loopback"
	picturesAlways   = "always"
	picturesNever    = "never"
)

// ShowPictures tells whether the status page may show what the cameras see.
func (s Status) ShowPictures() bool {
	at, err := netip.ParseAddrPort(s.Listen)
	if err != nil { // no page
		return false
	}
	return s.Pictures == picturesAlways || s.Pictures == picturesLoopback && at.Addr().Unmap().IsLoopback()
}
