package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// wanter is a value type that says what it looks like in the file: "a time span in quotes, such as …".
type wanter interface{ Want() string }

var (
	wanterType          = reflect.TypeFor[wanter]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	sizeType            = reflect.TypeFor[Size]()
	timeType            = reflect.TypeFor[time.Time]()
)

// value holds a value against its type. offset is where it begins if the parser does not know.
func (w *walker) value(at place, node *unstable.Node, offset int) {
	if node.Raw.Length > 0 {
		offset = int(node.Raw.Offset)
	}
	of := bare(at.of)
	switch {
	case of == timeType || of.Kind() == reflect.Interface: // the library knows best
	case isText(of):
		w.text(at, node, offset)
	case isTable(of) && node.Kind == unstable.InlineTable:
		for children := node.Children(); children.Next() && !w.document.tooMany(); {
			w.keyValue(at, children.Node())
		}
	case isList(of) && node.Kind == unstable.Array:
		w.list(at, node, offset)
	case of.Kind() == reflect.Bool && node.Kind == unstable.Bool,
		of.Kind() == reflect.String && node.Kind == unstable.String,
		isFloat(of) && (node.Kind == unstable.Float || node.Kind == unstable.Integer):
	case isInteger(of) && node.Kind == unstable.Integer:
		if !fits(of, string(w.parser.Raw(node.Raw))) {
			w.document.add(offset, at.key(), w.shown(node)+" is too large, or negative")
		}
	default:
		w.mismatch(at, node, offset)
	}
}

func (w *walker) list(at place, node *unstable.Node, offset int) {
	n := 0
	for children := node.Children(); children.Next() && !w.document.tooMany(); n++ {
		element := place{at.path, bare(at.of).Elem()}
		if isTableList(at.of) {
			element = at.element(n)
			w.locate(element, offset)
		}
		w.value(element, children.Node(), offset)
	}
}

// text tries a value that is written as a text; a Size may also be a bare number of bytes.
func (w *walker) text(at place, node *unstable.Node, offset int) {
	of := bare(at.of)
	written := string(node.Data)
	switch {
	case node.Kind == unstable.String:
	case of == sizeType && node.Kind == unstable.Integer:
		n, err := strconv.ParseInt(string(w.parser.Raw(node.Raw)), 0, 64)
		if err != nil {
			w.mismatch(at, node, offset)
			return
		}
		written = strconv.FormatInt(n, 10)
	default:
		w.mismatch(at, node, offset)
		return
	}
	if err := reflect.New(of).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(written)); err != nil {
		w.document.add(offset, at.key(), err.Error())
	}
}

func (w *walker) mismatch(at place, node *unstable.Node, offset int) {
	want := wanted(at.of)
	if node.Kind == unstable.String && !strings.Contains(want, "quotes") && !isList(bare(at.of)) && !isTable(bare(at.of)) {
		want += " without quotes"
	}
	w.document.add(offset, at.key(), fmt.Sprintf("want %s, not %s", want, w.shown(node)))
}

// shown is a value as a person knows it from the file.
func (w *walker) shown(node *unstable.Node) string {
	switch node.Kind {
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	case unstable.String:
		return strconv.Quote(shorten(string(node.Data), maxShownValue))
	default:
		return shorten(string(w.parser.Raw(node.Raw)), maxShownValue)
	}
}

// wanted says what the value of a type looks like.
func wanted(of reflect.Type) string {
	of = bare(of)
	switch {
	case of.Implements(wanterType):
		return reflect.Zero(of).Interface().(wanter).Want()
	case isText(of), of.Kind() == reflect.String:
		return "a text in quotes"
	case isTable(of):
		return "a table"
	case isTableList(of):
		return "a list of tables"
	case isList(of) && bare(of.Elem()).Kind() == reflect.String:
		return `a list of texts, such as ["…", "…"]`
	case isList(of):
		return "a list, each " + wanted(of.Elem())
	case of.Kind() == reflect.Bool:
		return "true or false"
	case isFloat(of):
		return "a number"
	default:
		return "a whole number"
	}
}

func bare(of reflect.Type) reflect.Type {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	return of
}

func isText(of reflect.Type) bool { return reflect.PointerTo(bare(of)).Implements(textUnmarshalerType) }

func isTable(of reflect.Type) bool {
	of = bare(of)
	return !isText(of) && (of.Kind() == reflect.Struct || of.Kind() == reflect.Map) || of.Kind() == reflect.Interface
}

func isList(of reflect.Type) bool {
	return !isText(of) && (bare(of).Kind() == reflect.Slice || bare(of).Kind() == reflect.Array)
}

func isTableList(of reflect.Type) bool { return isList(of) && isTable(bare(of).Elem()) }

func isFloat(of reflect.Type) bool {
	return of.Kind() == reflect.Float32 || of.Kind() == reflect.Float64
}

func isInteger(of reflect.Type) bool { return of.Kind() >= reflect.Int && of.Kind() <= reflect.Uint64 }

// fits tells whether an integer as written has room in a type.
func fits(of reflect.Type, written string) bool {
	n, err := strconv.ParseInt(written, 0, 64)
	if err != nil {
		return false
	}
	if of.Kind() >= reflect.Uint {
		return n >= 0 && !of.OverflowUint(uint64(n))
	}
	return !of.OverflowInt(n)
}
