package strict

import (
	"reflect"
	"strings"
)

// Keys lists every key and table that a struct, or a pointer to one, can be given. The keys of maps are the
// file's own, so they are not listed.
func Keys(of any) []string { return keysOf(bare(reflect.TypeOf(of)), "") }

func keysOf(of reflect.Type, prefix string) []string {
	var keys []string
	for i := range of.NumField() {
		name, ok := keyName(of.Field(i))
		if !ok {
			continue
		}
		keys = append(keys, prefix+name)
		inner := bare(of.Field(i).Type)
		if isTableList(inner) {
			inner = bare(inner.Elem())
		}
		if isTable(inner) && inner.Kind() == reflect.Struct {
			keys = append(keys, keysOf(inner, prefix+name+".")...)
		}
	}
	return keys
}

// Settable lists the keys that an Override can set: values, and lists of values, whose names the struct alone decides.
func Settable(of any) []string { return settable(bare(reflect.TypeOf(of)), "") }

func settable(of reflect.Type, prefix string) []string {
	var keys []string
	for i := range of.NumField() {
		name, ok := keyName(of.Field(i))
		if !ok {
			continue
		}
		switch inner := bare(of.Field(i).Type); {
		case isTable(inner) && inner.Kind() == reflect.Struct:
			keys = append(keys, settable(inner, prefix+name+".")...)
		case isTable(inner) || isTableList(inner) || isList(inner) && isList(inner.Elem()):
		default:
			keys = append(keys, prefix+name)
		}
	}
	return keys
}

// Nearest is the known key that was most likely meant, or "".
func Nearest(known []string, given string) string { return nearest(known, given) }

func fieldNamed(of reflect.Type, name string) (reflect.StructField, bool) {
	for i := range of.NumField() {
		if key, ok := keyName(of.Field(i)); ok && key == name {
			return of.Field(i), true
		}
	}
	return reflect.StructField{}, false
}

func keyName(field reflect.StructField) (string, bool) {
	name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
	return name, field.IsExported() && name != "" && name != "-"
}

// plain is a path without the numbers of elements.
func plain(path []string) string {
	parts := make([]string, len(path))
	for i, part := range path {
		parts[i] = part
		if name, _, numbered := strings.Cut(part, "["); numbered && strings.HasSuffix(part, "]") {
			parts[i] = name
		}
	}
	return strings.Join(parts, ".")
}

// nearest is the known key that was most likely meant, or "".
func nearest(known []string, given string) string {
	if key := elsewhere(known, given); key != "" {
		return key
	}
	// Further off than four letters, or than half the name, it is a guess.
	best, cost := "", min(5, len(given)/2+1)
	for _, key := range known {
		if d := distance(given, key, cost); d < cost {
			best, cost = key, d
		}
	}
	return best
}

// elsewhere is a key of exactly this name in another table, unless the name is a mere slip of one in its own.
func elsewhere(known []string, given string) string {
	table, name := split(given)
	best, cost := "", len(given)+maxShownKey
	for _, key := range known {
		itsTable, itsName := split(key)
		if itsTable == table && distance(given, key, 3) < 3 {
			return ""
		}
		if itsName != name {
			continue
		}
		if d := distance(given, key, cost); d < cost {
			best, cost = key, d
		}
	}
	return best
}

func split(key string) (table, name string) {
	at := strings.LastIndexByte(key, '.')
	return key[:max(at, 0)], key[at+1:]
}

// distance is the number of bytes to change, add or remove (Levenshtein), or limit when it is not less.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit // also keeps the work small: a file can hold a key of a megabyte
	}
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
	return min(row[len(b)], limit)
}
