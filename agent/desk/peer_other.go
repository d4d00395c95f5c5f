//go:build !linux

package desk

import (
	"errors"
	"net"
)

// peerUID is for Linux only.
func peerUID(net.Conn) (int, error) { return 0, errors.ErrUnsupported }
