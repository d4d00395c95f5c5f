package strict

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Edit is one name of a key that Rename has changed.
type Edit struct {
	// Offset is where it begins in the changed text, in bytes.
	Offset int
	// Line counts from 1, and is the same in both texts.
	Line int
	// Key is the dotted key as it was; Was and Is are its last part, as it is written.
	Key, Was, Is string
}

// Now is the dotted key as it is.
func (e Edit) Now() string {
	table, _ := split(e.Key)
	return below(table, e.Is)
}

// Rename gives keys of an older form of a file their present names, and leaves everything else as it is: values,
// comments, the order, the lines. names are the new last parts by the whole dotted keys; tables are not renamed. A
// text that is no TOML is changed up to where it breaks.
func Rename(raw []byte, names map[string]string) ([]byte, []Edit) {
	t := newText(raw)
	r := renamer{names: names, parser: &unstable.Parser{}}
	r.parser.Reset(t.raw)
	for table := []string(nil); r.parser.NextExpression(); {
		node := r.parser.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, _ = keyPath(nil, node)
		case unstable.KeyValue:
			r.keyValue(table, node)
		default: // a comment
		}
	}
	slices.SortFunc(r.found, func(a, b Edit) int { return a.Offset - b.Offset })
	var out []byte
	last := 0
	for i := range r.found {
		e := &r.found[i]
		begin := e.Offset
		e.Line, _ = t.position(begin)
		out = append(out, t.raw[last:begin]...)
		e.Offset = len(out)
		out = append(out, e.Is...)
		last = begin + len(e.Was)
	}
	return append(out, t.raw[last:]...), r.found
}

type renamer struct {
	names  map[string]string
	parser *unstable.Parser
	found  []Edit // with offsets in the old text
}

func (r *renamer) keyValue(table []string, node *unstable.Node) {
	path, last := keyPath(table, node)
	key := strings.Join(path, ".")
	if is, ok := r.names[key]; ok {
		r.found = append(r.found, Edit{Offset: int(last.Raw.Offset), Key: key, Was: string(r.parser.Raw(last.Raw)), Is: is})
	}
	if value := node.Value(); value.Kind == unstable.InlineTable {
		for children := value.Children(); children.Next(); {
			r.keyValue(path, children.Node())
		}
	}
}

// keyPath is the dotted key of a heading, or of a value in a table, and its last part.
func keyPath(table []string, node *unstable.Node) (path []string, last *unstable.Node) {
	path = slices.Clone(table)
	for keys := node.Key(); keys.Next(); {
		last = keys.Node()
		path = append(path, string(last.Data))
	}
	return path, last
}
