package strict

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Value is a key and what it is set to, in TOML.
type Value struct {
	// Key is as in problems, and as Document.From wants it; Written is the key as a file names it.
	Key, Written string
	Text         string
}

// Values lists what a struct holds, in its order, as lines `Written = Text` that Decode reads into the same struct. A
// pointer that is nil and a list of tables that is empty are left out, as a file would.
func Values(of any) []Value { return values(reflect.ValueOf(of), "", "") }

func values(v reflect.Value, key, written string) []Value {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	of := v.Type()
	switch {
	case isTable(of) && of.Kind() == reflect.Struct:
		var list []Value
		for i := range of.NumField() {
			if name, ok := keyName(of.Field(i)); ok {
				list = append(list, values(v.Field(i), below(key, name), below(written, name))...)
			}
		}
		return list
	case isTable(of) && of.Kind() == reflect.Map:
		var list []Value
		for _, name := range sortedNames(v) {
			inner := v.MapIndex(reflect.ValueOf(name).Convert(of.Key()))
			list = append(list, values(inner, below(key, name), below(written, bareKey(name)))...)
		}
		return list
	case isTableList(of) && v.Len() == 0:
		return nil
	default:
		return []Value{{Key: key, Written: written, Text: render(v)}}
	}
}

func below(table, name string) string {
	if table == "" {
		return name
	}
	return table + "." + name
}

func sortedNames(m reflect.Value) []string {
	names := map[string]bool{}
	for _, k := range m.MapKeys() {
		names[k.String()] = true
	}
	return slices.Sorted(maps.Keys(names))
}

var bareKeys = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func bareKey(name string) string {
	if bareKeys.MatchString(name) {
		return name
	}
	return quote(name)
}

// render writes one value.
func render(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			panic(fmt.Sprintf("strict: %T has no text: %v", v.Interface(), err)) // the types of a configuration have one
		}
		return quote(string(text))
	}
	switch v.Kind() {
	case reflect.Pointer:
		return render(v.Elem())
	case reflect.String:
		return quote(v.String())
	case reflect.Float64, reflect.Float32:
		return float(v.Float())
	case reflect.Slice:
		return list(v)
	case reflect.Struct:
		return inline(v)
	default:
		return fmt.Sprint(v.Interface())
	}
}

func list(v reflect.Value) string {
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = render(v.Index(i))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// inline leaves out what is nil: there, to be absent is another thing than to be empty.
func inline(v reflect.Value) string {
	var parts []string
	for i := range v.NumField() {
		field := v.Field(i)
		name, ok := keyName(v.Type().Field(i))
		if !ok || (field.Kind() == reflect.Slice || field.Kind() == reflect.Pointer) && field.IsNil() {
			continue
		}
		parts = append(parts, bareKey(name)+" = "+render(field))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// float has a point, so that it is a float in the file, too.
func float(f float64) string {
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// Quote writes a text as TOML does.
func Quote(s string) string { return quote(s) }

// quote writes a basic string: what JSON escapes, TOML reads, but for one letter.
func quote(s string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		panic(err) // a string is always JSON
	}
	return strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), "\x7f", `\u007F`)
}
