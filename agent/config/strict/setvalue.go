package strict

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// SetValue puts a value, as TOML writes it, in the place of that of a dotted key, and leaves everything else as it is,
// comments too. ok is false where the text does not set the key to a text, a number, a switch or a list of these.
func SetValue(raw []byte, key, value string) (changed []byte, ok bool) {
	t := newText(raw)
	parser := &unstable.Parser{}
	parser.Reset(t.raw)
	for table := []string(nil); parser.NextExpression(); {
		node := parser.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, _ = keyPath(nil, node)
		case unstable.KeyValue:
			path, last := keyPath(table, node)
			if strings.Join(path, ".") != key {
				continue
			}
			begin := t.afterEquals(int(last.Raw.Offset + last.Raw.Length))
			end, known := valueEnd(t.raw, node.Value(), begin)
			if !known {
				return raw, false
			}
			return slices.Concat(t.raw[:begin], []byte(value), t.raw[end:]), true
		default: // a comment
		}
	}
	return raw, false
}

// valueEnd is where a value ends; the parser does not say it of lists.
func valueEnd(raw []byte, value *unstable.Node, begin int) (end int, known bool) {
	switch value.Kind {
	case unstable.Array:
		end = begin + 1
		for children := value.Children(); children.Next(); {
			if children.Node().Raw.Length == 0 { // a list in the list, or a table
				return 0, false
			}
			end = int(children.Node().Raw.Offset + children.Node().Raw.Length)
		}
		closing := bytes.IndexByte(raw[end:], ']')
		return end + closing + 1, closing >= 0
	case unstable.InlineTable:
		return 0, false
	default:
		return int(value.Raw.Offset + value.Raw.Length), value.Raw.Length > 0
	}
}
