package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// explain turns the decoder's error into one line per mistake: file:line:column, key, what is wrong.
func explain(path string, raw []byte, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		var mistakes []error
		for _, mistake := range unknown.Errors {
			line, column := mistake.Position()
			mistakes = append(mistakes, fmt.Errorf("%s:%d:%d: %s: there is no such key%s",
				path, line, column, strings.Join(mistake.Key(), "."), suggestion(mistake.Key())))
		}
		return errors.Join(mistakes...)
	}
	var broken *toml.DecodeError
	if errors.As(err, &broken) {
		line, column := broken.Position()
		// What parses as TOML can only have the wrong type, which the decoder would tell in words of Go.
		if toml.Unmarshal(raw, &map[string]any{}) == nil {
			key := strings.Join(broken.Key(), ".")
			return fmt.Errorf("%s:%d:%d: %s: want %s", path, line, column, key, wanted(reflect.TypeFor[settings](), broken.Key()))
		}
		return fmt.Errorf("%s:%d:%d: %s", path, line, column, strings.TrimPrefix(broken.Error(), "toml: "))
	}
	return fmt.Errorf("%s: %s", path, strings.TrimPrefix(err.Error(), "toml: "))
}

// wanted says what the value of a key looks like.
func wanted(of reflect.Type, key []string) string {
	switch of.Kind() {
	case reflect.Struct:
		for i := range of.NumField() {
			if len(key) > 0 && of.Field(i).Tag.Get("toml") == key[0] {
				return wanted(of.Field(i).Type, key[1:])
			}
		}
		return "a table"
	case reflect.Map:
		if len(key) > 0 {
			return wanted(of.Elem(), key[1:])
		}
		return "a table"
	case reflect.Slice:
		return "a list of texts"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text in quotes"
	default:
		return "a whole number"
	}
}

// suggestion names the known key that was most likely meant: the nearest name, or the right name elsewhere.
func suggestion(key []string) string {
	given := strings.Join(key, ".")
	// Further off than four letters, or than half the name, it is a guess.
	best, cost := "", min(5, len(given)/2+1)
	for _, known := range knownKeys(reflect.TypeFor[settings](), "") {
		if d := distance(given, known); d < cost {
			best, cost = known, d
		}
		if best == "" && known[strings.LastIndex(known, ".")+1:] == key[len(key)-1] {
			best = known
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

func knownKeys(of reflect.Type, prefix string) []string {
	var keys []string
	for i := range of.NumField() {
		field := of.Field(i)
		name, ok := field.Tag.Lookup("toml")
		if !ok {
			continue
		}
		keys = append(keys, prefix+name)
		if field.Type.Kind() == reflect.Struct {
			keys = append(keys, knownKeys(field.Type, prefix+name+".")...)
		}
	}
	return keys
}

// distance is the number of bytes to change, add or remove (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// where is file:line:column of a key in a file that parses, or the file alone when the key is absent.
func where(path string, raw []byte, key string) string {
	var table []string
	var parser unstable.Parser
	parser.Reset(raw)
	for parser.NextExpression() {
		var names []string
		var first *unstable.Node
		for part := parser.Expression().Key(); part.Next(); {
			if first == nil {
				first = part.Node()
			}
			names = append(names, string(part.Node().Data))
		}
		if kind := parser.Expression().Kind; kind == unstable.Table || kind == unstable.ArrayTable {
			table = names
		} else {
			names = slices.Concat(table, names)
		}
		if first != nil && strings.Join(names, ".") == key {
			start := parser.Shape(first.Raw).Start
			return fmt.Sprintf("%s:%d:%d", path, start.Line, start.Column)
		}
	}
	return path
}
