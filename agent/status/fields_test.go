package status

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFieldsAreAsPromised: each field of the document is explained, with its type, and whether it may be absent; and what is
// explained is there. A field that is renamed or taken away breaks the programs that read it.
func TestFieldsAreAsPromised(t *testing.T) {
	var promised []string
	absent := map[string]bool{}
	line := regexp.MustCompile(`(?m)^([a-z0-9_.\[\]]+) +(string|number|boolean|time|list|object) +(.+)$`)
	for _, m := range line.FindAllStringSubmatch(Fields, -1) {
		promised = append(promised, m[1]+" "+m[2])
		absent[m[1]] = strings.Contains(m[3], "absent") || m[1] == "link.since" || m[1] == "link.s3_address"
	}
	var there []string
	walk(reflect.TypeFor[Snapshot](), "", func(path, kind string, optional bool) {
		there = append(there, path+" "+kind)
		if optional != absent[path] && path != "hourly_from" { // it is there in every agent's document
			t.Errorf("%s may be absent: %v, which is not what fields.txt says", path, optional)
		}
	})
	if !slices.Equal(promised, there) {
		t.Errorf("fields.txt promises\n%s\nand the types have\n%s", strings.Join(promised, "\n"), strings.Join(there, "\n"))
	}
	for _, l := range strings.Split(Fields, "\n") {
		if len([]rune(l)) > 130 {
			t.Errorf("too long for a terminal: %q", l)
		}
	}
}

// walk calls each for every field of a struct's JSON.
func walk(of reflect.Type, under string, each func(path, kind string, optional bool)) {
	for field := range of.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		path, optional, of := under+name, strings.Contains(options, "omit"), field.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		switch {
		case of == reflect.TypeFor[time.Time]():
			each(path, "time", optional)
		case of.Kind() == reflect.Slice:
			each(path+"[]", "list", optional)
			if of.Elem().Kind() == reflect.Struct {
				walk(of.Elem(), path+"[].", each)
			}
		case of.Kind() == reflect.Struct:
			if optional { // else its fields say that it is there
				each(path, "object", true)
			}
			walk(of, path+".", each)
		default:
			each(path, map[reflect.Kind]string{
				reflect.String: "string", reflect.Bool: "boolean", reflect.Map: "object", reflect.Int: "number", reflect.Int64: "number",
				reflect.Float64: "number",
			}[of.Kind()], optional)
		}
	}
}
