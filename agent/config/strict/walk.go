package strict

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// walker holds the file's expressions against the struct, one by one, because the library's own decoder stops
// at the first value of a wrong type.
type walker struct {
	document *Document
	parser   *unstable.Parser
	known    []string // every key that the struct has
	table    place    // that the following keys are in
	skip     bool     // the table is unknown: one mistake, not one for each of its keys
	// defined holds the offsets of values and table headings that must not come twice, by their path.
	defined map[string]int
	// elements counts the tables of each list of tables.
	elements map[string]int
}

// place is a point in the struct.
type place struct {
	path []string
	of   reflect.Type
}

func (p place) key() string { return strings.Join(p.path, ".") }

// id differs for `a.b` and `"a.b"`, which are different keys.
func (p place) id() string { return strings.Join(p.path, "\x00") }

func (p place) child(name string, of reflect.Type) place {
	return place{append(slices.Clone(p.path), name), of}
}

// element is the n-th table of a list of tables.
func (p place) element(n int) place {
	path := slices.Clone(p.path)
	path[len(path)-1] += fmt.Sprintf("[%d]", n)
	return place{path, bare(p.of).Elem()}
}

func newWalker(d *Document, root reflect.Type) *walker {
	w := &walker{
		document: d, parser: &unstable.Parser{}, known: keysOf(root, ""),
		table: place{of: root}, defined: map[string]int{}, elements: map[string]int{},
	}
	w.parser.Reset(d.text.raw)
	return w
}

func (w *walker) walk() {
	root := w.table
	for w.parser.NextExpression() && !w.document.tooMany() {
		node := w.parser.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			var known bool
			w.table, known = w.enter(root, node)
			w.skip = !known
		case unstable.KeyValue:
			if !w.skip {
				w.keyValue(w.table, node)
			}
		default: // a comment
		}
	}
	var broken *unstable.ParserError
	if errors.As(w.parser.Error(), &broken) {
		offset, words := w.document.text.syntax(int(w.parser.Range(broken.Highlight).Offset), broken.Message)
		w.document.add(offset, "", words)
	}
}

// enter follows a table's heading.
func (w *walker) enter(at place, node *unstable.Node) (place, bool) {
	offset := absent
	for keys := node.Key(); keys.Next(); {
		if offset == absent {
			offset = int(keys.Node().Raw.Offset)
		}
		next, ok := w.descend(at, keys.Node(), offset)
		if !ok {
			return at, false
		}
		last := keys.IsLast()
		if last && node.Kind == unstable.ArrayTable {
			return w.append(next, offset)
		}
		if isTableList(next.of) {
			next = next.element(max(0, w.elements[next.id()]-1))
		}
		at = next
		if !last {
			continue
		}
		if !isTable(at.of) {
			w.document.add(offset, at.key(), fmt.Sprintf("want %s, not a table", wanted(at.of)))
			return at, false
		}
		return at, w.define(at, offset, "this table is there twice; the first is in line %d")
	}
	return at, true
}

// append begins another table of a list of tables, [[…]].
func (w *walker) append(list place, offset int) (place, bool) {
	w.locate(list, offset)
	if !isTableList(list.of) {
		w.document.add(offset, list.key(), fmt.Sprintf("want %s, not a list of tables; write single brackets around a table's name", wanted(list.of)))
		return list, false
	}
	n := w.elements[list.id()]
	w.elements[list.id()]++
	element := list.element(n)
	w.locate(element, offset)
	return element, true
}

// descend goes one name deeper; it reports a name that is not there. begin is where the whole key begins.
func (w *walker) descend(at place, name *unstable.Node, begin int) (place, bool) {
	key := string(name.Data)
	switch of := bare(at.of); {
	case of.Kind() == reflect.Interface:
		return at.child(key, of), true
	case of.Kind() == reflect.Map && isTable(of):
		return at.child(key, of.Elem()), true
	case isTable(of):
		if field, ok := fieldNamed(of, key); ok {
			return at.child(key, field.Type), true
		}
		wrong := at
		for rest := name; rest.Valid(); rest = rest.Next() { // the whole key says best what was meant
			wrong = wrong.child(string(rest.Data), of)
		}
		message := "there is no such key"
		// Below a map, whose keys are the file's own, the struct says what is known here.
		known := append(keysOf(of, plain(append(slices.Clone(at.path), ""))), w.known...)
		if near := nearest(known, plain(wrong.path)); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		w.document.add(begin, wrong.key(), message)
	default:
		w.document.add(begin, at.key(), fmt.Sprintf("want %s, not a table", wanted(of)))
	}
	return at, false
}

func (w *walker) keyValue(at place, node *unstable.Node) {
	begin, end := absent, 0
	for keys := node.Key(); keys.Next(); {
		raw := keys.Node().Raw
		if begin == absent {
			begin = int(raw.Offset)
		}
		end = int(raw.Offset + raw.Length)
		var ok bool
		if at, ok = w.descend(at, keys.Node(), begin); !ok {
			return
		}
	}
	if w.define(at, begin, "is set twice; the first is in line %d") {
		w.value(at, node.Value(), w.document.text.afterEquals(end))
	}
}

func (w *walker) define(at place, offset int, twice string) bool {
	if first, again := w.defined[at.id()]; again {
		line, _ := w.document.text.position(first)
		w.document.add(offset, at.key(), fmt.Sprintf(twice, line))
		return false
	}
	w.defined[at.id()] = offset
	w.locate(at, offset)
	return true
}

func (w *walker) locate(at place, offset int) {
	if !w.document.Has(at.key()) {
		w.document.keys[at.key()] = offset
	}
}
