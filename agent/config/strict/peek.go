package strict

import (
	"bytes"

	"github.com/pelletier/go-toml/v2"
)

// Peek reads of a text what a struct has a place for, and checks nothing else of it.
func Peek(raw []byte, into any) error {
	return toml.Unmarshal(bytes.TrimPrefix(raw, byteOrderMark), into)
}
