package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// position is where a value stands in the file, from 1.
type position struct{ line, column int }

// locate finds each key of a file that is known to parse, by its dotted name.
func locate(raw []byte) map[string]position {
	found := map[string]position{}
	var table []string
	parser := unstable.Parser{}
	parser.Reset(raw)
	for parser.NextExpression() {
		node := parser.Expression()
		var path []string
		var first *unstable.Node
		for keys := node.Key(); keys.Next(); {
			if first == nil {
				first = keys.Node()
			}
			path = append(path, string(keys.Node().Data))
		}
		if node.Kind == unstable.Table || node.Kind == unstable.ArrayTable {
			table = path
		} else {
			path = append(slices.Clone(table), path...)
		}
		if first == nil {
			continue
		}
		at := parser.Shape(first.Raw).Start
		found[strings.Join(path, ".")] = position{at.Line, at.Column}
	}
	return found
}

// nearest returns the known key that was most likely meant, or "".
func nearest(key []string) string {
	given := strings.Join(key, ".")
	best, bestCost := "", 4
	for _, known := range knownKeys(reflect.TypeFor[Config](), "") {
		if cost := distance(given, known); cost < bestCost {
			best, bestCost = known, cost
		}
	}
	if best != "" || len(key) == 0 {
		return best
	}
	// The right key in the wrong table, or in none.
	for _, known := range knownKeys(reflect.TypeFor[Config](), "") {
		if known[strings.LastIndex(known, ".")+1:] == key[len(key)-1] {
			return known
		}
	}
	return ""
}

func knownKeys(of reflect.Type, prefix string) []string {
	var keys []string
	for i := range of.NumField() {
		field := of.Field(i)
		name := prefix + field.Tag.Get("toml")
		keys = append(keys, name)
		if field.Type.Kind() == reflect.Struct {
			keys = append(keys, knownKeys(field.Type, name+".")...)
		}
	}
	return keys
}

// distance is the number of letters to change, add or remove (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
